"""Trials as they are known from the log: what happened, not a handle on it."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Report", "TrialRecord"]


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics at a step of a trial."""

    step: int
    """How far the trial was, in the trial's own unit."""
    fraction: float
    """The share of the trial's own schedule that was done, 0 to 1."""
    values: dict[str, float]
    """The metrics."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial as the log has it."""

    number: int
    """Its number in the study, from 0."""
    state: str
    """queued, running, paused, completed, pruned, failed or cancelled."""
    params: dict[str, Any]
    """Its hyperparameters."""
    seed: int
    """The seed of its training."""
    values: dict[str, float]
    """Its metrics: what it was told where it completed, else what it reported."""
    reports: list[Report]
    """What it reported on its way, steps ascending."""
    reason: str | None
    """Why it was pruned or failed."""
    checkpoint: tuple[int, str, int] | None
    """Step, path under the study's folder and bytes of its last checkpoint."""
    exploits: list[tuple[int, int, dict[str, Any]]]
    """Of population-based training: donor, the donor's step, and the params until then."""
    origin: str
    """sampler, enqueued, or replica of a trial."""
    effective: dict[str, Any] | None
    """What the program said that it really used."""
    read_back: dict[str, Any] | None
    """What the optimiser worked with after a state was taken over, read back from it."""
    total_steps: int | None
    """The steps of its whole schedule, where the program said."""
    leases: int
    """How often a worker took it on."""
    device_seconds: float
    """What it took, over all workers."""
    created_ms: int
    """When it was created, milliseconds since 1970."""
    finished_ms: int | None
    """When it ended."""


def record(known: dict[str, Any]) -> TrialRecord:
    """The record of what the engine knows."""
    reports = [Report(*report) for report in known.pop("reports")]
    return TrialRecord(reports=reports, **known)
