"""Which trials kill their workers: those that use up the memory of their host, or make a library crash.

Refuses to count nodes that were lost, and workers whose trial had reported or saved something since the last one died.
"""

import json
from typing import Any

from .._study import Study

MOST_DEATHS = 3
"""A trial of which so many workers died in a row is not run again."""

LEASED = ("trial_started", "trial_leased", "trial_exploited")

PROGRESSED = ("reported", "checkpointed")


class Deaths:
    """Read from the log, and only when a worker has died.

    Args:
        study: The study.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._seen = 0
        self._crashed: set[str] = set()
        self._holders: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def note(self, worker: str) -> None:
        """A worker has crashed, and what it held is queued again.

        Args:
            worker: Its name in the log.
        """
        self._crashed.add(worker)
        while lines := self._study._engine.events(self._seen):
            self._seen += len(lines)
            for line in lines:
                self._read(json.loads(line))

    @property
    def deadly(self) -> dict[int, int]:
        """The trials that are not to be run again, with how many workers died of each."""
        return {
            int(stream.removeprefix("trial/")): count
            for stream, count in self._counts.items()
            if count >= MOST_DEATHS
        }

    def _read(self, event: dict[str, Any]) -> None:
        stream, fact = event["stream"], event["fact"]
        if fact["type"] in LEASED:
            self._holders[stream] = event["by"]
        elif fact["type"] in PROGRESSED:
            self._counts.pop(stream, None)
        elif fact["type"] == "trial_requeued" and fact["reason"] == "worker_died":
            if self._holders.get(stream) in self._crashed:
                self._counts[stream] = self._counts.get(stream, 0) + 1
