"""What happens inside of a training: reports, verdicts, checkpoints, and the hyperparameters of an optimiser whose state
was taken over. Refuses to believe that a value was set: it is read back from the optimiser.
"""

import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from .._trial import Trial
from . import _ranks

TOLERANCE = 1e-9
"""How far, relative, what the optimiser has may be from what was to be set."""


class NotApplied(RuntimeError):
    """The optimiser does not have the hyperparameters that the trial has."""


class Reporter(TrainerCallback):
    """Reports every evaluation from the first rank; the verdict goes to all ranks, so that they stop together."""

    def __init__(self, trial: Trial | None, objective: Any, params: dict[str, Any], rows: int | None) -> None:
        self.trial = trial
        self.objective = objective
        self.params = params
        self.rows = rows
        self.reads_back = False
        """Whether what is used is recorded with what the optimiser is read to have, after the first step."""
        self.verdict = "continue"
        self.values: dict[str, float] | None = None
        self.seen: dict[str, float] = {}
        self.seen_at = -1

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> Any:
        """Records what is used, as the arguments have it."""
        if not self.reads_back:
            self.record(args, state, {})
        return control

    def record(self, args: Any, state: Any, read_back: dict[str, float]) -> None:
        """Records what is used and, of an optimiser whose state was taken over, what it has."""
        if self.trial is None or not _ranks.is_first():
            return
        used = {name: plain(getattr(args, name, value)) for name, value in self.params.items()}
        used["seed"] = args.seed
        self.trial.record_effective(
            used, total_steps=state.max_steps, read_back=read_back, validation_rows=self.rows
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **rest: Any) -> Any:
        """Several evaluation sets are evaluated one after the other; the report is made when the objective is there."""
        if self.seen_at != state.global_step:
            self.seen, self.seen_at = {}, state.global_step
        self.seen.update(numbers_of(metrics or {}))
        values = self.objective(self.seen)
        if values is None:
            return control
        self.values = values
        verdict = None
        if self.trial is not None and _ranks.is_first() and state.global_step > 0:
            verdict = self.trial.report(values, state.global_step, total=max(state.max_steps, state.global_step))
        self.verdict = _ranks.from_first(verdict or "continue")
        if self.verdict != "continue":
            control.should_training_stop = True
            control.should_save = self.verdict == "pause"
        return control

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> Any:
        """A checkpoint of the Trainer becomes the trial's."""
        if self.trial is None or not _ranks.is_first() or (self.trial.is_over and self.verdict != "pause"):
            return control
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if path.is_dir():
            self.trial._saved(path, state.global_step)
        return control


class Overrider(TrainerCallback):
    """Sets the optimiser's hyperparameters over a restored state, and reads them back at the first step."""

    def __init__(self, trainer: Any, reporter: Reporter) -> None:
        self.trainer = trainer
        self.reporter = reporter
        reporter.reads_back = True
        self.fresh: list[dict[str, Any]] = []
        self.read_back: dict[str, float] | None = None
        self.original = trainer.create_optimizer
        trainer.create_optimizer = self.create

    def create(self, *positional: Any, **named: Any) -> Any:
        """As the trainer does it, noting what the new optimiser has before a state is restored over it."""
        optimizer = self.original(*positional, **named)
        self.fresh = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.trainer.optimizer.param_groups
        ]
        return optimizer

    def remove(self) -> None:
        """Gives the trainer its own method back."""
        del self.trainer.create_optimizer

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> Any:
        optimizer, scheduler = rest["optimizer"], rest["lr_scheduler"]
        groups = optimizer.param_groups
        if len(groups) != len(self.fresh):
            raise NotApplied(f"the restored optimiser has {len(groups)} groups of parameters, a new one {len(self.fresh)}")
        bases = [group["lr"] if "initial_lr" not in group else group["initial_lr"] for group in groups]
        for group, fresh in zip(groups, self.fresh, strict=True):
            base = fresh.get("initial_lr", fresh["lr"])
            group.update({name: value for name, value in fresh.items() if name not in ("lr", "initial_lr")})
            group["initial_lr"] = base
        inner = getattr(scheduler, "scheduler", scheduler)
        inner.base_lrs = [group["initial_lr"] for group in groups]
        for index, group in enumerate(groups):
            group["lr"] = _current(inner, index, group["initial_lr"], group["lr"], bases[index])
        inner._last_lr = [group["lr"] for group in groups]
        return control

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **rest: Any) -> Any:
        """What the optimiser is about to use, compared with what the trial has."""
        if self.read_back is not None:
            return control
        groups = rest["optimizer"].param_groups
        self.read_back = read_back(groups)
        wanted = {"learning_rate": args.learning_rate, "weight_decay": args.weight_decay}
        if "adam_beta1" in self.read_back:
            wanted |= {"adam_beta1": args.adam_beta1, "adam_beta2": args.adam_beta2}
        for name, value in wanted.items():
            if not math.isclose(self.read_back[name], value, rel_tol=TOLERANCE, abs_tol=1e-30):
                raise NotApplied(f"{name} is to be {value}, and the optimiser has {self.read_back[name]}")
        self.reporter.record(args, state, self.read_back)
        return control


def _current(scheduler: Any, index: int, base: float, current: float, before: float) -> float:
    """The learning rate at this point of the schedule."""
    shapes = getattr(scheduler, "lr_lambdas", None)
    if shapes is not None:
        return float(base * shapes[index](scheduler.last_epoch))
    return current * base / before if before else base


def read_back(groups: Any) -> dict[str, float]:
    """The base learning rate, the largest weight decay and the betas of an optimiser's groups."""
    first = groups[0]
    found = {
        "learning_rate": float(first.get("initial_lr", first["lr"])),
        "weight_decay": max(float(group.get("weight_decay", 0.0)) for group in groups),
    }
    if "betas" in first:
        found["adam_beta1"], found["adam_beta2"] = map(float, first["betas"])
    return found


def plain(value: Any) -> Any:
    """The value as a log keeps it."""
    inner = getattr(value, "value", value)
    return inner if isinstance(inner, (bool, int, float, str, list)) or inner is None else str(inner)


def numbers_of(metrics: dict[str, Any]) -> dict[str, float]:
    """The metrics that are numbers. NaN stays: it fails the trial."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
