"""One trial that this process works on."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from ._engine import LeaseLost, TunesmithError

if TYPE_CHECKING:
    from ._study import Study

__all__ = ["Pruned", "Trial", "Verdict"]

Verdict = Literal["continue", "prune", "pause", "fail", "lost"]
"""What a report leads to: go on, or stop because the trial is pruned, paused or failed, or has another worker."""


class Pruned(TunesmithError):
    """Raised by an objective to end its trial early."""


class Trial:
    """A trial under a lease: its hyperparameters, and the ways to report on it and to end it.

    As a context manager it ends itself: completed with what was reported, or failed by the exception.
    """

    def __init__(self, study: "Study", number: int, lease: int) -> None:
        self._study = study
        self._engine = study._engine
        self._lease = lease
        self._since = time.monotonic()
        self._verdict: Verdict = "continue"
        self._is_over = False
        params, seed, checkpoint, exploits, reached = self._engine.work(number)
        self.number: int = number
        """Its number in the study, from 0."""
        self.params: dict[str, Any] = params
        """Its hyperparameters, with those that `suggest_…` has added."""
        self.seed: int = seed
        """A seed for its training, derived from the study's: below 2**32."""
        self.reached_step: int = reached
        """The step that it had reached when an earlier worker stopped; 0 for a new trial."""
        self._checkpoint = checkpoint
        self._exploits = exploits

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    def __repr__(self) -> str:
        return f"<Trial {self.number} of {self._study.name}: {self.params}>"

    # Define-by-run, in Optuna's words.

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number from `low` to `high`; a name that was asked for before keeps its value."""
        if name not in self.params:
            value = self._engine.suggest_float(self.number, self._lease, name, low, high, log, step)
            self.params[name] = value
        return float(self.params[name])

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number from `low` to `high`, both included."""
        if name not in self.params:
            value = self._engine.suggest_int(self.number, self._lease, name, low, high, log, step)
            self.params[name] = value
        return int(self.params[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any], *, ordered: bool = False) -> Any:
        """One of `choices`. Where they are `ordered`, neighbours are taken to be alike."""
        if name not in self.params:
            value = self._engine.suggest_categorical(
                self.number, self._lease, name, list(choices), ordered
            )
            self.params[name] = value
        return self.params[name]

    # On its way.

    def report(
        self,
        values: float | Mapping[str, float],
        step: int,
        *,
        total: int | None = None,
        fraction: float | None = None,
        errors: bytes | None = None,
    ) -> Verdict:
        """Reports metrics after `step` steps, and says whether to go on.

        Schedulers compare trials at fractions of their own schedules. Say how far the trial is by `fraction`, by the
        `total` of its steps, or once for all trials by `Study(steps=…)`. `errors` are for the scheduler `wilcoxon`:
        one byte for each evaluation example, 0 where it was right.
        """
        named = self._study._named(values)
        try:
            verdict = self._engine.report(
                self.number,
                self._lease,
                int(step),
                self._fraction(step, total, fraction),
                named,
                self._lap(),
                errors,
            )
        except LeaseLost:
            verdict = "lost"
        self._verdict = verdict  # type: ignore[assignment]
        if verdict != "continue":
            self._is_over = True
        return self._verdict

    def _fraction(self, step: int, total: int | None, fraction: float | None) -> float:
        if fraction is not None:
            return float(fraction)
        total = total if total is not None else self._study.steps
        if total is None:
            if self._study.scheduler == "none":
                return 0.0
            raise ValueError(
                f"the scheduler {self._study.scheduler} compares trials at fractions of their schedules; "
                "give report() the total of the trial's steps, or the study its `steps`"
            )
        if not 0 <= step <= total:
            raise ValueError(f"step {step} is not among the {total} steps of the trial")
        return step / total

    def should_prune(self) -> bool:
        """Whether the last report said to stop. Where it did, stop training and raise `Pruned`, or just return."""
        return self._verdict != "continue"

    @property
    def verdict(self) -> Verdict:
        """What the last report led to."""
        return self._verdict

    def record_effective(
        self,
        params: Mapping[str, Any],
        *,
        total_steps: int = 0,
        read_back: Mapping[str, Any] | None = None,
        validation_rows: int | None = None,
    ) -> None:
        """Records what training really uses: hyperparameters as the trainer has them, the steps of the whole
        schedule, numbers read back from the optimiser, and on how many rows metrics are measured."""
        self._engine.effective(
            self.number, self._lease, dict(params), total_steps, dict(read_back or {}), validation_rows
        )

    # Checkpoints.

    @property
    def folder(self) -> Path:
        """The trial's own folder; it need not exist."""
        return self._study.folder / "trials" / str(self.number)

    @property
    def checkpoint(self) -> Path | None:
        """The folder to go on from: the trial's last checkpoint, or, where population-based training had it take over
        another trial's state, that trial's. `None` for a new trial."""
        if self._checkpoint is not None:
            return self._study.folder / self._checkpoint[1]
        if not self._exploits:
            return None
        return self._study._donated(self.number)

    @contextlib.contextmanager
    def saving(self, step: int) -> Iterator[Path]:
        """A new folder for training state after `step` steps; it becomes the trial's checkpoint when the block ends.

        A crash in the block leaves the checkpoint before it in place. Save before you report: a report that pauses the
        trial finds its state on disk. Earlier checkpoints that nobody needs are removed.
        """
        final = self.folder / f"checkpoint-{step}"
        draft = self.folder / f".checkpoint-{step}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        shutil.rmtree(final, ignore_errors=True)
        os.replace(draft, final)
        self._saved(final, step)

    def _saved(self, folder: Path, step: int) -> None:
        """Records a folder under the study's as the trial's checkpoint, and removes those before it that nobody needs."""
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        relative = folder.relative_to(self._study.folder).as_posix()
        self._engine.checkpoint(self.number, self._lease, step, relative, size)
        self._checkpoint = (step, relative, size)
        self._study._tidy(self.number, folder.parent)

    # Its end.

    def complete(self, values: float | Sequence[float] | Mapping[str, float] | None = None) -> str:
        """Ends the trial: it ran to its end. A metric that is left out is taken from its reports. Gives the state that
        it is in then, which is `failed` where a metric is missing or not finite."""
        return self._end(lambda: self._engine.complete(
            self.number, self._lease, self._study._named(values), self._lap()
        ))

    def prune(self, reason: str = "by the program") -> str:
        """Ends the trial early."""
        return self._end(lambda: self._engine.prune(self.number, self._lease, reason, self._lap()))

    def fail(self, error: BaseException | str) -> str:
        """Ends the trial: it failed. An error of memory is recorded as such."""
        kind = "out_of_memory" if is_out_of_memory(error) else "crashed"
        text = error if isinstance(error, str) else _tail(error)
        return self._end(lambda: self._engine.fail(self.number, self._lease, kind, text, self._lap()))

    def release(self) -> None:
        """Hands the trial back: it waits for another worker, who goes on from its checkpoint."""
        if not self._is_over:
            self._engine.release(self.number, self._lease, self._lap())
            self._is_over = True

    @property
    def is_over(self) -> bool:
        """Whether this process has nothing more to do for it."""
        return self._is_over

    def _end(self, command: Any) -> str:
        if self._is_over:
            return self._study.trial(self.number).state
        state: str = command()
        self._is_over = True
        return state

    def _lap(self) -> float:
        """Seconds since the last report."""
        now = time.monotonic()
        lap, self._since = now - self._since, now
        return lap

    def __enter__(self) -> "Trial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self.complete()
        elif isinstance(error, Pruned):
            self.prune(str(error) or "by the program")
            return True
        elif isinstance(error, Exception):
            self.fail(error)
        else:
            # Ctrl-C and the like are no fault of the trial.
            self.release()
        return False


def is_out_of_memory(error: BaseException | str) -> bool:
    """Whether it means that memory did not suffice, on the host or a device."""
    if isinstance(error, MemoryError):
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return "OutOfMemoryError" in kinds or "out of memory" in str(error).lower()


def _tail(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))[-4000:]
