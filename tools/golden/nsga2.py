"""Writes which trials optuna's NSGA-II breeds, and how large its fronts are.

    python tools/golden/nsga2.py

Made with optuna 5.0.0 and numpy 2.4.6.
"""

import json
from pathlib import Path

import numpy as np
import optuna
from optuna._hypervolume import compute_hypervolume
from optuna.samplers.nsgaii._elite_population_selection_strategy import NSGAIIElitePopulationSelectionStrategy

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden"
TRIALS = 400
REFERENCE = [1.1, 11.0]


def selection(objectives, count, population, seed):
    values = np.random.default_rng(seed).uniform(size=(count, objectives)).round(3).tolist()
    study = optuna.create_study(directions=["minimize"] * objectives)
    study.add_trials([optuna.trial.create_trial(values=value) for value in values])
    elite = NSGAIIElitePopulationSelectionStrategy(population_size=population)(study, study.trials)
    return {"values": values, "population": population, "elite": sorted(trial.number for trial in elite)}


def zdt1(trial):
    x = [trial.suggest_float(f"x{i}", 0, 1) for i in range(5)]
    g = 1 + 9 * sum(x[1:]) / 4
    return x[0], g * (1 - (x[0] / g) ** 0.5)


def volume(seed):
    sampler = optuna.samplers.NSGAIISampler(seed=seed)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    study.optimize(zdt1, n_trials=TRIALS)
    return compute_hypervolume(np.array([trial.values for trial in study.trials]), np.array(REFERENCE))


def main():
    optuna.logging.disable_default_handler()
    volumes = sorted(volume(seed) for seed in range(11))
    facts = {
        "selections": [selection(2, 40, 15, 0), selection(3, 60, 30, 1), selection(1, 12, 5, 2)],
        # The range is that of the eleven runs without the least and the greatest two.
        "zdt1": {
            "trials": TRIALS,
            "reference": REFERENCE,
            "median": volumes[5],
            "range": [volumes[2], volumes[8]],
        },
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    (GOLDEN / "nsga2.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
