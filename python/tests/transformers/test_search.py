"""A search over the trainings of a Trainer."""

import gc
import math
import weakref

import pytest

transformers = pytest.importorskip("transformers")

import tunesmith
from tunesmith.transformers import enable, search

from . import tiny

SPACE = {"learning_rate": tunesmith.loguniform(1e-5, 1e-2), "weight_decay": tunesmith.uniform(0, 0.3)}
ACCURACY = {"metric": "eval_accuracy", "goal": "maximize"}


def test_a_search_finds_a_model_that_loads_and_scores_what_it_scored(tmp_path):
    trainer = tiny.trainer(tmp_path / "out")
    before = trainer.args
    found = search(trainer, SPACE, trials=3, method="random", **ACCURACY)
    assert trainer.args is before
    assert trainer.model_init is tiny.model_init
    assert found.study.counts["completed"] == 3
    assert found.best.values["eval_accuracy"] == max(one.values["eval_accuracy"] for one in found.study.trials)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(found.model)
    again = tiny.trainer(tmp_path / "again", model_init=lambda: model)
    again.model = model
    assert again.evaluate()["eval_accuracy"] == found.best.values["eval_accuracy"]
    kept = sorted(path.name for path in (tmp_path / "out/models").iterdir())
    assert kept == sorted(str(one.number) for one in found.study.front)


def test_the_log_has_what_was_used(tmp_path):
    found = search(tiny.trainer(tmp_path / "out"), SPACE, trials=1, method="random", **ACCURACY)
    [trial] = found.study.trials
    assert trial.effective == {
        **trial.params,
        "seed": trial.seed,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
    }
    assert trial.total_steps == 8
    assert [report.fraction for report in trial.reports] == [0.5, 1.0]


def test_a_trial_is_trained_with_its_own_seed(tmp_path):
    """Which the Trainer's own search does not do: see test_peers.py."""
    first = []

    def model_init():
        model = tiny.model_init()
        first.append(float(model.classifier.weight[0, 0]))
        return model

    def weights(seeds, folder):
        first.clear()
        space = {"learning_rate": 1e-3, "seed": {"values": [1, 2, 3]}}
        trainer = tiny.trainer(tmp_path / folder, model_init=model_init)
        search(trainer, space, trials=3, method="random", enqueue=[{"seed": seed} for seed in seeds], **ACCURACY)
        return dict(zip(seeds, first[-3:], strict=True))

    assert weights([1, 2, 3], "forwards") == weights([3, 2, 1], "backwards")


def test_what_one_trial_sets_another_does_not_see(tmp_path):
    seen = []

    class See(transformers.TrainerCallback):
        def on_train_begin(self, args, state, control, **rest):
            seen.append((args.lr_scheduler_type.value, args.weight_decay))

    def space(trial):
        params = {"lr_scheduler_type": trial.suggest_categorical("lr_scheduler_type", ["linear", "cosine"])}
        if trial.number == 0:
            params["weight_decay"] = trial.suggest_float("weight_decay", 0.2, 0.3)
        return params

    search(tiny.trainer(tmp_path / "out", callbacks=[See()]), space, trials=2, method="random", **ACCURACY)
    assert seen[0][1] >= 0.2
    assert seen[1][1] == 0.0


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"learning_rte": [1e-3]}, "did you mean learning_rate"),
        ({"warmup_ratio": [0.1]}, "warmup_ratio is no field"),
        ({"num_train_epochs": ["two"]}, "num_train_epochs takes float, not 'two'"),
        ({"seed": [17.9]}, "seed takes int, not 17.9"),
        ({"bf16_full_eval": ["false"]}, "bf16_full_eval takes bool"),
        ({"lr_scheduler_type": ["cosinus"]}, "cosinus"),
        ({"model.hidden_dropout": [0.1]}, "did you mean hidden_dropout_prob"),
        ({"learning_rate.x": [0.1]}, "has no parts"),
        ({"model.hidden_size": [32]}, "do not fit"),
    ],
)
def test_a_hyperparameter_that_nothing_takes_is_refused(tmp_path, space, words):
    with pytest.raises(ValueError, match=words):
        search(tiny.trainer(tmp_path / "out"), space, trials=1, **ACCURACY)


def test_a_fraction_is_not_cut_to_a_whole_number(tmp_path):
    """`warmup_steps=0.1` is a share of the steps; the Trainer's own search makes 0 of it."""
    found = search(tiny.trainer(tmp_path / "out"), {"warmup_steps": [0.1]}, trials=1, **ACCURACY)
    assert found.best.effective["warmup_steps"] == 0.1


def test_the_models_own_hyperparameters_are_reached(tmp_path):
    models = []

    class See(transformers.TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, **rest):
            models.append(model.bert.embeddings.dropout.p)

    space = {"model.hidden_dropout_prob": [0.37], "lr_scheduler_kwargs.num_cycles": [2], "lr_scheduler_type": "cosine"}
    found = search(tiny.trainer(tmp_path / "out", callbacks=[See()]), space, trials=1, **ACCURACY)
    assert models == [0.37]
    assert found.best.params["model.hidden_dropout_prob"] == 0.37


def test_a_missing_metric_is_named(tmp_path):
    with pytest.raises(ValueError, match="never reported; there are: .*eval_accuracy"):
        search(tiny.trainer(tmp_path / "out"), SPACE, metric="eval_f1", goal="maximize", trials=1)


