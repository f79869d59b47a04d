"""Writes what optuna 5.0.0 says of the importance of hyperparameters.

    python tools/golden/importance.py

With optuna 5.0.0 and scikit-learn 1.9.1. `ped_anova` holds studies and the values of `PedAnovaImportanceEvaluator`;
`fanova` holds trees of a scikit-learn forest and the variances that optuna's `_FanovaTree` finds in them.
"""

import json
import math
import random
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.importance._fanova._tree import _FanovaTree
from sklearn.ensemble import RandomForestRegressor

PATH = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden/importance.json"

RATE = FloatDistribution(1e-6, 1e-2, log=True)
MIXED = {
    "rate": RATE,
    "decay": FloatDistribution(0.0, 0.3),
    "dropout": FloatDistribution(0.0, 0.3, step=0.05),
    "epochs": IntDistribution(1, 10),
    "batch": IntDistribution(4, 64, log=True),
    "rows": IntDistribution(0, 600, step=5),
    "schedule": CategoricalDistribution(["linear", "cosine", "constant"]),
}
CONDITIONAL = {
    "rate": RATE,
    "adapter": CategoricalDistribution(["none", "lora"]),
    "rank": IntDistribution(4, 64, step=4),
}


def draw(distribution, chance):
    if isinstance(distribution, CategoricalDistribution):
        return chance.choice(distribution.choices)
    if isinstance(distribution, IntDistribution):
        if distribution.log:
            return round(math.exp(chance.uniform(math.log(distribution.low), math.log(distribution.high))))
        return chance.randrange(distribution.low, distribution.high + 1, distribution.step)
    if distribution.log:
        return float(f"{math.exp(chance.uniform(math.log(distribution.low), math.log(distribution.high))):.6g}")
    if distribution.step:
        return round(chance.randrange(0, 7) * distribution.step, 10)
    return round(chance.uniform(distribution.low, distribution.high), 4)


def score(params, chance):
    away = (math.log10(params["rate"]) + 4.5) ** 2
    rest = 0.3 * (params.get("schedule") == "constant") + 0.02 * abs(params.get("epochs", 3) - 3)
    lora = 0.0 if params.get("adapter", "lora") == "lora" else 0.4
    rank = 0.005 * params.get("rank", 0)
    return round(0.2 * away + rest + lora - rank + chance.gauss(0.0, 0.1), 3)


def ped_anova(name, space, count, goal, seed):
    chance = random.Random(seed)
    study = optuna.create_study(direction=goal)
    trials = []
    for _ in range(count):
        params = {key: draw(distribution, chance) for key, distribution in space.items()}
        if params.get("adapter") == "none":
            del params["rank"]
        value = score(params, chance) * (1 if goal == "minimize" else -1)
        distributions = {key: space[key] for key in params}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
        trials.append({"params": params, "value": value})
    found = []
    for quantile in (0.1, 0.3):
        evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)
        found.append({"quantile": quantile, "importances": evaluator.evaluate(study)})
    return {"name": name, "goal": goal, "trials": trials, "found": found}


def fanova(seed):
    rng = np.random.default_rng(seed)
    spaces = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    points = rng.random((40, 3))
    values = np.sin(6 * points[:, 0]) + points[:, 1] * points[:, 2] + 0.1 * rng.normal(size=40)
    forest = RandomForestRegressor(n_estimators=3, max_depth=5, random_state=seed).fit(points, values)
    trees = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        seen = _FanovaTree(tree, spaces)
        trees.append(
            {
                "feature": tree.feature.tolist(),
                "threshold": tree.threshold.tolist(),
                "left": tree.children_left.tolist(),
                "right": tree.children_right.tolist(),
                "value": tree.value.reshape(-1).tolist(),
                "variance": float(seen.variance),
                "marginal_variances": [float(seen.get_marginal_variance(np.array([axis]))) for axis in range(3)],
            }
        )
    return trees


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cases = [
        ped_anova("mixed", MIXED, 60, "minimize", 1),
        ped_anova("maximised", MIXED, 45, "maximize", 2),
        ped_anova("conditional", CONDITIONAL, 50, "minimize", 3),
        ped_anova("few", MIXED, 6, "minimize", 4),
    ]
    text = json.dumps({"made_with": f"optuna {optuna.__version__}", "ped_anova": cases, "fanova": fanova(5)})
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text.replace('{"params"', '\n{"params"').replace('{"name"', '\n{"name"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
