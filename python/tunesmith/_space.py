"""Parameters in the words of a study file, for those who do not want to spell them out.

Each function gives the dictionary that the study file has for the same parameter, so that both may be mixed, and keys
that only the dictionary has (`prior`, `when`, `expr`) may be added.
"""

from collections.abc import Iterable
from typing import Any

__all__ = ["choice", "int_uniform", "loguniform", "quniform", "uniform"]

Parameter = dict[str, Any]


def uniform(low: float, high: float) -> Parameter:
    """A real number, equally likely everywhere from `low` to `high`.

    >>> uniform(0, 0.3)
    {'distribution': 'uniform', 'min': 0.0, 'max': 0.3}
    """
    return {"distribution": "uniform", "min": float(low), "max": float(high)}


def loguniform(low: float, high: float) -> Parameter:
    """A positive real number whose logarithm is equally likely everywhere: for learning rates.

    >>> loguniform(1e-6, 1e-3)
    {'distribution': 'log_uniform_values', 'min': 1e-06, 'max': 0.001}
    """
    return {"distribution": "log_uniform_values", "min": float(low), "max": float(high)}


def quniform(low: float, high: float, q: float) -> Parameter:
    """A multiple of `q` from `low` to `high`.

    >>> quniform(0, 0.5, 0.05)
    {'distribution': 'q_uniform', 'min': 0.0, 'max': 0.5, 'q': 0.05}
    """
    return {"distribution": "q_uniform", "min": float(low), "max": float(high), "q": q}


def int_uniform(low: int, high: int) -> Parameter:
    """A whole number from `low` to `high`, both included.

    >>> int_uniform(1, 4)
    {'distribution': 'int_uniform', 'min': 1, 'max': 4}
    """
    return {"distribution": "int_uniform", "min": int(low), "max": int(high)}


def choice(values: Iterable[Any]) -> Parameter:
    """One of `values`, equally likely.

    >>> choice([16, 32])
    {'values': [16, 32]}
    """
    return {"values": list(values)}


def described(name: str, parameter: Any) -> Parameter:
    """The parameter as a study file has it: a list is a choice, and a single value is fixed."""
    if isinstance(parameter, dict):
        return parameter
    if isinstance(parameter, (list, tuple)):
        return choice(parameter)
    if isinstance(parameter, (str, int, float, bool)) or parameter is None:
        return {"value": parameter}
    raise TypeError(
        f"{name} is {parameter!r}; give a list of values, tunesmith.uniform(…) and its like, "
        "or a dictionary as a study file has it"
    )
