"""A callback for Lightning's trainer, of `lightning.pytorch` and of `pytorch_lightning`: it reports validation metrics
and stops the training where the study says so.

Refuses to let ranks disagree: the first one reports, and all are told what came of it, errors too. Refuses to guess a
metric that was not logged.
"""

import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any

from ._trial import Trial, Verdict

__all__ = ["TunesmithCallback"]

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def _bases() -> tuple[type, ...]:
    """The classes of callbacks of the packages that are installed. A trainer takes those of its own package alone."""
    found = []
    for package in PACKAGES:
        try:
            found.append(importlib.import_module(package).Callback)
        except ModuleNotFoundError as error:
            # One that is installed and lacks something else is broken, and says so.
            if error.name not in (package, package.partition(".")[0]):
                raise
    if not found:
        raise ModuleNotFoundError(
            "tunesmith.lightning needs Lightning; pip install lightning, or pytorch-lightning", name="lightning"
        )
    return tuple(found)


_Callback: Any = type("_Callback", _bases(), {})


class TunesmithCallback(_Callback):  # type: ignore[misc]
    """Reports after every validation of `Trainer.fit`, and stops the trainer where the verdict is not `continue`.

    The sanity check and `Trainer.validate` are not reported. A step is an optimiser's step, and a trial's fraction is
    that of the trainer's schedule, `max_epochs` or `max_steps`. After `fit`, `trial.should_prune()` says whether the
    training was stopped; where it was, the trial has ended already. A trainer with `min_epochs` or `min_steps` goes on
    until those are reached.

    On several ranks, the first one has the trial, and the others have `None`; all stop together. Ranks must be started
    before the trial is asked for, as `torchrun` does: a study does not follow into a fork.

    Args:
        trial: The trial; `None` on all ranks but the first.
        monitor: The name that the metric is logged under; several where the study has several metrics, in its order.
        total: The steps of the whole schedule, where the trainer does not know them.

    Raises:
        ValueError: While training: the metric is not logged, or the schedule has no end that could be known.

    >>> import lightning.pytorch
    >>> from tunesmith.lightning import TunesmithCallback
    >>> issubclass(TunesmithCallback, lightning.pytorch.Callback)
    True
    """

    def __init__(
        self, trial: Trial | None, monitor: str | Sequence[str] = "val_loss", *, total: int | None = None
    ) -> None:
        super().__init__()
        self.trial = trial
        self.monitor = [monitor] if isinstance(monitor, str) else list(monitor)
        self.total = total
        self.verdict: Verdict = "continue"
        """What the last report led to, the same on all ranks."""
        self.reports = 0
        """How many reports were made."""

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Reports, and tells all ranks.

        Args:
            trainer: Lightning's trainer.
            pl_module: The module in training.
        """
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        values = self._values(trainer)
        verdict: Verdict = "continue"
        problem: Exception | None = None
        if trainer.is_global_zero:
            try:
                verdict = self._report(trainer, values)
            except Exception as error:
                # Raised below, once the other ranks know: they would wait for this one.
                problem = error
        said = None if problem is None else f"{type(problem).__name__}: {problem}"
        verdict, said = trainer.strategy.broadcast((verdict, said), src=0)
        if problem is not None:
            raise problem
        if said is not None:
            raise RuntimeError(f"the first rank could not report: {said}")
        self.reports += 1
        self.verdict = verdict
        if verdict != "continue":
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Warns where nothing was reported.

        Args:
            trainer: Lightning's trainer.
            pl_module: The module in training.
        """
        if self.reports == 0:
            warnings.warn(
                "the training ended without a validation, so that nothing was reported; give the trainer validation "
                "data, or complete the trial with its metric",
                stacklevel=1,
            )

    def _values(self, trainer: Any) -> list[float]:
        logged = trainer.callback_metrics
        missing = [name for name in self.monitor if name not in logged]
        if missing:
            known = ", ".join(sorted(logged)) or "no metrics"
            raise ValueError(
                f"{', '.join(missing)} is not logged; give `monitor` one of {known}, "
                f"or log it with self.log({missing[0]!r}, …) in validation_step"
            )
        return [float(logged[name]) for name in self.monitor]

    def _report(self, trainer: Any, values: list[float]) -> Verdict:
        if self.trial is None:
            raise ValueError("the first rank has no trial; ask for one there and give it to the callback")
        if self.trial.is_over:
            return self.verdict
        step = int(trainer.global_step)
        named = self.trial._study._named(values)
        return self.trial.report(named, step, fraction=self._fraction(trainer, self.trial, step))

    def _fraction(self, trainer: Any, trial: Trial, step: int) -> float:
        total = self.total
        if total is None:
            # Each optimiser's steps are counted.
            estimated = trainer.estimated_stepping_batches * max(1, len(trainer.optimizers))
            total = int(estimated) if math.isfinite(estimated) and estimated > 0 else None
        if total is not None:
            return min(1.0, step / total)
        if trial._study.scheduler == "none":
            return 0.0
        raise ValueError(
            f"the trainer has no end that could be known, and the scheduler {trial._study.scheduler} compares trials "
            "at fractions of their schedules; give the trainer max_epochs or max_steps, or the callback `total`"
        )
