"""Hyperparameters of a LoRA adapter."""

import pytest

pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tunesmith.transformers import search

from . import tiny

LOSS = {"metric": "eval_loss"}
SPACE = {"lora.r": [2, 4], "lora.lora_alpha": [8], "lora.target_modules": [["query"]]}


@pytest.mark.parametrize("has_adapter", [False, True])
def test_an_adapter_gets_its_hyperparameters(tmp_path, has_adapter):
    ranks = []

    class See(tiny.TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, **rest):
            [config] = model.peft_config.values()
            ranks.append((config.r, config.lora_alpha, sorted(config.target_modules)))

    def model_init():
        model = tiny.model_init()
        if not has_adapter:
            return model
        return peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", r=1, target_modules=["value"]))

    found = search(tiny.trainer(tmp_path / "out", model_init, [See()]), SPACE, method="grid", **LOSS)
    assert sorted(ranks) == [(2, 8, ["query"]), (4, 8, ["query"])]
    assert (found.model / "adapter_config.json").is_file()


def test_a_hyperparameter_that_the_adapter_does_not_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="LoraConfig has no rank"):
        search(tiny.trainer(tmp_path / "out"), {"lora.rank": [2]}, trials=1, **LOSS)
