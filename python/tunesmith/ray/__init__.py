"""Searches on a Ray cluster: `run` places workers on its nodes; `TunesmithSearch` and `TunesmithScheduler` propose and
stop for those who keep `ray.tune.Tuner`.

The study's log is the truth in both: a driver or a node that is lost loses no trial, and what goes on afterwards reads
the log. Refuses studies in memory, as other processes cannot see them, and under a Tuner those schedulers that pause
trials.
"""

from typing import TYPE_CHECKING, Any

from ._run import run

if TYPE_CHECKING:
    from ._scheduler import TunesmithScheduler
    from ._search import TunesmithSearch

__all__ = ["TunesmithScheduler", "TunesmithSearch", "run"]


def __getattr__(name: str) -> Any:
    # Those two need Ray Tune, which brings pandas and pyarrow; `run` needs Ray alone.
    if name == "TunesmithSearch":
        from ._search import TunesmithSearch

        return TunesmithSearch
    if name == "TunesmithScheduler":
        from ._scheduler import TunesmithScheduler

        return TunesmithScheduler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
