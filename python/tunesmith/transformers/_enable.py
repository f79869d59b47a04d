"""The backend `tunesmith` of `trainer.hyperparameter_search`. Refuses to touch the other backends: their calls go to the
method that was there before.
"""

import functools
from collections.abc import Mapping
from typing import Any

from .._study import PARAMETER_KEYS
from . import _objective
from ._search import search

BACKEND = "tunesmith"


def enable() -> None:
    """Teaches every Trainer the backend `tunesmith`; calling it again changes nothing.

    `hp_space` may be as for Optuna (a function that asks the trial by `suggest_…`), or one that gives parameters as a
    study file has them. Where it is left out, the space is the Trainer's own default. Keywords beside the Trainer's are those of `tunesmith.transformers.search`.
    """
    from transformers import Trainer

    original = Trainer.hyperparameter_search
    if getattr(original, "has_tunesmith", False):
        return

    @functools.wraps(original)
    def hyperparameter_search(
        self: Any,
        hp_space: Any = None,
        compute_objective: Any = None,
        n_trials: int = 20,
        direction: str | list[str] = "minimize",
        backend: Any = None,
        hp_name: Any = None,
        **keys: Any,
    ) -> Any:
        if backend != BACKEND:
            return original(self, hp_space, compute_objective, n_trials, direction, backend, hp_name, **keys)
        return _search(self, hp_space, compute_objective, n_trials, direction, hp_name, keys)

    hyperparameter_search.has_tunesmith = True  # type: ignore[attr-defined]
    Trainer.hyperparameter_search = hyperparameter_search  # type: ignore[method-assign]


def _search(
    trainer: Any, hp_space: Any, compute: Any, n_trials: int, direction: Any, hp_name: Any, keys: dict[str, Any]
) -> Any:
    from transformers.trainer_utils import BestRun

    goals = list(direction) if isinstance(direction, (list, tuple)) else [direction]
    names = ["objective"] if len(goals) == 1 else [f"objective_{index}" for index in range(len(goals))]
    objective = _objective.by_function(compute or _objective.by_default, names)
    found = search(
        trainer,
        space_of(hp_space),
        metrics=[{"name": name, "goal": goal} for name, goal in zip(names, goals, strict=True)],
        objective=objective,
        trials=n_trials,
        trial_name=hp_name,
        **keys,
    )
    if found is None:
        return None
    if len(goals) == 1:
        best = found.best
        return BestRun(str(best.number), best.values["objective"], best.params, found)
    return [
        BestRun(str(one.number), [one.values[name] for name in names], one.params, found)
        for one in found.study.front
    ]


class _AsksAtRun(Exception):
    """A space that asks the trial."""


class _Probe:
    """Takes the place of a trial, to see whether it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise _AsksAtRun(name)


def space_of(hp_space: Any) -> Any:
    """A dictionary of parameters, or the function itself where it asks the trial."""
    if hp_space is None:
        return dict(DEFAULT_SPACE)
    try:
        space = hp_space(_Probe())
    except _AsksAtRun:
        return hp_space
    if not isinstance(space, Mapping):
        raise ValueError(f"hp_space gives {type(space).__name__}; it is to give a dictionary")
    of_ray = [name for name, one in space.items() if type(one).__module__.startswith("ray.")]
    if of_ray:
        raise ValueError(
            f"{', '.join(of_ray)}: hp_space gives distributions of Ray; write tunesmith.loguniform(…), tunesmith.uniform(…) "
            "and the like, or a list of values"
        )
    return {name: one if _is_parameter(one) else {"value": one} for name, one in space.items()}


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(PARAMETER_KEYS & set(value))


DEFAULT_SPACE: dict[str, Any] = {
    "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-4},
    "num_train_epochs": {"distribution": "int_uniform", "min": 1, "max": 5},
    "seed": {"distribution": "int_uniform", "min": 1, "max": 40},
    "per_device_train_batch_size": {"values": [4, 8, 16, 32, 64]},
}
"""The space that the Trainer has for its own backends (transformers 5.23, `default_hp_space_optuna`)."""
