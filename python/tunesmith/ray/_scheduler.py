"""`TunesmithScheduler`: a study decides which trials of a `ray.tune.Tuner` stop early.

Refuses schedulers that pause trials, which Ray would have to resume when the study says so, and those that compare
trials example by example.
"""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from ._search import TRAINING_ITERATION, TunesmithSearch

_FIFOScheduler: Any = FIFOScheduler

STOPPING = ("none", "asha", "median", "wandb-hyperband")
"""The schedulers that let a trial run or stop it for good, by its metrics alone."""


class TunesmithScheduler(_FIFOScheduler):  # type: ignore[misc]
    """A scheduler for `tune.TuneConfig(scheduler=…)`, together with the `TunesmithSearch` of the same study.

    Every result is reported to the study, and the trial stops where the study prunes it, or someone has cancelled it
    there; at `max_t` it stops as completed.

    Args:
        search: The search algorithm of the same Tuner.
        time_attr: What in the results says how far a trial is.
        max_t: Its value at the end of a trial's schedule. The study's `steps` where left out.

    Raises:
        ValueError: The study's scheduler pauses trials, or nothing says how long a schedule is.
    """

    def __init__(
        self, search: TunesmithSearch, *, time_attr: str = TRAINING_ITERATION, max_t: float | None = None
    ) -> None:
        super().__init__()
        self._search = search
        self._time_attr = time_attr
        self._max_t = max_t
        if max_t is not None and not 0 < max_t < float("inf"):
            raise ValueError(f"max_t is {max_t}; give the {time_attr} at the end of a trial's schedule")
        self._check(search.scheduler_name)

    def _check(self, name: str) -> None:
        if name not in STOPPING:
            does = "compares trials example by example" if name == "wilcoxon" else "pauses trials and resumes some"
            raise ValueError(
                f"the study's scheduler {name} {does}, which Ray Tune cannot do for it; run the study by "
                f"tunesmith.ray.run, which can, or give it one of {', '.join(STOPPING[1:])}"
            )

    def _end(self) -> float | None:
        return self._max_t if self._max_t is not None else self._search.steps

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Makes sure, before the first trial, that the study's scheduler and its schedule can be used.

        Args:
            metric: What is optimised; the search has checked it.
            mode: `min` or `max`.
            spec: What else Ray knows of the experiment.

        Raises:
            ValueError: They cannot.
        """
        name = self._search.scheduler_name
        self._check(name)
        if name in ("asha", "median") and self._end() is None:
            raise ValueError(
                f"the scheduler {name} compares trials at fractions of their schedules; give TunesmithScheduler "
                f"max_t, the {self._time_attr} at the end of one, or the study its `steps`"
            )
        self._search.use_scheduler()
        return True

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Reports, and says whether the trial goes on.

        Args:
            tune_controller: Ray's.
            trial: Ray's.
            result: Its metrics.

        Raises:
            ValueError: The result does not say how far the trial is.
        """
        end = self._end()
        if self._time_attr not in result:
            raise ValueError(
                f"the result has no {self._time_attr}; report it, or give TunesmithScheduler another time_attr"
            )
        reached = float(result[self._time_attr])
        fraction = 0.0 if end is None else min(1.0, reached / end)
        verdict = self._search.report(trial.trial_id, result, fraction)
        is_done = end is not None and reached >= end
        return str(TrialScheduler.STOP if verdict != "continue" or is_done else TrialScheduler.CONTINUE)

    def debug_string(self) -> str:
        """A line for Ray's display."""
        return f"TunesmithScheduler: {self._search.scheduler_name} of the study decides."
