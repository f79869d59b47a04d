"""A study: ask for trials, tell how they went, look at what was found."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._engine import METHODS, SCHEDULERS, Engine, Finished
from ._optimize import Objective, Run
from ._record import TrialRecord, record
from ._space import described
from ._trial import Trial

if TYPE_CHECKING:
    import pandas

__all__ = ["Study", "delete", "load", "methods", "schedulers", "studies"]

PARAMETER_KEYS = frozenset({"distribution", "values", "value", "min", "max", "parameters", "expr"})
"""Of these a dictionary has one at least that describes a parameter."""


class Study:
    """A search. Its keywords are the keys of a study file, with the same meaning and the same errors.

    Args:
        space: The parameters by name: `tunesmith.uniform(…)` and its like, a list of values, one value, or a
            dictionary as a study file has it, with `prior`, `when` and `expr`. Leave it out and ask for parameters by
            `trial.suggest_…` while trials run.
        metric: The name of what is optimised; or a dictionary with `name`, `goal`, `target`, `summary`.
        goal: `minimize` or `maximize`, where `metric` is a name.
        metrics: Several metrics instead, as dictionaries: the study finds the trials that no other beats in all.
        name: Unique in its storage.
        storage: `memory:`, a path of a SQLite file, `postgres://…`, or `http://…` of a tunesmith server.
        method: How params are proposed, see `methods()`; a dictionary with `name` and options.
        scheduler: Who is stopped early, see `schedulers()`; a dictionary with `type` and options. `none` where left
            out, as not every program reports on its way.
        trials: The budget of trials; or `budget` with `trials`, `wall`, `gpu_minutes`, `cost`.
        steps: The steps of every trial's schedule, where all have the same: what `trial.report(…, step)` is out of.
        runs: The folder for checkpoints.
        resume: Whether to go on with the study of that name, where there is one. It must be the same study.

    Further keywords: `budget`, `final`, `price`, `enqueue`, `warm_start`, `seed`, `description`.

    Raises:
        ValueError: Something in the description is wrong; every problem is listed.
        StorageError: The storage cannot be used.
    """

    def __init__(
        self,
        space: Mapping[str, Any] | None = None,
        *,
        metric: str | Mapping[str, Any] | None = None,
        goal: str | None = None,
        metrics: Sequence[Mapping[str, Any]] | None = None,
        name: str = "study",
        storage: str | Path = "memory:",
        method: str | Mapping[str, Any] = "auto",
        scheduler: str | Mapping[str, Any] = "none",
        trials: int | None = None,
        steps: int | None = None,
        runs: str | Path = "runs",
        resume: bool = True,
        seed: int = 0,
        **keys: Any,
    ) -> None:
        description: dict[str, Any] = {"name": name, "method": method, "seed": seed}
        if not _is_population(method):
            description["scheduler"] = {"type": scheduler} if isinstance(scheduler, str) else scheduler
        description.update(_measured(metric, goal, metrics))
        description["parameters"] = {key: described(key, one) for key, one in (space or {}).items()}
        if trials is not None:
            keys["budget"] = {**keys.get("budget", {}), "trials": trials}
        description.update(keys)
        engine = Engine.create(str(storage), _json(description), resume)
        self._open(engine, steps, runs)

    def _open(self, engine: Engine, steps: int | None, runs: str | Path) -> None:
        self._engine = engine
        self.name: str = engine.name
        """Unique in its storage."""
        self.steps = steps
        """The steps of every trial's schedule, where all have the same."""
        self.folder: Path = Path(runs) / engine.name
        """Where checkpoints lie."""
        self._metrics = engine.metrics()
        self.method, self.scheduler, self.rungs = engine.search()

    def __repr__(self) -> str:
        return f"<Study {self.name} in {self.storage}>"

    def __reduce__(self) -> Any:
        if self.storage == "memory:":
            raise TypeError("a study in memory belongs to one process; give it a file as its storage")
        return _reopen, (self.storage, self.name, self.steps, str(self.folder.parent))

    @property
    def storage(self) -> str:
        """The address of its storage."""
        return self._engine.storage

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """Name and goal of each metric. The first decides where one number is needed."""
        return list(self._metrics)

    # Work.

    def ask(self, *, wait: float = 0.0) -> Trial:
        """A trial to work on: one that waits to go on, or a new one.

        Args:
            wait: How many seconds to wait where nothing can start before a running trial reports.

        Raises:
            Finished: The search is over.
            Busy: Nothing can start yet.
            Paused: The study is paused.
        """
        [(number, lease)] = self._engine.ask(1, wait)
        return Trial(self, number, lease)

    def tell(
        self,
        trial: Trial,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        *,
        state: str = "completed",
    ) -> str:
        """Ends a trial; the same as `trial.complete(values)`, `trial.prune()` and `trial.fail(…)`."""
        if state == "completed":
            return trial.complete(values)
        if state == "pruned":
            return trial.prune()
        if state == "failed":
            return trial.fail("told so")
        raise ValueError(f"a trial ends completed, pruned or failed, not {state}")

    def __iter__(self) -> Iterator[Trial]:
        """Trials until the search is over. One that the loop's body does not end is handed back when the loop is left.

        Raises:
            RuntimeError: The body went on to the next trial and left its own open: it would be given the same again.
        """
        while True:
            try:
                trial = self.ask(wait=float("inf"))
            except Finished:
                return
            try:
                yield trial
            finally:
                was_ended = trial.is_over
                trial.release()
            if not was_ended:
                raise RuntimeError(
                    f"the loop's body did not end trial {trial.number}; call trial.complete(…), prune() or fail(…), "
                    "or leave the loop"
                )

    def optimize(
        self,
        objective: Objective,
        trials: int | None = None,
        *,
        timeout: float | None = None,
        jobs: int = 1,
        catch: type[Exception] | tuple[type[Exception], ...] = (),
        callbacks: Sequence[Callable[["Study", TrialRecord], None]] = (),
    ) -> None:
        """Runs `objective` on trials until the search is over, or `trials` more have ended, or `timeout` seconds are.

        The objective gives the metric, several as a sequence or a dictionary, or `None` where it reported them. An
        exception fails the trial and is raised; one of `catch` fails the trial alone, and so does running out of
        memory. `Pruned` ends the trial early. Ctrl-C hands the trial back, and the same call goes on.

        Args:
            jobs: How many threads work at once.
            callbacks: Called with the study and the trial after each.
        """
        if trials is None and timeout is None and not self._has_end():
            raise ValueError("nothing ends this search; give the study a budget, or optimize() `trials` or `timeout`")
        run = Run(self, objective, trials, timeout, catch, tuple(callbacks))
        if jobs == 1:
            run.work()
            return
        threads = [threading.Thread(target=run.work_apart, daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException:
            run.stop.set()
            for thread in threads:
                thread.join()
            raise
        if run.error is not None:
            raise run.error

    def _has_end(self) -> bool:
        config = self.config
        return bool(config.get("budget")) or config["sampler"]["name"] == "grid"

    @property
    def config(self) -> dict[str, Any]:
        """What the study was created as, as the log has it."""
        config: dict[str, Any] = json.loads(self._engine.config())["config"]
        return config

    # What people ask of it.

    def enqueue(self, params: Mapping[str, Any]) -> int:
        """Queues a trial with these params, before all others; what they leave out is drawn. Gives its number."""
        return self._engine.enqueue(dict(params))

    def cancel(self, trial: int) -> None:
        """Ends a trial that has not ended."""
        self._engine.cancel(trial)

    def pause(self) -> None:
        """Hands out no more work until `resume()`."""
        self._engine.pause()

    def resume(self) -> None:
        """Hands out work again."""
        self._engine.resume()

    @property
    def worker(self) -> str:
        """The name under which this object works, as the log has it."""
        return self._engine.writer

    def reap(self, workers: Sequence[str]) -> int:
        """Queues again, at once, what these workers hold; they must be dead. Gives the number of trials.

        Dead workers of the same machine are noticed without it, and silent ones when their leases are over.
        """
        return self._engine.reap(list(workers))

    # What was found.

    def trial(self, number: int) -> TrialRecord:
        """The trial of that number."""
        return record(self._engine.trial(number))

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials, in the order of their numbers."""
        return [record(known) for known in self._engine.trials()]

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state."""
        return dict(self._engine.counts())

    @property
    def finish_reason(self) -> str | None:
        """Why no new trial starts, where the budget is spent or the target reached."""
        return self._engine.finish_reason()

    @property
    def best(self) -> TrialRecord:
        """The winner: by fresh seeds where the study has `final`, else by value.

        Raises:
            ValueError: No trial has completed.
        """
        number = self._engine.best()
        if number is None:
            raise ValueError(f"no trial of {self.name} has completed; {_failures(self)}")
        return self.trial(number)

    @property
    def best_params(self) -> dict[str, Any]:
        """The winner's hyperparameters."""
        return self.best.params

    @property
    def best_value(self) -> float:
        """The winner's first metric."""
        return self.best.values[self._metrics[0][0]]

    @property
    def front(self) -> list[TrialRecord]:
        """The completed trials that no other beats in all metrics."""
        return [self.trial(number) for number in self._engine.front()]

    def importance(self, metric: str | None = None, *, method: str = "ped-anova") -> dict[str, float]:
        """How much each parameter mattered: shares that sum to 1, most first. `method` is `ped-anova` or `fanova`."""
        return {one["name"]: one["share"] for one in self.importance_details(metric, method=method)}

    def importance_details(
        self, metric: str | None = None, *, method: str = "ped-anova"
    ) -> list[dict[str, Any]]:
        """As `importance`, with 90 % interval, p value, and whether the trials show an effect at all."""
        return self._engine.importance(metric, method)

    def frame(self) -> "pandas.DataFrame":
        """The trials as a pandas frame: number, state, a column for each metric and, named `params.…`, for each
        parameter; then seconds and reason."""
        import pandas

        rows = [
            {
                "number": trial.number,
                "state": trial.state,
                **{name: trial.values.get(name) for name, _ in self._metrics},
                **{f"params.{name}": value for name, value in trial.params.items()},
                "device_seconds": trial.device_seconds,
                "reason": trial.reason,
            }
            for trial in self.trials
        ]
        return pandas.DataFrame(rows)

    def curves(self) -> "pandas.DataFrame":
        """Every report as a pandas frame: number, step, fraction, and a column for each metric."""
        import pandas

        rows = [
            {"number": trial.number, "step": report.step, "fraction": report.fraction, **report.values}
            for trial in self.trials
            for report in trial.reports
        ]
        return pandas.DataFrame(rows)

    def verify(self) -> dict[str, int]:
        """Derives every decision of the log again, and counts those that came out the same.

        Raises:
            ValueError: With the first that differs.
        """
        suggestions, exploits, verdicts = self._engine.verify()
        return {"suggestions": suggestions, "exploits": exploits, "verdicts": verdicts}

    def events(self) -> Iterator[dict[str, Any]]:
        """The log, event by event."""
        seen = 0
        while lines := self._engine.events(seen):
            seen += len(lines)
            yield from map(json.loads, lines)

    # For trials.

    def _named(self, values: Any) -> dict[str, float]:
        """Metric values by name."""
        if values is None:
            return {}
        if isinstance(values, Mapping):
            return {str(name): value for name, value in values.items()}
        names = [name for name, _ in self._metrics]
        several = list(values) if isinstance(values, (list, tuple)) else [values]
        if len(several) != len(names):
            raise ValueError(f"{len(several)} values for the metrics {', '.join(names)}; give one for each")
        return dict(zip(names, several, strict=True))

    def _donated(self, number: int) -> Path:
        """The checkpoint that a trial takes over."""
        donor, step, _ = self.trial(number).exploits[-1]
        saved = self.trial(donor).checkpoint
        path = None if saved is None else self.folder / Path(saved[1]).parent / f"checkpoint-{step}"
        if path is None or not path.is_dir():
            raise FileNotFoundError(
                f"trial {number} is to go on from the state of trial {donor} after step {step}, which was not saved; "
                "save with trial.saving(step) before each report"
            )
        return path

    def _tidy(self, number: int, folder: Path) -> None:
        """Removes checkpoints of a trial but the last two and those that others go on from."""
        kept = re.compile(r"checkpoint-(\d+)")
        found = [(int(match[1]), path) for path in folder.iterdir() if (match := kept.fullmatch(path.name))]
        doomed = sorted(found)[:-2]
        if not doomed:
            return
        needed = {
            exploit[1]
            for other in self.trials
            if other.state in ("queued", "running", "paused") and other.checkpoint is None
            for exploit in other.exploits[-1:]
            if exploit[0] == number
        }
        for step, path in doomed:
            if step not in needed:
                shutil.rmtree(path, ignore_errors=True)


def load(name: str | None = None, storage: str | Path = "tunesmith.db", *, runs: str | Path = "runs") -> Study:
    """Opens the study of that name, or the only one in the storage."""
    return _reopen(str(storage), name, None, runs)


def _reopen(storage: str, name: str | None, steps: int | None, runs: str | Path) -> Study:
    study = Study.__new__(Study)
    study._open(Engine.load(storage, name), steps, runs)
    return study


def studies(storage: str | Path = "tunesmith.db") -> list[str]:
    """The names of the studies in a storage."""
    return Engine.studies(str(storage))


def delete(name: str, storage: str | Path = "tunesmith.db") -> None:
    """Deletes a study with its log; checkpoints stay."""
    Engine.delete(str(storage), name)


def methods() -> dict[str, str]:
    """What `method` takes, with a line on each.

    >>> "tpe" in methods()
    True
    """
    return {name: summary for name, summary, _ in METHODS}


def schedulers() -> dict[str, str]:
    """What `scheduler` takes, with a line on each.

    >>> "asha" in schedulers()
    True
    """
    return {name: summary for name, summary, _ in SCHEDULERS}


def _is_population(method: Any) -> bool:
    """Whether the method brings a scheduler of its own."""
    name = method.get("name") if isinstance(method, Mapping) else method
    return name in ("bohb", "dehb", "pbt", "pb2")


def _measured(
    metric: str | Mapping[str, Any] | None, goal: str | None, metrics: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    if metrics is not None:
        if metric is not None or goal is not None:
            raise ValueError("give `metrics`, or `metric` with its `goal`, not both")
        return {"metrics": [dict(one) for one in metrics]}
    if isinstance(metric, Mapping):
        if goal is not None:
            raise ValueError("give the goal inside of `metric`")
        return {"metric": dict(metric)}
    return {"metric": {"name": metric or "value", "goal": goal or "minimize"}}


def _json(description: dict[str, Any]) -> str:
    """The description as a study file: JSON, one key a line, is YAML too."""

    def plain(value: Any) -> Any:
        item = getattr(value, "item", None)
        if callable(item):
            return item()
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, (tuple, range, set, frozenset)):
            return list(value)
        raise TypeError(f"{value!r} cannot stand in the description of a study")

    return json.dumps(description, indent=2, default=plain, ensure_ascii=False)


def _failures(study: Study) -> str:
    reasons = [trial.reason for trial in study.trials if trial.reason]
    return f"the last to end says: {reasons[-1]}" if reasons else "none has ended"
