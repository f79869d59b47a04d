"""What a search of a Trainer optimises: a metric by its name, several, or what a function makes of all metrics.

Refuses to guess without a word: where nobody says what to optimise, the Trainer's own default is taken and named.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Objective = Callable[[dict[str, float]], dict[str, float] | None]


def by_name(names: Sequence[str]) -> Objective:
    """All metrics, once those of these names are among them."""

    def objective(metrics: dict[str, float]) -> dict[str, float] | None:
        return dict(metrics) if all(name in metrics for name in names) else None

    return objective


def by_function(compute: Callable[[dict[str, float]], Any], names: Sequence[str]) -> Objective:
    """All metrics, and under `names` what a function makes of them."""

    def objective(metrics: dict[str, float]) -> dict[str, float] | None:
        made = compute(dict(metrics))
        several = list(made) if isinstance(made, (list, tuple)) else [made]
        if len(several) != len(names):
            raise ValueError(f"compute_objective gives {len(several)} values for {len(names)} directions")
        return {**metrics, **dict(zip(names, map(float, several), strict=True))}

    return objective


def by_default(metrics: dict[str, float]) -> float:
    """The evaluation loss where nothing else is measured, else the sum of all other metrics: the Trainer's default."""
    measured = {
        name: value
        for name, value in metrics.items()
        if name not in ("eval_loss", "epoch") and not name.endswith(("_runtime", "_per_second"))
        and name != "eval_model_preparation_time"
    }
    if not measured:
        return metrics["eval_loss"]
    if len(measured) > 1:
        warnings.warn(
            f"the objective is the sum of {', '.join(measured)}, the Trainer's default; name what you want by "
            "compute_objective, or by `metric`",
            stacklevel=2,
        )
    return sum(measured.values())


def described(
    metric: str | Mapping[str, Any] | None,
    goal: str | None,
    metrics: Sequence[Mapping[str, Any]] | None,
    compute: Callable[[dict[str, float]], Any] | None,
    arguments: Any,
) -> tuple[dict[str, Any], Objective]:
    """The keys of a study, and what is reported.

    Raises:
        ValueError: Where metrics are named and computed as well.
    """
    if compute is not None:
        if metric is not None or metrics is not None:
            raise ValueError("name metrics, or give compute_objective, not both")
        return {"metric": {"name": "objective", "goal": goal or "minimize"}}, by_function(compute, ["objective"])
    if metrics is not None:
        return {"metrics": list(metrics)}, by_name([one["name"] for one in metrics])
    if metric is None:
        raise ValueError("say what to optimise: metric='eval_accuracy', goal='maximize', or compute_objective=…")
    one = dict(metric) if isinstance(metric, Mapping) else {"name": metric, "goal": goal or "minimize"}
    chosen = arguments.metric_for_best_model
    if arguments.load_best_model_at_end and chosen and one["name"] in (chosen, f"eval_{chosen}"):
        # The model at the end is that of the best evaluation.
        one.setdefault("summary", "best")
    return {"metric": one}, by_name([one["name"]])
