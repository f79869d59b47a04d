"""Trials in W&B, TensorBoard and MLflow: callbacks for `Study.optimize(callbacks=[…])`.

A tracker sees a trial when it has ended, and logs it once, as a whole. It refuses to fail a study: what goes wrong in a
tracker is a warning. It refuses to do without its client: that it is missing is said when the tracker is made.
"""

import hashlib
import importlib
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._record import TrialRecord
from ._study import Study

__all__ = ["MlflowTracker", "TensorBoardTracker", "WandbTracker"]

ENDED = ("completed", "pruned", "failed", "cancelled")


class _Tracker(ABC):
    """Logs each trial once, when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, int] = {}

    def __call__(self, study: Study, trial: TrialRecord) -> None:
        """Logs the trial where it has ended. One that is paused is logged when it ends: see `finish`.

        Args:
            study: The study.
            trial: The trial.
        """
        with self._lock:
            try:
                for ended in [*self._overtaken(study), *self._ended(trial)]:
                    self._try(study, ended)
            except Exception as error:
                self._complain("look at the study", error)

    def finish(self, study: Study) -> None:
        """Logs the paused trials that this tracker saw and that ended since or wait still. Call it after the last
        `optimize`, where the study has a scheduler that pauses.

        Args:
            study: The study.
        """
        with self._lock:
            try:
                for number in list(self._waiting):
                    if study.trial(number).leases == self._waiting.pop(number):
                        self._try(study, study.trial(number))
                self._close(study)
            except Exception as error:
                self._complain("finish", error)

    def _ended(self, trial: TrialRecord) -> Iterator[TrialRecord]:
        if trial.state in ENDED:
            self._waiting.pop(trial.number, None)
            yield trial
        elif trial.state == "paused":
            self._waiting[trial.number] = trial.leases

    def _overtaken(self, study: Study) -> Iterator[TrialRecord]:
        """The trials that ended while they were paused. One that another worker took on is logged there."""
        for number, leases in list(self._waiting.items()):
            trial = study.trial(number)
            if trial.leases != leases:
                del self._waiting[number]
            elif trial.state in ENDED:
                yield from self._ended(trial)

    def _try(self, study: Study, trial: TrialRecord) -> None:
        try:
            self._log(study, trial)
        except Exception as error:
            self._complain(f"log trial {trial.number}", error)

    def _complain(self, what: str, error: Exception) -> None:
        name = type(self).__name__
        warnings.warn(
            f"{name} could not {what}, and the study goes on: {type(error).__name__}: {error}", stacklevel=4
        )

    @abstractmethod
    def _log(self, study: Study, trial: TrialRecord) -> None:
        """Logs a trial."""

    def _close(self, study: Study) -> None:  # noqa: B027
        """What is to be done at the end."""


class WandbTracker(_Tracker):
    """One run of W&B's for each trial, in the group of the study, with its params, curves and summary.

    Args:
        project: W&B's project.
        mode: `offline` writes into a folder, which `wandb sync` sends later; `online` sends, and needs an account.
        folder: Where W&B's own folder `wandb` is made; the current folder where left out.
        tags: Tags of every run.
        **options: More of what `wandb.init` takes.

    Raises:
        ModuleNotFoundError: wandb is not installed.

    >>> import tunesmith
    >>> from tunesmith.trackers import WandbTracker
    >>> study = tunesmith.Study({"x": tunesmith.uniform(-1, 1)}, trials=1)
    >>> study.optimize(lambda trial: trial["x"] ** 2, callbacks=[WandbTracker("square")])
    """

    def __init__(
        self,
        project: str,
        mode: str = "offline",
        *,
        folder: str | Path | None = None,
        tags: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__()
        self._client = _client("wandb", "wandb", needs="init")
        if str(self._client.__version__).endswith("+tunesmith"):
            raise ModuleNotFoundError(
                "the program runs under `capture: wandb`, where tunesmith stands in wandb's place; leave that out of "
                "the study file to track with wandb itself",
                name="wandb",
            )
        self._options = {"project": project, "mode": mode, "tags": list(tags), "reinit": "create_new", **options}
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._options["dir"] = str(folder)

    def _log(self, study: Study, trial: TrialRecord) -> None:
        # What the program prints is its own, and no part of a run that is made when the trial is over.
        settings = self._client.Settings(console="off", silent=True)
        named = {"name": f"{study.name}-{trial.number}", "group": study.name, "settings": settings}
        run = self._client.init(config=trial.params, **{**named, **self._options})
        try:
            for report in trial.reports:
                run.log(report.values, step=report.step)
            run.summary.update(
                {**trial.values, "state": trial.state, "seed": trial.seed, "device_seconds": trial.device_seconds}
            )
            if trial.reason is not None:
                run.summary["reason"] = trial.reason
        finally:
            run.finish(exit_code=1 if trial.state == "failed" else 0)


class TensorBoardTracker(_Tracker):
    """One folder of TensorBoard's for each trial, `folder/study/trial-0` and so on, with its curves and its params as
    hparams. Written by torch, or by tensorboardX where torch or tensorboard is not installed.

    Args:
        folder: What `tensorboard --logdir` takes.

    Raises:
        ModuleNotFoundError: Neither tensorboard nor tensorboardX is installed.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self._folder = Path(folder)
        try:
            self._writer: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
            self._place = {"run_name": "."}
        except ImportError:
            try:
                self._writer = importlib.import_module("tensorboardX").SummaryWriter
                self._place = {"name": "."}
            except ImportError as error:
                raise ModuleNotFoundError(
                    "TensorBoardTracker needs a writer; pip install tensorboard, beside torch, or "
                    "pip install tensorboardX",
                    name="tensorboard",
                ) from error

    def _log(self, study: Study, trial: TrialRecord) -> None:
        writer = self._writer(str(self._folder / study.name / f"trial-{trial.number}"))
        try:
            for report in trial.reports:
                for name, value in report.values.items():
                    writer.add_scalar(name, value, report.step)
            last = trial.reports[-1].step if trial.reports else 0
            params = {name: _simple(value) for name, value in trial.params.items()}
            metrics = {f"final/{name}": value for name, value in trial.values.items()}
            for name, value in metrics.items():
                writer.add_scalar(name, value, last)
            writer.add_hparams({**params, "state": trial.state}, metrics, **self._place)
        finally:
            writer.close()