def test_a_pruned_trial_stops_and_the_search_goes_on(tmp_path):
    trainer = tiny.trainer(tmp_path / "out", num_train_epochs=3)
    scheduler = {"type": "asha", "eta": 2, "grace": 0.1}
    found = search(trainer, SPACE, trials=8, method="random", scheduler=scheduler, **ACCURACY)
    counts = found.study.counts
    assert counts["completed"] + counts["pruned"] == 8
    assert counts["pruned"] >= 1
    stopped = next(one for one in found.study.trials if one.state == "pruned")
    assert stopped.reports[-1].fraction < 1
    assert found.study.verify()["suggestions"] == 8


def test_running_out_of_memory_shrinks_the_batch_and_then_fails_the_trial_alone(tmp_path):
    import torch

    class Greedy(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **rest):
            if args.per_device_train_batch_size > limit:
                raise torch.OutOfMemoryError("out of memory")

    limit = 4
    with pytest.warns(UserWarning, match="ran out of memory"):
        found = search(tiny.trainer(tmp_path / "out", callbacks=[Greedy()]), SPACE, trials=1, **ACCURACY)
    assert found.best.effective["per_device_train_batch_size"] == 4
    assert found.best.effective["gradient_accumulation_steps"] == 2

    space = {"per_device_train_batch_size": {"values": [1, 16]}}
    limit = 1
    with pytest.warns(UserWarning, match="trial . failed"):
        found = search(
            tiny.trainer(tmp_path / "other", callbacks=[Greedy()]), space, method="grid", shrink=False, **ACCURACY
        )
    states = {one.params["per_device_train_batch_size"]: (one.state, one.reason) for one in found.study.trials}
    assert states == {1: ("completed", None), 16: ("failed", "out of memory")}


def test_memory_comes_back_between_trials(tmp_path):
    alive = []
    counts = []

    def model_init():
        gc.collect()
        counts.append(sum(one() is not None for one in alive))
        model = tiny.model_init()
        alive.append(weakref.ref(model))
        return model

    search(tiny.trainer(tmp_path / "out", model_init=model_init), SPACE, trials=4, method="random", **ACCURACY)
    # The Trainer makes one model when it is made, and lets go of it at the first trial.
    assert counts[2:] == [0, 0, 0]


def test_a_number_that_is_not_finite_fails_the_trial_and_not_the_search(tmp_path):
    calls = iter([math.nan, 1.0, 1.0])
    found = search(
        tiny.trainer(tmp_path / "out", eval_strategy="no"), SPACE, compute_objective=lambda _: next(calls), trials=2
    )
    assert [one.state for one in found.study.trials] == ["failed", "completed"]
    assert "not finite" in found.study.trials[0].reason


def test_an_interrupted_search_goes_on(tmp_path):
    class Interrupt(transformers.TrainerCallback):
        is_on = True

        def on_step_end(self, args, state, control, **rest):
            if self.is_on and len(state.log_history) > 0:
                raise KeyboardInterrupt

    interrupt = Interrupt()
    settings = {"trials": 3, "name": "rte", "method": "random", **ACCURACY}
    trainer = tiny.trainer(tmp_path / "out", callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        search(trainer, SPACE, **settings)
    study = tunesmith.load("rte", tmp_path / "out/tunesmith.db")
    assert study.counts["queued"] == 1
    interrupt.is_on = False
    found = search(trainer, SPACE, **settings)
    assert found.study.counts["completed"] == 3
    assert found.study.trials[0].leases == 2


def test_the_published_call_needs_one_change(tmp_path):
    enable()
    enable()
    trainer = tiny.trainer(tmp_path / "out")
    best = trainer.hyperparameter_search(direction="maximize", backend="tunesmith", n_trials=3)
    assert set(best.hyperparameters) == {
        "learning_rate", "num_train_epochs", "seed", "per_device_train_batch_size"
    }
    assert best.run_summary.model.is_dir()
    trainer.args.set_training(learning_rate=best.hyperparameters["learning_rate"])


def test_a_space_as_for_optuna_names_runs_and_several_directions(tmp_path):
    enable()
    runs = tiny.trainer(tmp_path / "out").hyperparameter_search(
        hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True)},
        compute_objective=lambda metrics: (metrics["eval_loss"], metrics["eval_accuracy"]),
        direction=["minimize", "maximize"],
        hp_name=lambda trial: f"lr-{trial.number}",
        n_trials=3,
        backend="tunesmith",
        method="random",
    )
    assert 1 <= len(runs) <= 3
    assert all(len(run.objective) == 2 for run in runs)


def test_another_backend_is_left_to_the_trainer(tmp_path):
    enable()
    with pytest.raises((RuntimeError, ValueError, ImportError)):
        tiny.trainer(tmp_path / "out").hyperparameter_search(backend="nothing", n_trials=1)


def test_a_default_objective_of_several_metrics_is_named(tmp_path):
    enable()
    trainer = tiny.trainer(tmp_path / "out")
    trainer.compute_metrics = lambda prediction: {"accuracy": 0.5, "f1": 0.25}
    with pytest.warns(UserWarning, match="the sum of eval_accuracy, eval_f1"):
        best = trainer.hyperparameter_search(direction="maximize", backend="tunesmith", n_trials=1)
    assert best.objective == 0.75
