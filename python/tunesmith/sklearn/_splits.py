"""The rows that candidates are trained and tested on: split once, and in parts for schedulers.

Refuses to split again: scores on other splits could not be compared.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

def stages(rungs: Sequence[float], least: int, whole: int) -> list[tuple[float, int]]:
    """Fractions of the resource with their amounts, both ascending. Of rungs with equal amounts the highest is kept."""
    if least > whole:
        raise ValueError(f"the resource is {whole}, and a candidate needs {least} of it; search without a scheduler")
    amounts = {max(least, math.ceil(fraction * whole - 1e-9)): fraction for fraction in rungs}
    below = [(fraction, amount) for amount, fraction in amounts.items() if amount < whole]
    return [*below, (1.0, whole)]


class Splits:
    """A splitter that is asked once, and gives the same splits ever after."""

    def __init__(self, base: Any, rng: Any) -> None:
        self.base = base
        self.rng = rng
        self.known: list[tuple[Any, Any]] | None = None
        self.orders: list[Any] = []

    def count(self, X: Any, y: Any) -> int:
        """How many splits there are; 1 where that depends on more than the rows, as on their groups."""
        try:
            return self.get_n_splits(X, y)
        except (TypeError, ValueError):
            return 1

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None, **more: Any) -> int:
        return int(self.base.get_n_splits(X, y, groups, **more))

    def split(self, X: Any, y: Any = None, groups: Any = None, **more: Any) -> Iterator[tuple[Any, Any]]:
        if self.known is None:
            self.known = list(self.base.split(X, y, groups, **more))
            self.orders = [_nested(np.asarray(train), y, self.rng) for train, _ in self.known]
        return iter(self.known)

    def part(self, fraction: float) -> "Part":
        return Part(self, fraction)

    def __getattr__(self, name: str) -> Any:
        """What a splitter says of the metadata that it wants, where it says so."""
        if name == "get_metadata_routing" and "base" in self.__dict__:
            return getattr(self.base, name)
        raise AttributeError(f"splits have no {name}")

    def __getstate__(self) -> dict[str, Any]:
        # A worker is sent its rows with each task.
        return {"base": self.base, "rng": None, "known": None, "orders": []}


@dataclass
class Part:
    """The splits with a part of the training rows, the same test rows, and more rows for a larger part."""

    splits: Splits
    fraction: float

    def get_n_splits(self, *given: Any, **more: Any) -> int:
        return self.splits.get_n_splits(*given, **more)

    def split(self, X: Any, y: Any = None, groups: Any = None, **more: Any) -> Iterator[tuple[Any, Any]]:
        known = list(self.splits.split(X, y, groups, **more))
        for order, (_, test) in zip(self.splits.orders, known, strict=True):
            yield order[: max(1, math.ceil(self.fraction * len(order) - 1e-9))], test


def _nested(train: Any, y: Any, rng: Any) -> Any:
    """The rows in an order of which every beginning has each class in about its share."""
    shuffled = rng.permutation(train)
    targets = None if y is None else np.asarray(y)
    if targets is None or targets.ndim != 1 or targets.dtype.kind == "f":
        return shuffled
    place = np.empty(len(shuffled))
    labels = targets[shuffled]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = np.arange(len(members)) / len(members)
    return shuffled[np.argsort(place, kind="stable")]
