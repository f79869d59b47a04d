"""What the ranks of a distributed run tell each other. Refuses a decision that not every rank makes: a rank that stops
alone leaves the others waiting in a collective.
"""

from typing import Any


def is_distributed() -> bool:
    """Whether there is more than one rank."""
    import torch.distributed as distributed

    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def is_first() -> bool:
    """Whether this rank holds the study."""
    import torch.distributed as distributed

    return not is_distributed() or distributed.get_rank() == 0


def from_first(value: Any) -> Any:
    """The first rank's value, on every rank."""
    if not is_distributed():
        return value
    import torch.distributed as distributed

    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def of_all(value: Any) -> list[Any]:
    """Every rank's value, on every rank."""
    if not is_distributed():
        return [value]
    import torch.distributed as distributed

    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values
