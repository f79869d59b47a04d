"""The trackers, with the real clients."""

import doctest
import subprocess
import sys
import warnings

import pytest

import tunesmith
import tunesmith.trackers
from tunesmith.trackers import MlflowTracker, TensorBoardTracker, WandbTracker


def objective(trial):
    """A curve of three reports; trial 1 is pruned and trial 2 fails."""
    for step in (1, 2, 3):
        if trial.report({"loss": trial["x"] ** 2 + 1 / step, "speed": 7.0}, step, total=3) != "continue":
            return
        if trial.number == 1 and step == 2:
            raise tunesmith.Pruned("enough")
        if trial.number == 2:
            raise RuntimeError("no luck")


def made(trials=4, **options):
    space = {"x": tunesmith.uniform(-1, 1), "kind": ["a", None], "flag": [True]}
    return tunesmith.Study(space, metric="loss", trials=trials, name="tracked", seed=0, **options)


def track(tracker, study=None, **options):
    study = study or made()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="trial 2 failed")
        study.optimize(objective, catch=RuntimeError, callbacks=[tracker], **options)
    return study


class Notes(tunesmith.trackers._Tracker):
    """Notes what it is to log."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _log(self, study, trial):
        self.seen.append((trial.number, trial.state))


# What all have in common.


def test_a_tracker_that_fails_warns_and_fails_nothing():
    class Broken(Notes):
        def _log(self, study, trial):
            raise OSError("no room")

    with pytest.warns(UserWarning, match="Broken could not log trial 0, and the study goes on: OSError: no room"):
        study = track(Broken())
    assert len(study.trials) == 4


def test_each_trial_is_logged_once_with_threads_too():
    notes = Notes()
    study = track(notes, made(trials=12), jobs=3)
    assert sorted(notes.seen) == [(trial.number, trial.state) for trial in study.trials]


def test_paused_trials_are_logged_when_they_end():
    notes = Notes()
    study = made(trials=9, scheduler={"type": "sha", "n": 9, "grace": 1 / 3})

    def curve(trial):
        for step in range(trial.reached_step + 1, 4):
            if trial.report({"loss": trial["x"] ** 2}, step, total=3) != "continue":
                return

    study.optimize(curve, callbacks=[notes])
    notes.finish(study)
    assert sorted(notes.seen) == [(trial.number, trial.state) for trial in study.trials]
    assert {state for _, state in notes.seen} == {"completed", "pruned"}


def test_a_paused_trial_that_another_took_on_is_logged_there(tmp_path):
    ours, theirs = Notes(), Notes()
    study = made(trials=3, scheduler={"type": "asha-promote", "grace": 1 / 3}, storage=tmp_path / "s.db")
    other = tunesmith.load("tracked", tmp_path / "s.db")
    for number in (0, 1):
        trial = study.ask()
        assert trial.number == number
        assert trial.report(float(number), 1, total=3) == "pause"
        ours(study, study.trial(number))
    assert ours.seen == []
    promoted = other.ask(wait=0.1)
    assert promoted.number == 0
    promoted.complete(0.5)
    theirs(other, other.trial(0))
    ours(study, study.trial(1))
    ours.finish(study)
    assert theirs.seen == [(0, "completed")]
    assert ours.seen == [(1, "paused")]


@pytest.mark.parametrize(
    ("make", "package"),
    [
        ("WandbTracker('p')", "wandb"),
        ("MlflowTracker('x')", "mlflow"),
        ("TensorBoardTracker('x')", "tensorboardX"),
    ],
)
def test_a_client_that_is_missing_is_named(make, package, tmp_path):
    (tmp_path / "wandb").mkdir()
    script = f"""
import sys
for name in ("mlflow", "tensorboardX", "tensorboard", "torch.utils.tensorboard"):
    sys.modules[name] = None
sys.path = [path for path in sys.path if "site-packages" not in path] + {[str(tmp_path)]!r} + {sys.path!r}[-1:]
import importlib.abc
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "wandb":
            raise ModuleNotFoundError("hidden", name="wandb")
sys.meta_path.insert(0, Hidden())
from tunesmith.trackers import *
try:
    {make}
except ModuleNotFoundError as error:
    print(error)
