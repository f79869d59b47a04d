"""The callback in trainings of Keras."""

import doctest
import os

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import numpy as np

import tunesmith
import tunesmith.keras
from tunesmith.keras import TunesmithCallback

X = np.random.RandomState(0).normal(size=(64, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def fit(trial, epochs=6, callback=None, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(trial["rate"]), loss="mse", metrics=["mae"])
    options = {"validation_data": (X, Y), **options}
    return model.fit(
        X, Y, epochs=epochs, verbose=0, callbacks=[callback or TunesmithCallback(trial)], **options
    ).history


def made(**options):
    return tunesmith.Study({"rate": tunesmith.loguniform(1e-4, 0.1)}, metric="val_loss", seed=0, **options)


def test_docstrings():
    assert doctest.testmod(tunesmith.keras).failed == 0


def test_every_epoch_is_reported():
    study = made(trials=3)
    for trial in study:
        history = fit(trial)
        assert [report.values["val_loss"] for report in study.trial(trial.number).reports] == history["val_loss"]
        assert trial.complete() == "completed"
    assert [report.step for report in study.best.reports] == [1, 2, 3, 4, 5, 6]
    assert study.best.reports[2].fraction == 0.5


def test_a_trial_that_is_worse_is_stopped():
    study = made(scheduler={"type": "asha", "grace": 1 / 3})
    study.enqueue({"rate": 0.1})
    study.enqueue({"rate": 1e-4})
    good, bad = study.ask(), study.ask()
    assert len(fit(good)["loss"]) == 6
    good.complete()
    callback = TunesmithCallback(bad)
    assert len(fit(bad, callback=callback)["loss"]) == 2
    assert callback.verdict == "prune" and bad.should_prune() and bad.is_over
    assert [trial.state for trial in study.trials] == ["completed", "pruned"]


def test_optimize_with_several_metrics():
    study = tunesmith.Study(
        {"rate": tunesmith.loguniform(1e-4, 0.1)},
        metrics=[{"name": "loss", "goal": "minimize"}, {"name": "mae", "goal": "minimize"}],
        trials=2,
    )
    study.optimize(lambda trial: fit(trial, callback=TunesmithCallback(trial, ["val_loss", "val_mae"])) and None)
    assert all(set(trial.values) == {"loss", "mae"} for trial in study.trials)
    assert study.counts["completed"] == 2


def test_a_metric_that_is_not_there():
    trial = made().ask()
    with pytest.raises(ValueError, match="accuracy is not in the logs; give `monitor` one of loss, mae, val_loss"):
        fit(trial, callback=TunesmithCallback(trial, "accuracy"))
    with pytest.raises(ValueError, match="val_loss is not in the logs.*loss, mae; fit.. computes val_"):
        fit(trial, validation_data=None)


def test_validation_now_and_then():
    trial = made().ask()
    callback = TunesmithCallback(trial, validation_freq=2)
    fit(trial, callback=callback, validation_freq=2)
    trial.complete()
    assert [report.step for report in trial._study.trial(0).reports] == [2, 4, 6]


def test_a_training_that_diverges_fails_and_ends():
    study = made()
    study.enqueue({"rate": 0.1})
    trial = study.ask()
    model_options = {"validation_data": (X, np.full_like(Y, np.nan))}
    assert len(fit(trial, **model_options)["loss"]) == 1
    assert study.trial(0).state == "failed"