class MlflowTracker(_Tracker):
    """One run of MLflow's for each trial, under a run for the study, with its params, curves and tags.

    Trials that were pruned or cancelled, or that wait at the end, are `KILLED` there. A study that goes on finds its
    run again, unless it is in memory; call `finish(study)` to end that run.

    Args:
        uri: The address of the tracking server, or of a database or folder, as `sqlite:///mlflow.db`.
        experiment: The experiment; it is created where it is not there.

    Raises:
        ModuleNotFoundError: mlflow is not installed.
    """

    MOST_METRICS = 1000
    MOST_PARAMS = 100
    LONGEST = 6000
    STATUS: Mapping[str, str] = {"completed": "FINISHED", "failed": "FAILED", "pruned": "KILLED", "cancelled": "KILLED"}

    def __init__(self, uri: str, experiment: str = "tunesmith") -> None:
        super().__init__()
        self._mlflow = _client("mlflow", "mlflow", needs="MlflowClient")
        self._entities = importlib.import_module("mlflow.entities")
        self._uri = uri
        self._experiment = experiment
        self._made: Any = None
        self._parents: dict[str, str] = {}

    @property
    def _client(self) -> Any:
        """Made when it is first needed: a server that does not answer is a matter for a warning."""
        if self._made is None:
            self._made = self._mlflow.MlflowClient(tracking_uri=self._uri)
        return self._made

    def _log(self, study: Study, trial: TrialRecord) -> None:
        experiment = self._experiment_id()
        tags = {
            "mlflow.parentRunId": self._parent(study, experiment),
            "mlflow.runName": f"{study.name}-{trial.number}",
            "tunesmith.trial": str(trial.number),
            "tunesmith.state": trial.state,
            "tunesmith.seed": str(trial.seed),
            "tunesmith.origin": trial.origin,
        }
        if trial.reason is not None:
            tags["tunesmith.reason"] = trial.reason[: self.LONGEST]
        run = self._client.create_run(experiment, start_time=trial.created_ms, tags=tags).info.run_id
        params = [
            self._entities.Param(name, str(value)[: self.LONGEST]) for name, value in sorted(trial.params.items())
        ]
        for batch in _batches(params, self.MOST_PARAMS):
            self._client.log_batch(run, params=batch)
        for batch in _batches(list(self._metrics(trial)), self.MOST_METRICS):
            self._client.log_batch(run, metrics=batch)
        status = self.STATUS.get(trial.state, "KILLED")
        self._client.set_terminated(run, status=status, end_time=trial.finished_ms)

    def _metrics(self, trial: TrialRecord) -> Iterator[Any]:
        for report in trial.reports:
            for name, value in report.values.items():
                yield self._entities.Metric(name, value, trial.created_ms, report.step)
        last = trial.reports[-1].step if trial.reports else 0
        for name, value in trial.values.items():
            # The latest of a step is the one that MLflow shows.
            yield self._entities.Metric(name, value, trial.finished_ms or trial.created_ms, last)

    def _experiment_id(self) -> str:
        known = self._client.get_experiment_by_name(self._experiment)
        return str(known.experiment_id if known is not None else self._client.create_experiment(self._experiment))

    def _parent(self, study: Study, experiment: str) -> str:
        """The run of the study."""
        key = self._key(study)
        if key not in self._parents:
            found: list[Any] = []
            if study.storage != "memory:":
                found = self._client.search_runs([experiment], f"tags.`tunesmith.study` = '{key}'", max_results=1)
            if not found:
                tags = {"tunesmith.study": key, "mlflow.runName": study.name, "tunesmith.method": study.method}
                found = [self._client.create_run(experiment, tags=tags)]
            self._parents[key] = str(found[0].info.run_id)
        return self._parents[key]

    def _close(self, study: Study) -> None:
        run = self._parents.get(self._key(study))
        if run is not None:
            self._client.set_terminated(run, status="FINISHED")

    @staticmethod
    def _key(study: Study) -> str:
        """An address may have a password, which belongs into no tag."""
        return hashlib.blake2b(f"{study.storage} {study.name}".encode(), digest_size=16).hexdigest()


def _client(module: str, package: str, *, needs: str) -> Any:
    """The client; a folder of its name, as W&B makes one, is taken for no client."""
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        found = None
    if not hasattr(found, needs):
        raise ModuleNotFoundError(f"this tracker needs {package}; pip install {package}", name=module)
    return found


def _simple(value: Any) -> Any:
    """A hyperparameter as TensorBoard takes it."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _batches(items: list[Any], most: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
