"""The callback in trainings of Lightning."""

import doctest
import importlib.util
import os
import subprocess
import sys
import warnings

import pytest

torch = pytest.importorskip("torch")
names = ("lightning.pytorch", "pytorch_lightning")
found = [name for name in names if importlib.util.find_spec(name.partition(".")[0])]
if not found:
    pytest.skip("needs Lightning", allow_module_level=True)

import tunesmith
import tunesmith.lightning
from tunesmith.lightning import TunesmithCallback

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
Y = X.sum(1, keepdim=True)


def module(package, rate, log="val_loss"):
    base = importlib.import_module(package).LightningModule

    class Line(base):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x):
            return self.layer(x)

        def training_step(self, batch, index):
            x, y = batch
            return torch.nn.functional.mse_loss(self(x), y)

        def validation_step(self, batch, index):
            x, y = batch
            self.log(log, torch.nn.functional.mse_loss(self(x), y))
            self.log("size", float(len(x)))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=rate)

    return Line()


def fit(package, trial, callback=None, log="val_loss", has_validation=True, more=(), **options):
    rows = torch.utils.data.TensorDataset(X, Y)
    loader = torch.utils.data.DataLoader(rows, batch_size=16)
    options = {"max_epochs": 6, **options}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning|pytorch_lightning")
        trainer = importlib.import_module(package).Trainer(
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[callback or TunesmithCallback(trial), *more],
            **options,
        )
        trainer.fit(module(package, trial["rate"], log), loader, loader if has_validation else None)
    return trainer


def made(**options):
    return tunesmith.Study({"rate": tunesmith.loguniform(1e-4, 0.1)}, metric="val_loss", seed=0, **options)


every = pytest.mark.parametrize("package", found)


def test_docstrings():
    if "lightning.pytorch" in found:
        assert doctest.testmod(tunesmith.lightning).failed == 0


@every
def test_every_validation_is_reported(package):
    study = made(trials=2)
    for trial in study:
        trainer = fit(package, trial)
        rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y))
        trainer.validate(module(package, 0.1), rows, verbose=False)
        assert trial.complete() == "completed"
    reports = study.best.reports
    assert [report.step for report in reports] == [4, 8, 12, 16, 20, 24]
    assert [report.fraction for report in reports] == [step / 24 for step in (4, 8, 12, 16, 20, 24)]
    assert reports[-1].values["val_loss"] < reports[0].values["val_loss"]


@every
def test_a_trial_that_is_worse_is_stopped(package):
    study = made(scheduler={"type": "asha", "grace": 1 / 3})
    study.enqueue({"rate": 0.1})
    study.enqueue({"rate": 1e-4})
    good, bad = study.ask(), study.ask()
    assert fit(package, good).current_epoch == 6
    good.complete()
    callback = TunesmithCallback(bad)
    assert fit(package, bad, callback).current_epoch == 2
    assert callback.verdict == "prune" and bad.should_prune() and bad.is_over
    assert [trial.state for trial in study.trials] == ["completed", "pruned"]


@every
def test_schedules_by_steps_and_within_epochs(package):
    trial = made(scheduler="asha").ask()
    fit(package, trial, max_epochs=-1, max_steps=10, val_check_interval=2)
    trial.complete()
    reports = trial._study.trial(0).reports
    assert [report.step for report in reports] == [2, 4, 6, 8, 10]
    assert [report.fraction for report in reports] == [0.2, 0.4, 0.6, 0.8, 1.0]


@every
def test_a_schedule_without_an_end(package):
    class Stop(importlib.import_module(package).Callback):
        def on_train_epoch_end(self, trainer, module):
            trainer.should_stop = trainer.should_stop or trainer.current_epoch == 2

    def options(trial, **more):
        return {"max_epochs": -1, "callback": TunesmithCallback(trial, **more), "more": [Stop()]}

    trial = made(scheduler="asha").ask()
    with pytest.raises(ValueError, match="give the trainer max_epochs or max_steps, or the callback `total`"):
        fit(package, trial, **options(trial))
    trial = made(scheduler="asha").ask()
    fit(package, trial, **options(trial, total=16))
    assert [report.fraction for report in trial._study.trial(0).reports] == [0.25, 0.5, 0.75]
    trial = made().ask()
    fit(package, trial, **options(trial))
    assert trial.complete() == "completed"


@every
def test_a_metric_that_is_not_there(package):
    trial = made().ask()
    with pytest.raises(ValueError, match="val_loss is not logged; give `monitor` one of size, validation_loss"):
        fit(package, trial, log="validation_loss")


@every
def test_a_training_without_validation_warns(package):
    trial = made().ask()
    with pytest.warns(UserWarning, match="nothing was reported"):
        fit(package, trial, has_validation=False)


@every
def test_several_metrics(package):
    study = tunesmith.Study(
        {"rate": tunesmith.loguniform(1e-4, 0.1)},
        metrics=[{"name": "loss", "goal": "minimize"}, {"name": "rows", "goal": "maximize"}],
        trials=2,
    )

    def objective(trial):
        fit(package, trial, TunesmithCallback(trial, ["val_loss", "size"]))

    study.optimize(objective)
    assert all(trial.values["rows"] == 16.0 and trial.values["loss"] > 0 for trial in study.trials)


@every
def test_a_trial_that_was_stopped_is_reported_no_more(package):
    study = made(scheduler={"type": "asha", "grace": 1 / 3})
    study.enqueue({"rate": 0.1})
    study.enqueue({"rate": 1e-4})
    good, bad = study.ask(), study.ask()
    fit(package, good)
    callback = TunesmithCallback(bad)
    assert fit(package, bad, callback, min_epochs=4).current_epoch == 4
    assert callback.verdict == "prune"
    assert len(study.trial(1).reports) == 2


RANK = """
import os, sys
sys.path[:0] = {paths!r}
import importlib, tunesmith, torch
from tests import test_lightning
from tunesmith.lightning import TunesmithCallback
is_first = os.environ["RANK"] == "0"
said = open({folder!r} + os.environ["RANK"], "w")
study = test_lightning.made(scheduler={{"type": "asha", "grace": 1 / 3}}) if is_first else None
for rate, says in ((0.1, "val_loss"), (1e-4, "val_loss"), (0.1, "bees"), (0.1, "val_loss")):
    trial = None
    if is_first:
        study.enqueue({{"rate": rate}})
        trial = study.ask()
    callback = TunesmithCallback(trial, says)
    if says == "val_loss" and is_first and study.counts["failed"]:
        callback.trial = None
    try:
        trainer = test_lightning.fit(
            {package!r}, {{"rate": rate}}, callback, strategy="ddp", devices=2, num_sanity_val_steps=0
        )
        print(rate, trainer.current_epoch, callback.verdict, file=said)
    except Exception as error:
        print(type(error).__name__, str(error)[:18], file=said)
        if is_first:
            trial.fail(error)
"""


def test_ranks_stop_together(tmp_path):
    """Optuna's pruning leaves the other ranks waiting; here they are told, of errors of the first rank too."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    script = tmp_path / "rank.py"
    script.write_text(RANK.format(package=found[0], paths=[here], folder=f"{tmp_path}/"))
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = {rank: (tmp_path / rank).read_text().splitlines() for rank in "01"}
    assert said["0"][:2] == said["1"][:2] == ["0.1 6 continue", "0.0001 2 prune"]
    assert said["0"][2] == said["1"][2] == "ValueError bees is not logged"
    assert said["0"][3] == "ValueError the first rank has"
    assert said["1"][3] == "RuntimeError the first rank cou"
