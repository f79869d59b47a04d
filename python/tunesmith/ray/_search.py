"""`TunesmithSearch`: a study proposes for a `ray.tune.Tuner`. Ray runs the trials; what was proposed, reported and told
is in the study's log, which is the truth where Ray's snapshot of its experiment knows less.

Refuses studies in memory, and early stopping by the study without `TunesmithScheduler`.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from .._engine import Busy, Finished, LeaseLost, Paused
from .._study import Study
from .._trial import Trial, Verdict
from ._address import Address, absolute
from ._space import Parameter, nested, parameters

MODES = {"min": "minimize", "max": "maximize"}

# Typed otherwise than it is documented.
_Searcher: Any = Searcher

TRAINING_ITERATION = "training_iteration"
"""Ray's count of results."""

NO_SPACE = "there is no space to search; give the Tuner `param_space`, or the study its `space`"


class TunesmithSearch(_Searcher):  # type: ignore[misc]
    """A search algorithm for `tune.TuneConfig(search_alg=…)`.

    Give it a study, or the keywords of one. Where the study has no space it is the Tuner's `param_space`; constants in
    that stay as they are. Give `num_samples=-1`, and the study's own budget decides when the search is over.

    A trial of Ray's that ends counts as completed with its last metrics, as Ray does not say whether one of its own
    schedulers stopped it: to stop trials early use `TunesmithScheduler`, whose study knows.

    `Tuner.restore` goes on from the log: trials that it has as ended are not told again, and those that were running
    are taken up by Ray's trials of the same id, or by new ones.

    Args:
        study: With a storage that other processes see. Its space may be empty.
        space: As `tunesmith.Study` has it.
        metric: The study's, where the Tuner does not name it.
        mode: `min` or `max`.
        keys: Further keywords of `tunesmith.Study`: `storage` must be among them.

    Raises:
        ValueError: The study is in memory, or the keywords are wrong.
    """

    def __init__(
        self,
        study: Study | None = None,
        *,
        space: Mapping[str, Any] | None = None,
        metric: str | Sequence[str] | None = None,
        mode: str | Sequence[str] | None = None,
        **keys: Any,
    ) -> None:
        super().__init__()
        self._study: Study | None = None
        self._address: Address | None = None
        self._keys = keys
        self._parameters: list[Parameter] = []
        self._trials: dict[str, Trial] = {}
        self._numbers: dict[str, int] = {}
        self._steps: dict[str, int] = {}
        self._spare: list[Trial] = []
        self._has_space = False
        self._has_warned: set[str] = set()
        self._has_scheduler = False
        if study is not None:
            if space is not None or keys:
                raise ValueError("give a study, or the keywords of one, not both")
            self._use(study)
        elif "storage" not in keys or str(keys["storage"]) == "memory:":
            raise ValueError(
                "the study would be in memory, where Tuner.restore does not find it; give `storage`: the path of a "
                "file, postgres://… or the http://… of `tunesmith serve`"
            )
        else:
            keys["storage"] = absolute(str(keys["storage"]))
            if space is not None:
                self._create(space, metric, mode)
        self._name_metric(metric, mode)

    # The study.

    @property
    def study(self) -> Study:
        """The study.

        Raises:
            ValueError: There is none yet, as neither a space nor a `param_space` was given.
        """
        if self._study is None:
            if self._address is None:
                raise ValueError(NO_SPACE)
            self._study = self._address.open()
        return self._study

    @property
    def scheduler_name(self) -> str:
        """The name of the study's scheduler."""
        if self._study is None and self._address is None:
            named = self._keys.get("scheduler", "none")
            return str(named.get("type") if isinstance(named, Mapping) else named)
        return self.study.scheduler

    @property
    def steps(self) -> int | None:
        """The steps of every trial's schedule, where all have the same."""
        if self._study is None and self._address is None:
            steps: int | None = self._keys.get("steps")
            return steps
        return self.study.steps

    def _use(self, study: Study) -> None:
        self._address = Address.of(study)
        self._study = study
        self._has_space = bool(study.config["space"])

    def _create(self, space: Mapping[str, Any], metric: Any, mode: Any) -> None:
        measured: dict[str, Any] = {}
        if not {"metric", "metrics"} & self._keys.keys():
            names, modes = _listed(metric), _listed(mode)
            if not names or len(names) != len(modes) or not set(modes) <= MODES.keys():
                raise ValueError(
                    f"the metric is {metric!r} with the mode {mode!r}; give tune.TuneConfig or TunesmithSearch a "
                    "`metric`, and a `mode` of min or max"
                )
            goals = [{"name": name, "goal": MODES[one]} for name, one in zip(names, modes, strict=True)]
            measured = {"metric": goals[0]} if len(goals) == 1 else {"metrics": goals}
        self._use(Study(space, **{**measured, **self._keys}))

    def _name_metric(self, metric: Any, mode: Any) -> None:
        """Takes the metric from the study, and refuses another."""
        if self._address is None:
            self._metric, self._mode = metric, mode
            return
        known = {name: goal for name, goal in self.study.metrics}
        modes = _listed(mode) or [None for _ in _listed(metric)]
        for name, one in zip(_listed(metric), modes, strict=True):
            if name not in known or (one is not None and MODES.get(one) != known[name]):
                has = ", ".join(f"{name} ({goal})" for name, goal in known.items())
                raise ValueError(f"the Tuner has the metric {name} ({one}), and the study has {has}; name the study's")
        names = list(known)
        modes = ["min" if goal == "minimize" else "max" for goal in known.values()]
        self._metric = names[0] if len(names) == 1 else names
        self._mode = modes[0] if len(names) == 1 else modes

    # What Ray calls.

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Takes the metric and the space of the Tuner.

        Args:
            metric: What is optimised.
            mode: `min` or `max`.
            config: The `param_space`.
            spec: What else Ray knows of the experiment.

        Raises:
            ValueError: The space or the metric cannot be used, or differs from the study's.
        """
        found = parameters(config)
        if self._address is None:
            self._create({one.name: one.described for one in found}, metric or self._metric, mode or self._mode)
            self._parameters = found
        elif found and found != self._parameters:
            if self._parameters or self._has_space:
                named = ", ".join(one.name for one in found)
                raise ValueError(
                    f"the study {self.study.name} has a space of its own, and param_space has {named}; leave them out "
                    "of param_space, or give TunesmithSearch another study"
                )
            for one in found:
                one.check_askable()
            self._parameters = found
        self._name_metric(metric, mode)
        self._warn_of_samples(spec.get("num_samples"))
        return True

    def _warn_of_samples(self, samples: int | None) -> None:
        budget = self.study.config.get("budget", {}).get("trials")
        if samples is not None and budget is not None and 0 <= samples < budget - len(self.study.trials):
            self._warn(
                f"num_samples={samples} ends this run before the study's budget of {budget} trials is spent; "
                "give tune.TuneConfig(num_samples=-1), and the study decides"
            )

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Hyperparameters for a trial of Ray's; `None` where nothing can start yet, `FINISHED` at the search's end.

        Args:
            trial_id: Ray's name for the trial.

        Raises:
            ValueError: There is no space; or the study would stop trials, and the Tuner has no `TunesmithScheduler`.
        """
        if not self._has_space and not self._parameters:
            raise ValueError(NO_SPACE)
        if self.study.scheduler != "none" and not self._has_scheduler:
            raise ValueError(
                f"the study's scheduler {self.study.scheduler} stops trials, and a search algorithm of Ray's cannot; "
                "give tune.TuneConfig(scheduler=TunesmithScheduler(search, …)), or the study scheduler='none'"
            )
        try:
            trial = self._spare.pop(0) if self._spare else self.study.ask()
        except Finished:
            return str(Searcher.FINISHED)
        except Busy:
            return None
        except Paused:
            self._warn("the study is paused, and nothing starts until study.resume()")
            return None
        self._trials[trial_id] = trial
        self._numbers[trial_id] = trial.number
        if not self._parameters:
            return dict(trial.params)
        if not self._has_space:
            for parameter in self._parameters:
                parameter.ask(trial)
        return nested({one.path: one.value(trial.params[one.name]) for one in self._parameters})

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Reports to the study, where no `TunesmithScheduler` does.

        Args:
            trial_id: Ray's name for the trial.
            result: Its metrics.
        """
        if not self._has_scheduler:
            self.report(trial_id, result, None)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Ends the trial in the study, where that has not ended it.

        Args:
            trial_id: Ray's name for the trial.
            result: Its last metrics.
            error: Whether it failed.
        """
        trial = self._trials.pop(trial_id, None)
        if trial is None or trial.is_over:
            return
        try:
            if error:
                trial.fail(f"Ray's trial {trial_id} failed; error.txt in its folder says why")
            elif result:
                trial.complete(self._values(result))
            elif trial_id in self._steps:
                trial.prune("Ray ended it while it was paused")
            else:
                trial.release()
        except LeaseLost:
            self._warn(f"trial {trial.number} was ended by someone else before Ray's trial {trial_id} was")

    def save(self, checkpoint_path: str) -> None:
        """Writes down which trial of Ray's is which of the study. All else is in the log.

        Args:
            checkpoint_path: The file.
        """
        state: dict[str, Any] = {"numbers": self._numbers, "steps": self._steps}
        if self._address is not None:
            state["study"] = asdict(self._address)
            state["parameters"] = [asdict(one) for one in self._parameters]
            state["worker"] = self.study.worker
        Path(checkpoint_path).write_text(json.dumps(state), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Opens the study again, and takes up the trials that were running.

        Args:
            checkpoint_path: The file.

        Raises:
            StorageError: The study cannot be opened.
        """
        state = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        self._numbers, self._steps = state["numbers"], state["steps"]
        self._trials, self._spare = {}, []
        if "study" not in state:
            return
        self._use(Address(**state["study"]).open())
        self._parameters = [Parameter(**{**one, "path": tuple(one["path"])}) for one in state["parameters"]]
        self._name_metric(None, None)
        self._take_up(state["worker"])

    def __getstate__(self) -> dict[str, Any]:
        """Without what only this process has: the trials at hand, and the open study."""
        state = dict(self.__dict__)
        return {**state, "_study": None, "_trials": {}, "_spare": [], "_has_scheduler": False}

    # For the scheduler.

    def report(self, trial_id: str, result: dict[str, Any], fraction: float | None) -> Verdict:
        """Reports a result of Ray's to the study; a step that was reported already is not reported again.

        Args:
            trial_id: Ray's name for the trial.
            result: Its metrics.
            fraction: How much of its schedule is done, where a scheduler wants to know.
        """
        trial = self._trials.get(trial_id)
        if trial is None:
            return self._unknown(trial_id)
        if trial.is_over:
            return trial.verdict if trial.verdict != "continue" else "lost"
        step = int(result[TRAINING_ITERATION])
        values = self._values(result)
        if step <= self._steps.get(trial_id, 0) or not values:
            return "continue"
        verdict = trial.report(values, step, fraction=0.0 if fraction is None else fraction)
        self._steps[trial_id] = step
        return verdict

    def _unknown(self, trial_id: str) -> Verdict:
        number = self._numbers.get(trial_id)
        if number is None:
            self._warn(f"Ray's trial {trial_id} is none that this study proposed, and is not recorded")
            return "continue"
        self._warn(
            f"Ray runs its trial {trial_id} again, which is trial {number} of the study and has ended there, or has "
            "another worker; that is not recorded"
        )
        return "lost"

    def use_scheduler(self) -> None:
        """From now on a `TunesmithScheduler` reports, and stops trials."""
        self._has_scheduler = True

    def release(self) -> None:
        """Hands back the trials at hand: where Ray was stopped, and this process goes on. So does `Tuner.restore`."""
        for trial in [*self._trials.values(), *self._spare]:
            try:
                trial.release()
            except LeaseLost:
                continue
        self._trials, self._spare = {}, []

    def _take_up(self, worker: str) -> None:
        """Leases of the worker that was here before are void. Its trials go to those of Ray's that had them."""
        study = self.study
        unended = {one.number for one in study.trials if one.finished_ms is None}
        wanted = {number: trial_id for trial_id, number in self._numbers.items() if number in unended}
        study.reap([worker])
        while wanted:
            try:
                trial = study.ask()
            except (Busy, Finished, Paused):
                break
            trial_id = wanted.pop(trial.number, None)
            if trial_id is not None:
                self._trials[trial_id] = trial
                continue
            self._spare.append(trial)
            if study.trial(trial.number).leases == 1:
                # One that never ran: none of those before it is free.
                break
        if wanted:
            numbers = ", ".join(str(number) for number in sorted(wanted))
            self._warn(f"trials {numbers} of the study have another worker; what Ray does of them is not recorded")

    def _values(self, result: Mapping[str, Any]) -> dict[str, float]:
        return {name: result[name] for name, _ in self.study.metrics if name in result}

    def _warn(self, words: str) -> None:
        if words not in self._has_warned:
            self._has_warned.add(words)
            warnings.warn(words, stacklevel=3)


def _listed(named: Any) -> list[Any]:
    """One or several as a list."""
    if named is None:
        return []
    return [named] if isinstance(named, str) else list(named)
