"""Ray Tune's search spaces as tunesmith's parameters. Refuses what has no counterpart, grids and functions among it,
and says what to write in its place.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.search.sample import Categorical, Domain, Float, Function, Integer, LogUniform, Normal, Quantized, Uniform

from .._trial import Trial

Path = tuple[Any, ...]

ASKABLE = ("int_uniform", "q_uniform", "uniform", "log_uniform_values")
"""The distributions that need no space of the study's own."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A Domain of Ray's, at its place in `param_space`."""

    name: str
    """In the study: the keys that lead to it, with dots between."""
    path: Path
    """The keys that lead to it."""
    kind: str
    """`float`, `int` or `choice`."""
    described: dict[str, Any]
    """As a study file has it."""

    def value(self, drawn: Any) -> Any:
        """The value as the Domain has it."""
        return {"float": float, "int": int}.get(self.kind, lambda same: same)(drawn)

    def check_askable(self) -> None:
        """Makes sure that a study without a space of its own can ask for it while trials run.

        Raises:
            ValueError: It cannot.
        """
        distribution = self.described.get("distribution")
        is_whole = self.kind == "int" and self.described.get("q") == 1
        if distribution is not None and distribution not in ASKABLE and not is_whole:
            raise ValueError(
                f"{self.name} has the distribution {distribution}, which cannot be asked for while trials run; give "
                "TunesmithSearch the keywords of a study instead of one without a space"
            )

    def ask(self, trial: Trial) -> None:
        """Asks for a value while the trial runs.

        Args:
            trial: Of a study without a space of its own.
        """
        keys, name = self.described, self.name
        log = "log" in keys.get("distribution", "")
        if "distribution" not in keys:
            trial.suggest_categorical(name, keys["values"] if "values" in keys else [keys["value"]])
        elif self.kind == "int":
            trial.suggest_int(name, int(keys["min"]), int(keys["max"]), step=int(keys.get("q", 1)), log=log)
        else:
            trial.suggest_float(name, keys["min"], keys["max"], step=keys.get("q"), log=log)


def parameters(param_space: Mapping[str, Any]) -> list[Parameter]:
    """The parameters of a `param_space`; constants in it stay Ray's.

    Raises:
        ValueError: Something in it has no counterpart; every problem is listed.
    """
    found: list[Parameter] = []
    problems: list[str] = []
    for path, domain in _domains(param_space, ()):
        try:
            found.append(_parameter(path, domain))
        except ValueError as problem:
            problems.append(f"{_name(path)}: {problem}")
    names = [one.name for one in found]
    problems += [f"{name}: named twice" for name in sorted(set(names)) if names.count(name) > 1]
    if problems:
        raise ValueError("tunesmith cannot search this param_space:\n" + "\n".join(problems))
    return found


def _domains(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """All that is not constant: Domains, and those dictionaries and functions that Ray would resolve itself."""
    if isinstance(node, Domain) or _is_resolved_by_ray(node):
        yield path, node
    elif isinstance(node, Mapping):
        for key, below in node.items():
            yield from _domains(below, (*path, key))
    elif isinstance(node, (list, tuple)):
        for index, below in enumerate(node):
            for within, domain in _domains(below, (*path, index)):
                yield within, _InList(domain)


@dataclass(frozen=True, slots=True)
class _InList:
    """Something to be searched that stands in a list."""

    domain: Any


def _is_resolved_by_ray(node: Any) -> bool:
    return isinstance(node, Mapping) and len(node) == 1 and ("grid_search" in node or "eval" in node)


def _parameter(path: Path, domain: Any) -> Parameter:
    name = _name(path)
    if isinstance(domain, _InList):
        raise ValueError("a parameter in a list has no name; give it a key of its own, and build the list from it")
    if not all(isinstance(key, str) for key in path):
        raise ValueError("a key that leads to it is not text; give it keys of text alone")
    if isinstance(domain, Mapping) and "grid_search" in domain:
        raise ValueError(
            "grid_search is Ray's own; write tune.choice with the same values, or for the whole grid a study with "
            "method='grid' and tunesmith.ray.run"
        )
    if isinstance(domain, (Function, Mapping)):
        raise ValueError(
            "sample_from draws by itself, so that nothing could be learned of it; give a distribution, and compute "
            "from its value in the trainable"
        )
    sampler = domain.get_sampler()  # type: ignore[no-untyped-call, unused-ignore]
    q: Any = None
    if isinstance(sampler, Quantized):
        q, sampler = sampler.q, sampler.sampler
    if isinstance(domain, Categorical) and isinstance(sampler, Uniform):
        return Parameter(name, path, "choice", _choice(list(domain.categories)))
    if isinstance(domain, Float):
        return Parameter(name, path, "float", _float(domain, sampler, q))
    if isinstance(domain, Integer):
        return Parameter(name, path, "int", _int(domain, sampler, q))
    raise ValueError(f"{domain!r} has no counterpart; take one of tune.uniform, loguniform, randint, choice and others")


def _name(path: Path) -> str:
    return ".".join(str(key) for key in path)


def _choice(values: list[Any]) -> dict[str, Any]:
    for value in values:
        if not _is_plain(value):
            raise ValueError(
                f"{value!r} cannot be kept in a log; choose among names, and look up in the trainable what they mean"
            )
    return {"values": values} if len(values) > 1 else {"value": values[0]}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _float(domain: Float, sampler: Any, q: float | None) -> dict[str, Any]:
    step = {} if q is None else {"q": q}
    prefix = "" if q is None else "q_"
    if isinstance(sampler, Normal):
        return {"distribution": prefix + "normal", "mu": float(sampler.mean), "sigma": float(sampler.sd), **step}
    low, high = float(domain.lower), float(domain.upper)
    if not math.isfinite(low) or not math.isfinite(high):
        raise ValueError("it has no bounds; give it a lower and an upper one")
    if low == high:
        return {"value": low}
    if isinstance(sampler, LogUniform):
        return {"distribution": prefix + "log_uniform_values", "min": low, "max": high, **step}
    if isinstance(sampler, Uniform):
        return {"distribution": prefix + "uniform", "min": low, "max": high, **step}
    raise ValueError(f"{sampler!r} has no counterpart; take uniform, loguniform or normal")


def _int(domain: Integer, sampler: Any, q: int | None) -> dict[str, Any]:
    # As Ray has it, the upper end is left out but where multiples of more than 1 are drawn.
    step = int(q or 1)
    low = math.ceil(domain.lower / step) * step
    high = int(domain.upper) - 1 if step == 1 else math.floor(domain.upper / step) * step
    if low > high:
        raise ValueError(f"there is no multiple of {step} from {domain.lower} to {domain.upper}")
    if low == high:
        return {"value": low}
    if isinstance(sampler, LogUniform):
        return {"distribution": "q_log_uniform_values", "min": low, "max": high, "q": step}
    if not isinstance(sampler, Uniform):
        raise ValueError(f"{sampler!r} has no counterpart; take randint, qrandint, lograndint or qlograndint")
    if step == 1:
        return {"distribution": "int_uniform", "min": low, "max": high}
    return {"distribution": "q_uniform", "min": low, "max": high, "q": step}


def nested(drawn: Mapping[Path, Any]) -> dict[str, Any]:
    """Values at their places."""
    config: dict[str, Any] = {}
    for path, value in drawn.items():
        node = config
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return config
