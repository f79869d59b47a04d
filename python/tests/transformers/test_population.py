"""Population-based training of a Trainer: what is explored reaches the optimiser."""

import pytest

pytest.importorskip("transformers")

import tunesmith
from tunesmith.transformers import search
from tunesmith.transformers._callback import Overrider

from . import tiny

SPACE = {
    "learning_rate": tunesmith.loguniform(1e-4, 1e-2),
    "weight_decay": tunesmith.uniform(0.0, 0.3),
    "adam_beta1": tunesmith.uniform(0.5, 0.95),
}
POPULATION = {"name": "pbt", "population": 3, "interval": 0.25, "quantile": 0.34}
LOSS = {"metric": "eval_loss", "goal": "minimize"}


def run(folder, callbacks=(), scheduler="linear"):
    trainer = tiny.trainer(
        folder, callbacks=callbacks, num_train_epochs=2, lr_scheduler_type=scheduler, warmup_steps=2
    )
    return search(trainer, SPACE, method=POPULATION, trials=3, name="pbt", **LOSS)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_explored_hyperparameters_reach_the_optimiser(tmp_path, schedule):
    optimizers = tiny.Optimizers()
    found = run(tmp_path / "out", [optimizers], schedule)
    assert found.study.counts["completed"] == 3
    exploited = [one for one in found.study.trials if one.exploits]
    assert exploited, "somebody took over a state"
    for trial in exploited:
        for name in ("learning_rate", "weight_decay", "adam_beta1"):
            assert trial.read_back[name] == pytest.approx(trial.params[name], rel=1e-12)
        donor, _, before = trial.exploits[-1]
        assert donor != trial.number
        assert before["learning_rate"] != trial.params["learning_rate"]
    for step, rate, decay, wanted_rate, wanted_decay in optimizers.rows:
        assert decay == wanted_decay
        if schedule == "constant" or step == 2:
            assert rate == pytest.approx(wanted_rate, rel=1e-12)
    assert found.study.verify()["exploits"] == sum(len(one.exploits) for one in exploited)


def test_an_optimiser_that_keeps_the_donors_values_fails_the_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(Overrider, "on_train_begin", lambda self, args, state, control, **rest: control)
    with pytest.warns(UserWarning, match="and the optimiser has"):
        found = run(tmp_path / "out")
    failed = [one for one in found.study.trials if one.state == "failed"]
    assert failed
    assert all(one.exploits for one in failed)


def test_waiting_trials_go_on_from_their_checkpoints(tmp_path):
    optimizers = tiny.Optimizers()
    trainer = tiny.trainer(tmp_path / "out", callbacks=[optimizers], num_train_epochs=2)
    scheduler = {"type": "asha-promote", "eta": 2, "grace": 0.25}
    found = search(trainer, SPACE, method="random", trials=4, scheduler=scheduler, **LOSS)
    assert found.study.counts["completed"] >= 1
    steps = [row[0] for row in optimizers.rows]
    trained = sum(one.reports[-1].step for one in found.study.trials)
    assert len(steps) == trained, "no step was trained twice"
