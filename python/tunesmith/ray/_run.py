"""`run`: a study's search by workers on a Ray cluster. The driver places workers and counts failures; refuses to hold
anything that the log does not have, so that it may die and be started again.
"""

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import ray

from .._optimize import Objective
from .._record import TrialRecord
from .._study import Study
from ._address import Address
from ._crew import Crew
from ._room import Needs, free
from ._worker import Outcome, Round, unpickled

__all__ = ["run"]

Progress = bool | Callable[[Study, TrialRecord], None]

LINE_SECONDS = 10.0
"""A line of progress is printed so often, where something has changed."""

TICK_SECONDS = 1.0
"""How often the driver looks for room and nodes."""

POLL_SECONDS = 0.2
"""How often it is asked for a trial that someone else holds, at the end."""

PATIENCE_SECONDS = 30.0
"""So long without a worker, and a warning says so."""


def run(
    objective: Objective,
    study: Study,
    *,
    workers: int | None = None,
    resources_per_trial: Mapping[str, float] | None = None,
    runtime_env: dict[str, Any] | None = None,
    address: str | None = None,
    failures: int = 5,
    progress: Progress = True,
) -> None:
    """Runs `objective` on trials until the search is over, by workers on the nodes of a Ray cluster.

    Each worker is an actor that opens the study by its address and name, asks for a trial, calls `objective` with it as
    `Study.optimize` does, and tells how it went. A worker that dies is started again, elsewhere where its node is gone,
    and its trial waits for the next one at once. A driver that dies takes its workers with it: the same call goes on.
    A trial that three workers died of, without a report, fails. Ctrl-C has the trials at hand released: objectives see
    `KeyboardInterrupt`, and what they hold is handed out again, from its checkpoint, by the next call.

    Trials that workers of other runs hold are waited for at the end, as long as a lease lasts: two minutes.

    Nodes read and write checkpoints under `Study(runs=…)`: on several machines that must be a folder they share.

    Args:
        objective: Gives the metric, several as a sequence or a dictionary, or `None` where it reported them. Its
            exceptions fail their trials.
        study: With a file as its storage, where all nodes are on this machine, or with a PostgreSQL database or a
            server of tunesmith.
        workers: How many work at once. As many as the cluster has room for where left out, on nodes that join later
            too.
        resources_per_trial: What each worker holds: `cpu`, `gpu` (also parts, as 0.5), `memory` in bytes, and custom
            resources of the cluster. One CPU where left out.
        runtime_env: Ray's environment for the workers.
        address: The cluster's. Where left out and Ray is not connected yet, what `ray.init()` finds or starts; a
            connection that is made here ends with the run.
        failures: So many failed trials in a row, over all workers, stop the run with the error of the last.
        progress: Whether a line on standard error says how it goes; or what is called with the study and the trial
            after each, as the `callbacks` of `optimize` are.

    Raises:
        ValueError: The study is in memory, nothing ends the search, or no node has room for a worker.
        RuntimeError: Trials fail one after the other, or workers die without ending any.
    """
    where = Address.of(study)
    if not study._has_end():
        raise ValueError("nothing ends this search; give the study a budget, as in Study(…, trials=100)")
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; give 1 or more, or leave it out for as many as there is room for")
    if failures < 1:
        raise ValueError(f"failures is {failures}; give 1 or more")
    needs = Needs(resources_per_trial)
    if workers is None and not needs.counted:
        raise ValueError("resources_per_trial is empty, so that there is room without end; give `workers`")
    is_ours = _connect(address)
    try:
        crew = Crew(study, where, objective, needs, runtime_env, workers)
        _search(crew, _Watch(study, failures, progress))
    finally:
        if is_ours:
            ray.shutdown()


def _connect(address: str | None) -> bool:
    """Connects to a cluster, where there is no connection yet; says whether it did."""
    if address is not None and address.startswith("ray://"):
        raise ValueError(
            f"{address} is an address of Ray Client, which this does not speak; run the program on the cluster, "
            "as with `ray job submit`, or give the address of the head node, as in 10.0.0.1:6379"
        )
    if not ray.is_initialized():
        ray.init(address=address)
        return True
    if address is not None:
        raise ValueError("Ray is connected already; leave `address` out, or call ray.shutdown() first")
    return False


