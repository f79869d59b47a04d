"""What is searched: scikit-learn's spaces in the words of a study, and a study's values as the estimator takes them.

Refuses distributions that have no counterpart, and a value that is listed twice.
"""

import math
import numbers
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._space import choice, int_uniform, loguniform, uniform

class Space:
    """The parameters as a study has them, and the way back to what the estimator takes."""

    def __init__(self, given: Any, *, is_grid: bool) -> None:
        spaces = [given] if isinstance(given, Mapping) else list(given)
        if not spaces or not all(isinstance(one, Mapping) for one in spaces):
            raise TypeError("param_space is a dictionary of parameters by name, or a list of such dictionaries")
        self.names = {name for one in spaces for name in one}
        self.parameters: dict[str, Any] = {}
        self._fields: dict[str, list[tuple[str, str, Codec]]] = {}
        counts: list[int | None] = []
        for number, one in enumerate(spaces):
            part = f"space{number}"
            codecs = {name: _codec(name, values) for name, values in one.items()}
            counts.append(_product([codec.count for codec in codecs.values()]))
            prefix = f"{part}." if len(spaces) > 1 else ""
            self._fields[part] = [(f"{prefix}{name}", name, codec) for name, codec in codecs.items()]
            for name, codec in codecs.items():
                described = dict(codec.described)
                if prefix:
                    _refuse_references(name, described)
                    described["when"] = {"space": part}
                self.parameters[f"{prefix}{name}"] = described
            if is_grid and counts[-1] is None:
                ranges = ", ".join(name for name, codec in codecs.items() if codec.count is None)
                raise ValueError(f"a grid needs the values of {ranges}; list them, or take another method")
        if len(spaces) > 1:
            self.parameters["space"] = choice(self._fields)
        known = [count for count in counts if count is not None]
        self.points: int | None = sum(known) if is_grid else None

    def params(self, proposed: Mapping[str, Any]) -> dict[str, Any]:
        """What the estimator takes."""
        fields = self._fields[proposed["space"] if len(self._fields) > 1 else "space0"]
        return {name: codec.original(proposed[key]) for key, name, codec in fields if key in proposed}


@dataclass
class Codec:
    """A parameter: how a study has it, how many values it has where they are listed, and what they stand for."""

    described: dict[str, Any]
    count: int | None
    original: Callable[[Any], Any]


def _codec(name: str, given: Any) -> Codec:
    if isinstance(given, Mapping):
        listed = given.get("values") if set(given) <= {"values", "distribution"} else None
        if listed is None:
            return Codec(dict(given), 1 if "value" in given else None, lambda value: value)
        given = listed
    if hasattr(given, "dist") and hasattr(given, "rvs"):
        return Codec(_converted(name, given), None, lambda value: value)
    if given is None or isinstance(given, (str, bool, numbers.Number)):
        given = [given]
    if isinstance(given, (Sequence, range)) or (isinstance(given, np.ndarray) and given.ndim == 1):
        return _listed(name, list(given))
    raise TypeError(
        f"{name} is {given!r}, which cannot be searched; give a list of values, tunesmith.uniform(…) and its like, "
        "or a frozen uniform, loguniform, randint or norm of scipy.stats"
    )


def _listed(name: str, values: list[Any]) -> Codec:
    """A choice. What a log cannot keep, such as a tuple, a function or an estimator, is there under its own text."""
    if not values:
        raise ValueError(f"{name} has no values; list at least one")
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    keeps = all(value is None or isinstance(value, (str, bool, int)) or _is_finite(value) for value in plain)
    if keeps and len({(type(value), value) for value in plain}) < len(plain):
        raise ValueError(f"{name} lists a value twice: {values!r}; leave one out")
    if not keeps or len(set(plain)) < len(plain):
        plain = _labels(values)
    kept = {(type(value), value): original for value, original in zip(plain, values, strict=True)}
    return Codec(choice(plain), len(values), lambda value: kept[type(value), value])


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _labels(values: list[Any]) -> list[str]:
    texts = [re.sub(r"\s+", " ", repr(value))[:80] for value in values]
    return [text if texts.count(text) == 1 else f"{text} #{place}" for place, text in enumerate(texts)]


def _converted(name: str, frozen: Any) -> dict[str, Any]:
    """A frozen distribution of scipy.stats as a study has it."""
    kind = frozen.dist.name
    low, high = frozen.support()
    if kind == "uniform":
        return uniform(low, high)
    if kind in ("loguniform", "reciprocal") and math.isclose(frozen.median(), math.sqrt(low * high)):
        return loguniform(low, high)
    if kind == "randint":
        return int_uniform(int(low), int(high))
    if kind == "norm":
        return {"distribution": "normal", "mu": float(frozen.mean()), "sigma": float(frozen.std())}
    raise TypeError(
        f"{name} is scipy.stats.{kind}{frozen.args}{frozen.kwds or ''}, which has no counterpart here; uniform, "
        "loguniform without a shift, randint and norm have; list values, or give a dictionary as a study file has it"
    )


def _refuse_references(name: str, described: Mapping[str, Any]) -> None:
    found = [key for key in ("when", "expr") if key in described]
    if found:
        raise ValueError(f"{name} has `{found[0]}`, which a list of spaces cannot have; give one dictionary instead")


def _product(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return math.prod(known) if len(known) == len(counts) else None
