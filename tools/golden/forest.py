"""Writes what scikit-learn's regression trees predict, for the forest of tunesmith-search.

    python tools/golden/forest.py

Made with scikit-learn 1.9.1 and numpy 2.4.6; other versions predict the same.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.tree import DecisionTreeRegressor

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden"
# The tree of single rows has one feature: where two features part the same rows, scikit-learn takes either at random.
SETTINGS = [
    {"max_features": 1, "max_depth": 64, "min_samples_split": 2, "min_samples_leaf": 1},
    {"max_features": 3, "max_depth": 64, "min_samples_split": 8, "min_samples_leaf": 4},
    {"max_features": 3, "max_depth": 3, "min_samples_split": 2, "min_samples_leaf": 1},
]


def main():
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(40, 3)).round(6)
    targets = (np.sin(6 * rows[:, 0]) + 2 * rows[:, 1] ** 2 + 0.1 * rng.normal(size=40)).round(6)
    points = rng.uniform(size=(30, 3)).round(6)
    trees = []
    for settings in SETTINGS:
        columns = settings["max_features"]
        tree = DecisionTreeRegressor(random_state=0, **settings).fit(rows[:, :columns], targets)
        predictions = tree.predict(points[:, :columns]).tolist()
        found = {"leaves": int(tree.get_n_leaves()), "predictions": predictions}
        trees.append(settings | found)
    facts = {"rows": rows.tolist(), "targets": targets.tolist(), "points": points.tolist(), "trees": trees}
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "forest.json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
