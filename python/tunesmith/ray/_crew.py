"""The workers of one run: where they are placed, how they are started again, and what becomes of the trials of those
that died.

Refuses to know trials: it knows who works, and the log knows what on.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .._engine import StorageError
from .._optimize import Objective
from .._study import Study
from ._address import Address
from ._deaths import Deaths
from ._room import Needs, biggest, free, nodes
from ._worker import Hello, Round, Worker, interrupt, packed

ROUND_SECONDS = 1.0
"""How long a worker takes trials before it says how it went. Costs one call of Ray's each time."""

MOST_CRASHES = 5
"""So many workers in a row may die in one seat without having ended a trial."""

LONGEST_PAUSE = 30.0
"""Seconds at most before a worker is started again."""

GRACE_SECONDS = 10.0
"""How long workers have to release their trials, before they are killed."""


@dataclass(slots=True, eq=False)
class Seat:
    """Room for one worker, and the worker that has it."""

    actor: Any = None
    call: Any = None
    """What it was told last, until it has answered."""
    hello: Hello | None = None
    """Who it is; none while it is placed."""
    said: str = "more"
    """The state of its last round."""
    crashes: int = 0
    """Workers that died here since the last trial that one of them ended."""
    not_before: float = 0.0


class Crew:
    """Workers on a study.

    Args:
        study: The driver's own handle on it.
        address: Where workers find it.
        objective: What they call.
        needs: What each needs.
        runtime_env: Ray's environment for each.
        workers: How many; as many as there is room for where `None`.
    """

    def __init__(
        self,
        study: Study,
        address: Address,
        objective: Objective,
        needs: Needs,
        runtime_env: dict[str, Any] | None,
        workers: int | None,
    ) -> None:
        self.study = study
        self.address = address
        self.needs = needs
        self.workers = workers
        self.deaths = Deaths(study)
        self._had_room = False
        self.seats: list[Seat] = [] if workers is None else [Seat() for _ in range(workers)]
        self._objective = ray.put(packed(objective))
        options = {**needs.options(), "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        if runtime_env is not None:
            options["runtime_env"] = runtime_env
        self._kind: Any = ray.remote(Worker).options(**options)

    # Who works.

    @property
    def placed(self) -> list[Seat]:
        """Seats whose workers have said hello."""
        return [seat for seat in self.seats if seat.hello is not None]

    @property
    def is_idle(self) -> bool:
        """Whether there are workers, and none has anything to do."""
        return bool(self.placed) and all(seat.call is None for seat in self.placed)

    @property
    def is_paused(self) -> bool:
        """Whether a worker found the study paused."""
        return any(seat.said == "paused" for seat in self.placed)

    def fill(self) -> None:
        """Starts workers in the seats that are free, and adds seats where the cluster has room for more.

        Raises:
            ValueError: No node has room for one, now or when its other work has ended.
        """
        if self.workers is None:
            self._add_seats()
        now = time.monotonic()
        for seat in self.seats:
            if seat.actor is None and seat.not_before <= now:
                seat.actor = self._kind.remote()
                seat.call = seat.actor.open.remote(self.address, self._objective)

    def _add_seats(self) -> None:
        room = self.needs.room()
        if room == 0 and not self._had_room:
            raise ValueError(
                f"no node of the cluster has room for a worker, which needs {self.needs}; the nodes have {biggest()}; "
                "lower `resources_per_trial`, or give `workers` to wait for nodes that join"
            )
        waiting = sum(seat.hello is None for seat in self.seats)
        more = self.needs.fit(free()) - waiting
        # One may wait where others have the room now.
        more = max(more, 0 if self.seats else 1)
        self._had_room = True
        self.seats += [Seat() for _ in range(min(room - len(self.seats), more))]

    def wake(self, most: int | None = None) -> None:
        """Sets idle workers to work again."""
        idle = [seat for seat in self.placed if seat.call is None]
        for seat in idle[:most]:
            self._set_to_work(seat)

    def _set_to_work(self, seat: Seat) -> None:
        seat.call = seat.actor.work.remote(ROUND_SECONDS, self.deaths.deadly)

    # What they say.

    def rounds(self, timeout: float) -> Iterator[Round]:
        """What workers did, as they say it; nothing where none says anything for so many seconds.

        Raises:
            RuntimeError: Workers die again and again.
            Exception: What a worker cannot go on with.
        """
        calls = {seat.call: seat for seat in self.seats if seat.call is not None}
        if not calls:
            time.sleep(timeout)
            return
        ready, _ = ray.wait(list(calls), num_returns=1, timeout=timeout)
        more, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        for call in {*ready, *more}:
            done = self._answer(calls[call])
            if done is not None:
                yield done

    def _answer(self, seat: Seat) -> Round | None:
        try:
            said = ray.get(seat.call)
        except RayTaskError as error:
            cause = error.cause
            if not isinstance(cause, StorageError) or seat.hello is None:
                raise cause if isinstance(cause, Exception) else error from error
            self._lost(seat, error)
            return None
        except RayError as error:
            if seat.hello is None and not isinstance(error, RayActorError):
                raise
            self._lost(seat, error)
            return None
        seat.call = None
        if isinstance(said, Hello):
            seat.hello = said
            self._set_to_work(seat)
            return None
        done: Round = said
        seat.said = done.state
        if done.outcomes:
            seat.crashes = 0
        # One that someone else interrupted goes on.
        if done.state in ("more", "handed back"):
            self._set_to_work(seat)
        return done

    # Those that died.

    def _lost(self, seat: Seat, error: RayError) -> None:
        """A worker is gone: its trials come back at once, and its seat is filled again."""
        hello, actor = seat.hello, seat.actor
        with contextlib.suppress(RayError):
            ray.kill(actor)
        seat.actor = seat.call = seat.hello = None
        is_crash = hello is None or any(node["NodeID"] == hello.node for node in nodes())
        if hello is not None:
            self._reap([hello.writer])
            if is_crash:
                self.deaths.note(hello.writer)
            # One of those that had nothing to do may take the trial.
            self.wake()
        if is_crash:
            self._crashed(seat, error)
        elif self.workers is None:
            self.seats.remove(seat)

    def _crashed(self, seat: Seat, error: RayError) -> None:
        seat.crashes += 1
        if seat.crashes >= MOST_CRASHES:
            raise RuntimeError(
                f"{seat.crashes} workers in a row died before one of them had ended a trial; the last: {error}; "
                "the cause is in Ray's logs, by default under /tmp/ray/session_latest/logs of the node"
            ) from error
        seat.not_before = time.monotonic() + min(LONGEST_PAUSE, 0.25 * 2**seat.crashes)

    # The end.

    def hand_back(self) -> None:
        """Has the workers release their trials, and kills those that do not in time; what they held is queued again."""
        writers = [seat.hello.writer for seat in self.placed if seat.hello is not None]
        try:
            with contextlib.suppress(RayError):
                self._interrupt([seat for seat in self.placed if seat.call is not None])
        finally:
            busy = [seat.call for seat in self.seats if seat.call is not None]
            self.dismiss()
            if busy:
                # Ray kills in its own time, and one that lives would go on and ask again.
                ray.wait(busy, num_returns=len(busy), timeout=GRACE_SECONDS)
            self._reap(writers)

    def _reap(self, writers: list[str]) -> None:
        # A command is decided by what is known here, so that the log is read first.
        _ = self.study.counts
        self.study.reap(writers)

    def _interrupt(self, busy: list[Seat]) -> None:
        by_node: dict[str, list[int]] = {}
        for seat in busy:
            if seat.hello is not None:
                by_node.setdefault(seat.hello.node, []).append(seat.hello.pid)
        sender: Any = ray.remote(interrupt)
        sent = [
            sender.options(
                num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote(pids)
            for node, pids in by_node.items()
        ]
        if sent:
            calls = [seat.call for seat in busy]
            ray.wait(calls, num_returns=len(calls), timeout=GRACE_SECONDS)

    def dismiss(self) -> None:
        """Ends all workers."""
        for seat in self.seats:
            if seat.actor is not None:
                with contextlib.suppress(RayError):
                    ray.kill(seat.actor)
        self.seats = []