"""
    root = str(tunesmith.__path__[0]).rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": root})
    assert f"pip install {package}" in done.stdout, done.stderr


def test_a_folder_called_wandb_is_no_client(tmp_path, monkeypatch):
    (tmp_path / "not_there").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="pip install this"):
        tunesmith.trackers._client("not_there", "this", needs="init")


# W&B.


@pytest.fixture
def wandb(monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    return pytest.importorskip("wandb")


def test_wandb_has_one_offline_run_for_each_trial(wandb, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        study = track(WandbTracker("project", folder=tmp_path / "runs", tags=["t"]))
    # W&B's own process may still be writing.
    wandb.teardown()
    runs = sorted((tmp_path / "runs" / "wandb").glob("offline-run-*"))
    assert len(runs) == len(study.trials) == 4
    written = b"".join(path.read_bytes() for run in runs for path in run.glob("*.wandb"))
    for text in ("tracked-0", "tracked-2", "tracked-3", "pruned", "enough", "crashed", "device_seconds", "speed"):
        assert text.encode() in written
    assert repr(study.trials[0].params["x"]).encode() in written


def test_wandb_in_a_docstring(wandb):
    assert doctest.testmod(tunesmith.trackers).failed == 0


def test_wandb_that_cannot_be_reached_fails_nothing(wandb, tmp_path, monkeypatch):
    def init(**options):
        raise wandb.errors.CommError("no network")

    tracker = WandbTracker("project", "online", folder=tmp_path)
    monkeypatch.setattr(wandb, "init", init)
    with pytest.warns(UserWarning, match="WandbTracker could not log trial 0.*no network"):
        assert len(track(tracker).trials) == 4


# TensorBoard.


@pytest.mark.parametrize("writer", ["torch.utils.tensorboard", "tensorboardX"])
def test_tensorboard_has_curves_and_hparams(writer, tmp_path, monkeypatch):
    pytest.importorskip(writer)
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if writer == "tensorboardX":
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    tracker = TensorBoardTracker(tmp_path / "board")
    assert tracker._writer.__module__.startswith(writer)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        study = track(tracker)
    folders = sorted((tmp_path / "board" / "tracked").iterdir())
    assert [folder.name for folder in folders] == [f"trial-{number}" for number in range(4)]
    events = EventAccumulator(str(folders[0])).Reload()
    curve = [(event.step, event.value) for event in events.Scalars("loss")]
    assert curve == [(report.step, pytest.approx(report.values["loss"])) for report in study.trials[0].reports]
    assert events.Scalars("final/loss")[-1].value == pytest.approx(study.trials[0].values["loss"])
    written = b"".join(path.read_bytes() for path in folders[1].iterdir())
    assert b"_hparams_" in written and b"pruned" in written


# MLflow.


@pytest.mark.parametrize("kind", ["sqlite", "folder"])
def test_mlflow_has_nested_runs(kind, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"sqlite:///{tmp_path}/mlflow.db" if kind == "sqlite" else (tmp_path / "mlruns").as_uri()
    storage = tmp_path / "study.db"
    first = MlflowTracker(uri, "tests")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*could not")
        study = track(first, made(trials=6, storage=storage))
        first.finish(study)
        MlflowTracker(uri, "tests")(study, study.trial(0))
    client = mlflow.MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("tests").experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == 7
    assert parent.info.run_name == "tracked"
    by_number = {int(run.data.tags["tunesmith.trial"]): run for run in children}
    assert [by_number[number].info.status for number in range(4)] == ["FINISHED", "KILLED", "FAILED", "FINISHED"]
    assert by_number[0].data.params["x"] == str(study.trials[0].params["x"])
    assert by_number[0].data.params["kind"] == str(study.trials[0].params["kind"])
    assert by_number[0].data.metrics["loss"] == pytest.approx(study.trials[0].values["loss"])
    history = client.get_metric_history(by_number[3].info.run_id, "loss")
    assert [metric.step for metric in history] == [1, 2, 3, 3]


def test_an_mlflow_that_does_not_answer_fails_nothing():
    pytest.importorskip("mlflow")
    tracker = MlflowTracker("unknown://nowhere")
    with pytest.warns(UserWarning, match="MlflowTracker could not log trial 0"):
        assert len(track(tracker).trials) == 4
