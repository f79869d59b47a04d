"""A worker of a study in a process that Ray started: it asks, calls the objective and tells, for a while at a time.

Refuses to keep anything of its own between two rounds, so that it may die at any moment: what it held is in the log.
"""

import contextlib
import os
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
import ray.cloudpickle

from .._engine import Busy, Finished, LeaseLost, Paused
from .._optimize import Objective
from .._study import Study
from .._trial import Pruned, Trial
from ._address import Address

# Its functions have no types.
_cloudpickle: Any = ray.cloudpickle

ENDED = {"prune": "pruned", "pause": "paused", "fail": "failed", "lost": "lost"}
"""The states of trials that a report's verdict ended or took away."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Who a worker is."""

    writer: str
    """Its name in the log."""
    node: str
    """Ray's id of its node."""
    pid: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How work on a trial ended."""

    number: int
    """The trial's."""
    state: str
    """completed, pruned, failed or paused; or lost, where another worker has the trial now."""
    reason: str | None = None
    """Why it failed."""
    error: bytes | None = None
    """The objective's exception, pickled, where it can be."""
    trace: str | None = None
    """Where the objective raised it."""


@dataclass(slots=True)
class Round:
    """What a worker did in one call."""

    state: str = "more"
    """more, over, paused, or handed back where it was interrupted."""
    outcomes: list[Outcome] = field(default_factory=list)


class Worker:
    """What Ray places; the driver makes an actor of it."""

    def open(self, address: Address, objective: bytes) -> Hello:
        """Opens the study, and says who works here.

        Args:
            address: Where it is.
            objective: What is called with each trial, packed.

        Raises:
            ImportError: A module of the objective's is not installed here.
            StorageError: The study cannot be opened from here.
            ValueError: It is a file of another machine.
        """
        self._study: Study = address.open()
        try:
            self._objective: Objective = _cloudpickle.loads(objective)
        except ImportError as error:
            raise ImportError(
                f"the worker on {socket.gethostname()} cannot load the objective: {error}; install its modules on all "
                "nodes, or send them along, as in runtime_env={'working_dir': '.'}"
            ) from error
        node = ray.get_runtime_context().get_node_id()
        return Hello(self._study.worker, node, os.getpid())

    def work(self, seconds: float, deadly: Mapping[int, int]) -> Round:
        """Works until so many seconds are over and the trial at hand has ended, or one fails, or no work is left.

        Args:
            seconds: How long to take new trials.
            deadly: Trials that are not to be run again, with how many workers died of each.
        """
        _let_interrupts_through()
        until = time.monotonic() + seconds
        done = Round()
        try:
            while True:
                try:
                    trial = self._study.ask(wait=max(0.0, until - time.monotonic()))
                except Busy:
                    return done
                except Finished:
                    done.state = "over"
                    return done
                except Paused:
                    done.state = "paused"
                    return done
                outcome = self._run(trial, deadly.get(trial.number))
                done.outcomes.append(outcome)
                if outcome.state == "failed" or time.monotonic() >= until:
                    return done
        except KeyboardInterrupt:
            done.state = "handed back"
            return done

    def _run(self, trial: Trial, deaths: int | None) -> Outcome:
        try:
            if deaths is not None:
                reason = f"{deaths} workers died while they ran it, and none of them had reported on it since the last"
                return Outcome(trial.number, trial.fail(reason), reason)
            return self._called(trial)
        except LeaseLost:
            return Outcome(trial.number, "lost")

    def _called(self, trial: Trial) -> Outcome:
        try:
            values = self._objective(trial)
        except Pruned as pruned:
            return Outcome(trial.number, trial.prune(str(pruned) or "by the program"))
        except SystemExit as error:
            # Ray takes it for the wish that this process end.
            reason = f"the objective ended its process: SystemExit({error.code!r})"
            return Outcome(trial.number, trial.fail(reason), reason)
        except Exception as error:
            state = trial.fail(error)
            reason = f"{type(error).__name__}: {error}"
            return Outcome(trial.number, state, reason, _pickled(error), "".join(traceback.format_exception(error)))
        except BaseException:
            with contextlib.suppress(LeaseLost):
                trial.release()
            raise
        if not trial.is_over:
            trial.complete(values)
        elif trial.verdict != "continue":
            return Outcome(trial.number, ENDED[trial.verdict], self._reason(trial))
        known = self._study.trial(trial.number)
        return Outcome(trial.number, known.state, known.reason)

    def _reason(self, trial: Trial) -> str | None:
        return self._study.trial(trial.number).reason if trial.verdict == "fail" else None


def _let_interrupts_through() -> None:
    """Ray starts its processes with SIGINT blocked; it is how a driver that stops has the trial at hand released."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)


def packed(objective: Objective) -> bytes:
    """The objective as it is sent to workers.

    Raises:
        TypeError: It holds something that belongs to this process.
    """
    try:
        sent: bytes = _cloudpickle.dumps(objective)
    except TypeError as error:
        raise TypeError(
            f"the objective cannot be sent to other processes: {error}; have it open such things itself"
        ) from error
    return sent


def _pickled(error: Exception) -> bytes | None:
    try:
        pickled: bytes = _cloudpickle.dumps(error)
        _cloudpickle.loads(pickled)
    except Exception:
        # Its words are sent in any case.
        return None
    return pickled


def unpickled(pickled: bytes | None) -> BaseException | None:
    """The exception that was sent, where it can be had here."""
    if pickled is None:
        return None
    try:
        error: Any = _cloudpickle.loads(pickled)
    except Exception:
        return None
    return error if isinstance(error, BaseException) else None


def interrupt(pids: list[int]) -> None:
    """Sends SIGINT to processes of this node."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass
