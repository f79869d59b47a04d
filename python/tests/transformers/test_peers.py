"""Where the Trainer's own search goes wrong, and that ours does not. Each shows the defect in transformers first."""

import pytest

transformers = pytest.importorskip("transformers")
optuna = pytest.importorskip("optuna")

from transformers.trainer_utils import HPSearchBackend

import tunesmith
from tunesmith.transformers import search

from . import tiny

pytestmark = pytest.mark.peer
SEEDS = {"forwards": [1, 2, 3], "backwards": [3, 2, 1]}


def theirs(folder, hp_space, queued, callbacks=(), model_init=tiny.model_init):
    study = {"storage": optuna.storages.InMemoryStorage(), "study_name": "peer"}
    known = optuna.create_study(**study)
    for params in queued:
        known.enqueue_trial(params)
    tiny.trainer(folder, model_init, callbacks).hyperparameter_search(
        hp_space=hp_space,
        n_trials=len(queued),
        backend="optuna",
        compute_objective=lambda metrics: metrics["eval_loss"],
        load_if_exists=True,
        **study,
    )


def first_weights(made):
    """A `model_init` that notes the first weight of each model."""

    def model_init():
        model = tiny.model_init()
        made.append(model.classifier.weight[0, 0].item())
        return model

    return model_init


def test_their_trials_are_initialised_with_the_seed_of_the_trial_before(tmp_path):
    def weights(order):
        made = []
        theirs(
            tmp_path / order,
            lambda trial: {"seed": trial.suggest_categorical("seed", [1, 2, 3])},
            [{"seed": seed} for seed in SEEDS[order]],
            model_init=first_weights(made),
        )
        return dict(zip(SEEDS[order], made[-3:], strict=True))

    assert weights("forwards") != weights("backwards"), "mended upstream"


def test_our_trials_are_initialised_with_their_own(tmp_path):
    def weights(order):
        made = []
        search(
            tiny.trainer(tmp_path / order, first_weights(made)),
            {"seed": [1, 2, 3]},
            metric="eval_loss",
            method="random",
            trials=3,
            enqueue=[{"seed": seed} for seed in SEEDS[order]],
        )
        return dict(zip(SEEDS[order], made[-3:], strict=True))

    assert weights("forwards") == weights("backwards")


class Decay(transformers.TrainerCallback):
    def __init__(self):
        self.seen = []

    def on_train_begin(self, args, state, control, **rest):
        self.seen.append(args.weight_decay)


def conditional(trial):
    params = {"lr_scheduler_type": trial.suggest_categorical("lr_scheduler_type", ["cosine", "linear"])}
    if params["lr_scheduler_type"] == "cosine":
        params["weight_decay"] = trial.suggest_float("weight_decay", 0.2, 0.3)
    return params


def test_their_conditional_parameters_leak_into_the_next_trial(tmp_path):
    decay = Decay()
    queued = [{"lr_scheduler_type": "cosine", "weight_decay": 0.25}, {"lr_scheduler_type": "linear"}]
    theirs(tmp_path / "out", conditional, queued, [decay])
    assert decay.seen == [0.25, 0.25], "mended upstream"


def test_ours_do_not(tmp_path):
    decay = Decay()
    space = {
        "lr_scheduler_type": ["cosine", "linear"],
        "weight_decay": {"min": 0.2, "max": 0.3, "when": {"lr_scheduler_type": "cosine"}},
    }
    queued = [{"lr_scheduler_type": "cosine", "weight_decay": 0.25}, {"lr_scheduler_type": "linear"}]
    search(
        tiny.trainer(tmp_path / "out", callbacks=[decay]), space, metric="eval_loss", trials=2, enqueue=queued
    )
    assert decay.seen == [0.25, 0.0]


def test_their_takeover_keeps_the_donors_learning_rate(tmp_path, monkeypatch):
    """What Ray's population-based training makes the Trainer do: the donor's checkpoint, other arguments. Ours is
    test_population.py."""
    # It knows dictionaries where Ray is installed.
    monkeypatch.setattr("transformers.integrations.hp_params", dict)
    donor = tiny.trainer(tmp_path / "donor", learning_rate=1e-3, lr_scheduler_type="constant", save_strategy="steps",
                         save_steps=4)
    donor.train()
    optimizers = tiny.Optimizers()
    taker = tiny.trainer(tmp_path / "taker", callbacks=[optimizers], lr_scheduler_type="constant")
    taker.hp_search_backend = HPSearchBackend.RAY
    taker._report_to_hp_search = lambda *report: None
    taker._get_output_dir = lambda trial: str(tmp_path / "taker")
    taker.train(str(tmp_path / "donor/checkpoint-4"), trial={"learning_rate": 5e-5, "weight_decay": 0.3})
    for _, rate, decay, wanted_rate, wanted_decay in optimizers.rows:
        assert (wanted_rate, wanted_decay) == (5e-5, 0.3)
        assert (rate, decay) == (1e-3, 0.0), "mended upstream"


def test_they_ignore_a_name_that_there_is_not(tmp_path):
    theirs(
        tmp_path / "out", lambda trial: {"learning_rte": trial.suggest_float("learning_rte", 0, 1)}, [{"learning_rte": 0.5}]
    )
    with pytest.raises(ValueError, match="did you mean learning_rate"):
        search(tiny.trainer(tmp_path / "other"), {"learning_rte": tunesmith.uniform(0, 1)}, metric="eval_loss", trials=1)


def test_rustuna_has_no_pruners():
    rustuna = pytest.importorskip("rustuna")
    assert not hasattr(rustuna, "pruners"), "mended upstream"
    assert "asha" in tunesmith.schedulers()
