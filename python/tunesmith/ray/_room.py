"""What a worker needs, and for how many a cluster has room. Refuses amounts that Ray would not place."""

from collections.abc import Mapping
from typing import Any

import ray

# Its functions have no types.
_ray: Any = ray

NAMES = {"cpu": "CPU", "gpu": "GPU"}
"""As Ray counts them."""


class Needs:
    """The resources of one worker.

    Raises:
        ValueError: An amount is not one that Ray can place.
    """

    def __init__(self, resources: Mapping[str, float] | None) -> None:
        given = {"cpu": 1.0} if resources is None else dict(resources)
        self.amounts: dict[str, float] = {}
        for name, amount in given.items():
            is_number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
            if not is_number or not 0 <= amount < float("inf"):
                raise ValueError(f"resources_per_trial has {name}: {amount!r}; give a number, as in {{'gpu': 0.5}}")
            if amount > 1 and amount != int(amount):
                raise ValueError(f"resources_per_trial has {name}: {amount}; Ray places whole numbers beyond 1")
            known = NAMES.get(name.lower(), name)
            if known in self.amounts:
                raise ValueError(f"resources_per_trial names {known} twice; name it once")
            self.amounts[known] = float(amount)
        self.counted = {name: amount for name, amount in self.amounts.items() if amount > 0}

    def __str__(self) -> str:
        return _shown(self.counted)

    def options(self) -> dict[str, Any]:
        """The options of an actor. Where no CPU is named, Ray would take one to start it, and none to run it."""
        rest = dict(self.counted)
        options: dict[str, Any] = {"num_cpus": rest.pop("CPU", 0), "num_gpus": rest.pop("GPU", 0)}
        if "memory" in rest:
            options["memory"] = rest.pop("memory")
        if rest:
            options["resources"] = rest
        return options

    def fit(self, free: Mapping[str, float]) -> int:
        """How many times they fit into what is free."""
        # Ray counts in parts of ten thousand.
        return min(int(free.get(name, 0.0) / amount + 1e-6) for name, amount in self.counted.items())

    def room(self) -> int:
        """For how many workers the nodes have room, were they free."""
        return sum(self.fit(node["Resources"]) for node in nodes())


def nodes() -> list[dict[str, Any]]:
    """The nodes that are alive."""
    return [node for node in _ray.nodes() if node["Alive"]]


def free() -> dict[str, float]:
    """What no one holds, over all nodes."""
    amounts: dict[str, float] = _ray.available_resources()
    return amounts


def biggest() -> str:
    """What the nodes have, for an error."""
    has = [{name: some for name, some in node["Resources"].items() if _is_asked_for(name)} for node in nodes()]
    return "; ".join(sorted({_shown(amounts) for amounts in has})) or "nothing"


def _is_asked_for(name: str) -> bool:
    return not name.startswith("node:") and name not in ("memory", "object_store_memory")


def _shown(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in sorted(amounts.items())) or "nothing"