def _search(crew: Crew, watch: "_Watch") -> None:
    filled = float("-inf")
    try:
        while True:
            if time.monotonic() - filled >= TICK_SECONDS:
                crew.fill()
                filled = time.monotonic()
            for done in crew.rounds(TICK_SECONDS):
                watch.see(done, crew)
            if crew.is_idle and watch.is_over(crew):
                break
            watch.look_for_workers(crew)
        watch.say(crew, is_last=True)
    except BaseException:
        crew.hand_back()
        raise
    finally:
        crew.dismiss()


class _Watch:
    """What the driver notices, and says."""

    def __init__(self, study: Study, failures: int, progress: Progress) -> None:
        self.study = study
        self.failures = failures
        self.progress = progress
        self.failed: list[Outcome] = []
        self.said = time.monotonic()
        self.news = False
        self.worked = time.monotonic()
        self.waiting_since: float | None = None

    def see(self, done: Round, crew: Crew) -> None:
        """Counts what a worker did.

        Raises:
            RuntimeError: Too many trials failed in a row.
        """
        for outcome in done.outcomes:
            self.news = True
            if callable(self.progress):
                self.progress(self.study, self.study.trial(outcome.number))
            if outcome.state == "failed":
                self.failed.append(outcome)
            elif outcome.state != "lost":
                self.failed.clear()
            if len(self.failed) >= self.failures:
                raise self._flapping() from unpickled(outcome.error)
        if time.monotonic() - self.said >= LINE_SECONDS:
            self.say(crew)

    def _flapping(self) -> RuntimeError:
        last = self.failed[-1]
        error = RuntimeError(
            f"{len(self.failed)} trials in a row failed, the last of them trial {last.number}: {last.reason}; "
            "mend the cause, and the same call goes on"
        )
        if last.trace is not None:
            error.add_note(f"On the worker:\n{last.trace}")
        return error

    def is_over(self, crew: Crew) -> bool:
        """Whether no work is left, where no worker finds any: a trial that someone else holds comes back when its lease
        is over, unless that one lives."""
        if crew.is_paused or self.study.counts["running"] == 0:
            return True
        lease = self.study.config["lease_ms"] / 1000
        now = time.monotonic()
        if self.waiting_since is None:
            self.waiting_since = now
            self._print(f"waiting up to {lease:.0f} s for trials that workers of another run hold")
        if now - self.waiting_since > lease + 2 * TICK_SECONDS:
            return True
        # Leases are watched by those who ask.
        time.sleep(POLL_SECONDS)
        crew.wake(1)
        return False

    def look_for_workers(self, crew: Crew) -> None:
        """Warns where no worker has been placed for long."""
        now = time.monotonic()
        if crew.placed:
            self.worked = now
        elif now - self.worked > PATIENCE_SECONDS:
            self.worked = float("inf")
            warnings.warn(
                f"no worker has been placed for {PATIENCE_SECONDS:.0f} s; each needs {crew.needs}, and free are "
                f"{free()}; end other work there, or add a node",
                stacklevel=4,
            )

    def say(self, crew: Crew, *, is_last: bool = False) -> None:
        """Prints how it goes, where that is wanted."""
        self.said = time.monotonic()
        if self.progress is not True or not (self.news or is_last):
            return
        self.news = False
        counts = ", ".join(f"{count} {state}" for state, count in self.study.counts.items() if count)
        nodes = {seat.hello.node for seat in crew.placed if seat.hello is not None}
        line = f"{counts or 'no trials yet'}; workers: {len(crew.placed)}, nodes: {len(nodes)}"
        if self.study.counts["completed"] and len(self.study.metrics) == 1:
            best = self.study.best
            name = self.study.metrics[0][0]
            line += f"; best {name}: {best.values[name]:g} in trial {best.number}"
        self._print(line)

    def _print(self, line: str) -> None:
        if self.progress is True:
            print(f"{self.study.name}: {line}", file=sys.stderr, flush=True)
