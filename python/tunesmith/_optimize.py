"""The loop behind `Study.optimize`: asks, calls the objective, tells, in one thread or several. Refuses to decide what an
exception means for the study: it fails its trial, and who called says whether the loop goes on.
"""

import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ._engine import Busy, Finished, Paused
from ._record import TrialRecord
from ._trial import Pruned, Trial, is_out_of_memory

if TYPE_CHECKING:
    from ._study import Study

Objective = Callable[[Trial], float | Sequence[float] | Mapping[str, float] | None]


class Run:
    """One call of `optimize`, shared by its threads."""

    def __init__(
        self,
        study: "Study",
        objective: Objective,
        trials: int | None,
        timeout: float | None,
        catch: type[Exception] | tuple[type[Exception], ...],
        callbacks: tuple[Callable[["Study", TrialRecord], None], ...],
    ) -> None:
        self.study = study
        self.objective = objective
        self.left = trials
        self.until = None if timeout is None else time.monotonic() + timeout
        self.catch = catch
        self.callbacks = callbacks
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.lock = threading.Lock()

    def work_apart(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = self.error or error
            self.stop.set()

    def work(self) -> None:
        while self.take():
            trial = self.next()
            if trial is None:
                return
            self.run(trial)
            for callback in self.callbacks:
                callback(self.study, self.study.trial(trial.number))

    def take(self) -> bool:
        """Whether another trial is wanted."""
        with self.lock:
            is_late = self.until is not None and time.monotonic() >= self.until
            if self.stop.is_set() or is_late or self.left == 0:
                return False
            if self.left is not None:
                self.left -= 1
            return True

    def next(self) -> Trial | None:
        while not self.stop.is_set():
            try:
                return self.study.ask(wait=1.0)
            except Busy:
                if self.until is not None and time.monotonic() >= self.until:
                    return None
            except (Finished, Paused):
                return None
        return None

    def run(self, trial: Trial) -> None:
        try:
            values = self.objective(trial)
        except Pruned as pruned:
            trial.prune(str(pruned) or "by the program")
        except Exception as error:
            trial.fail(error)
            if not isinstance(error, self.catch) and not is_out_of_memory(error):
                raise
            warnings.warn(f"trial {trial.number} failed: {type(error).__name__}: {error}", stacklevel=2)
        except BaseException:
            trial.release()
            raise
        else:
            if not trial.is_over:
                trial.complete(values)
