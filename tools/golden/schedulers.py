"""Writes what other tools' schedulers decide on recorded traces, and the tests' numbers.

    python tools/golden/schedulers.py RAY SYNE_TUNE SYNE_TUNE_0_13 SWEEPS

The arguments are the folders of the packages `ray` 2.60.0, `syne_tune` 0.16.0, `syne_tune` 0.13.0, which still has
promotion and PASHA, and `sweeps` 0.3.0; `pip install --no-deps --target FOLDER` is enough, for their modules are run without what they
import of their packages. Made with these, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1 and sortedcontainers 2.4.0.
"""

import ast
import copy
import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import numpy as np
from scipy.stats import wilcoxon
from sortedcontainers import SortedList

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden/schedulers.json"


def load(path, **names):
    """The names that a module defines, its imports replaced by `names`."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    keep = (ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign)
    own = [node for node in tree.body if isinstance(node, keep) and getattr(node, "name", "") not in names]
    own = [node for node in own if not uses_package(node)]
    namespace = {
        **{"np": np, "itertools": itertools, "copy": copy, "random": random, "SortedList": SortedList},
        **{"Any": Any, "Callable": Callable, "Dict": Dict, "List": List, "Optional": Optional},
        **{"Tuple": Tuple, "Union": Union},
        **names,
    }
    exec(compile(ast.Module(own, []), str(path), "exec"), namespace)
    return namespace


def uses_package(node):
    """Whether a definition is of the package around it: what derives from or is decorated by its classes."""
    outer = {"TrialScheduler", "FIFOScheduler", "PublicAPI", "DeveloperAPI", "AsyncHyperBandScheduler", "logging"}
    shallow = [*getattr(node, "bases", []), *getattr(node, "decorator_list", [])]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        shallow = [node.value]
    return any(isinstance(part, ast.Name) and part.id in outer for top in shallow for part in ast.walk(top))


class Word:
    CONTINUE, STOP = "continue", "stop"


class Trial:
    def __init__(self, number):
        self.trial_id = number


def stopping_trace(decide, seed, trials, length, steps):
    """Reports of trials in a random order; each goes on until it is stopped."""
    chance = random.Random(seed)
    level = [chance.gauss(0, 1) for _ in range(trials)]
    left = {trial: list(steps) for trial in range(trials)}
    rows = []
    while left:
        trial = chance.choice(sorted(left))
        step = left[trial].pop(0)
        value = round(level[trial] + chance.gauss(0, 0.6) + 2.0 / step, 6)
        decision = decide(trial, step, value)
        rows.append(["report", trial, round(step / length, 10), value, decision])
        if decision == "stop" or not left[trial]:
            del left[trial]
    return rows


STEPS = {27: [1, 2, 3, 4, 9, 12, 26], 64: [1, 3, 4, 7, 16, 20, 63]}
ETAS = {27: 3.0, 64: 4.0}


def stopping_cases(bracket):
    cases = []
    for seed, (length, goal) in enumerate(itertools.product(STEPS, ["min", "max"])):
        decide = bracket(length, ETAS[length], goal)
        events = stopping_trace(decide, seed, 20, length, STEPS[length])
        cases.append({"eta": ETAS[length], "grace": 1 / length, "goal": goal, "trials": 20, "events": events})
    return cases


def ray_asha(folder):
    module = load(folder / "tune/schedulers/async_hyperband.py", TrialScheduler=Word, Trial=Trial, logger=None)

    def bracket(length, eta, goal):
        rungs = module["_Bracket"](1, length, eta, 0)
        sign = 1 if goal == "max" else -1
        return lambda trial, step, value: rungs.on_result(Trial(trial), step, sign * value)

    return stopping_cases(bracket)


def syne_tune_asha(folder):
    module = load(folder / "optimizer/schedulers/asha.py", SchedulerDecision=Word, MOPriority=object)

    def bracket(length, eta, goal):
        rungs = module["Bracket"](1, length, eta, 0)
        sign = -1 if goal == "max" else 1
        return lambda trial, step, value: rungs.on_result(trial, step, {"m": sign * value})

    return stopping_cases(bracket)


class Run:
    """What `hyperband_stop_runs` reads of a run."""

    def __init__(self):
        self.name, self.state, self.history = "run", "running", []

    def metric_history(self, name, filter_invalid):
        return list(self.history)


def wandb_hyperband(folder):
    state = type("RunState", (), {"running": "running"})
    fill = {"hyperband_baseline_validate_and_fill": lambda config: config}
    names = dict(RunState=state, SweepRun=Run, SweepConfig=dict, **fill)
    stop_runs = load(folder / "hyperband_stopping.py", **names)["hyperband_stop_runs"]
    forms = [{"min_iter": 2, "eta": 3}, {"min_iter": 1, "eta": 2.5}, {"max_iter": 20, "s": 3, "eta": 2}]
    cases = []
    for seed, (form, strict) in enumerate(itertools.product(forms, [True, False])):
        goal = ["minimize", "maximize"][seed % 2]
        config = {"metric": {"name": "m", "goal": goal}, "early_terminate": {**form, "strict": strict}}
        runs = [Run() for _ in range(12)]

        def decide(trial, step, value):
            runs[trial].history.append(value)
            stops = runs[trial] in stop_runs(runs, config)
            runs[trial].state = "killed" if stops else "running"
            return "stop" if stops else "continue"

        events = stopping_trace(decide, seed, 12, 20, range(1, 20))
        options = {**form, "strict": strict}
        cases.append({"options": options, "goal": goal[:3], "trials": 12, "events": events})
    return cases


def promotion_modules(folder):
    schedulers = folder / "optimizer/schedulers"
    stopping = load(schedulers / "hyperband_stopping.py")
    promotion = load(
        schedulers / "hyperband_promotion.py",
        **{name: stopping[name] for name in ("RungEntry", "Rung", "RungSystem", "PausedTrialsResult")},
    )
    return promotion, load(schedulers / "hyperband_pasha.py", PromotionRungSystem=promotion["PromotionRungSystem"])


def promotion_trace(rungs, seed, trials, workers, length=27):
    """Workers that take what they are given: a promoted trial, else a new one."""
    chance = random.Random(seed)
    level = [chance.gauss(0, 1) for _ in range(trials)]
    running, reached, rows, new = {}, {}, [], 0
    while True:
        while len(running) < workers and new < trials:
            given = rungs.on_task_schedule(str(new))
            if "trial_id" in given:
                trial, milestone = int(given["trial_id"]), given["milestone"]
                rungs.on_task_add(given["trial_id"], 0, new_config=False, **{k: given[k] for k in ("milestone", "resume_from")})
            else:
                trial, milestone, new = new, 1, new + 1
                rungs.on_task_add(str(trial), 0)
            running[trial] = milestone
            rows.append(["ask", trial])
        if not running or new == trials:
            return rows
        trial = chance.choice(sorted(running))
        step = reached[trial] = reached.get(trial, 0) + 1
        value = round(level[trial] + chance.gauss(0, 0.5) + 2.0 / step, 6)
        if step == length:
            rungs.on_task_remove(str(trial))
            del running[trial]
            rows.append(["complete", trial, 1.0, value])
            continue
        result = rungs.on_task_report(str(trial), {"m": value, "step": step}, 0)
        decision = "continue" if result["task_continues"] else "pause"
        rows.append(["report", trial, round(step / length, 10), value, decision])
        if decision == "pause":
            rungs.on_task_remove(str(trial))
            del running[trial]


def rung_system(kind, goal, eta=3):
    return kind([1, eta, eta**2], [1 / eta] * 3, "m", goal, "step", eta**3)


def promotion(module):
    """Of a maximised metric only at eta 4: 1 - 1/3 is rounded there, so that a trial exactly on the cut is lost."""
    cases = []
    for seed, (workers, (goal, eta)) in enumerate(itertools.product([1, 4], [("min", 3), ("max", 4)])):
        rungs = rung_system(module["PromotionRungSystem"], goal, eta)
        events = promotion_trace(rungs, seed, 60, workers, eta**3)
        cases.append({"eta": float(eta), "grace": eta**-3, "goal": goal, "trials": 60, "events": events})
    return cases


def pasha(module):
    """Soft rankings, and epsilons of whole traces."""
    rungs = rung_system(module["PASHARungSystem"], "min")
    rankings = []
    for seed in range(40):
        chance = np.random.default_rng(seed)
        lower = sorted(chance.uniform(size=6).tolist())
        order = np.argsort(np.array(lower) + chance.normal(size=6) * 0.1).tolist()
        rungs.epsilon = [0.0, 0.05, 0.1, 0.3][seed % 4]
        previous = [(str(trial), trial, lower[trial]) for trial in range(6)]
        top = [(str(trial), place, float(place)) for place, trial in enumerate(order)]
        agree = rungs._evaluate_soft_ranking(top, previous)
        rankings.append({"lower": lower, "upper": order, "epsilon": rungs.epsilon, "agree": bool(agree)})
    epsilons = []
    for seed in range(8):
        rungs = rung_system(module["PASHARungSystem"], "min")
        promotion_trace(rungs, 100 + seed, 40, 1)
        index = rungs.current_rung_idx
        top, bottom = rungs._rungs[-index].level, rungs._rungs[-index + 1].level
        curves = [[rungs.per_epoch_results[trial][step] for step in sorted(rungs.per_epoch_results[trial])]
                  for trial in sorted(rungs.per_epoch_results, key=int)]
        rungs.epsilon = 0.0
        rungs._update_epsilon()
        epsilons.append({"curves": curves, "top": top, "bottom": bottom, "epsilon": float(rungs.epsilon)})
    return {"rankings": rankings, "epsilons": epsilons}


def explore(folder):
    """Ray's `_explore` with the draws that it made: choices and uniforms, in order."""
    outer = {name: type(name, (), {}) for name in ("Domain", "Trial", "Checkpoint", "PopulationBasedTraining")}
    module = load(folder / "tune/schedulers/pbt.py", logger=None, **outer)
    cases = []
    for seed in range(24):
        chance = random.Random(seed)
        draws = []

        class Recorded:
            @staticmethod
            def random():
                draws.append(["uniform", chance.random()])
                return draws[-1][1]

            @staticmethod
            def choice(options):
                index = chance.randrange(len(options))
                draws.append(["choice", index])
                return options[index]

        resampled = chance.uniform(1e-5, 1e-3), chance.randrange(1, 9)
        sample = {"lr": lambda: resampled[0], "layers": lambda: resampled[1]}
        config = {"lr": 10 ** chance.uniform(-5, -3), "layers": chance.randrange(2, 9), "batch": chance.choice([8, 16, 32])}
        mutations = {"lr": sample["lr"], "layers": sample["layers"], "batch": [8, 16, 32]}
        module["random"] = Recorded
        module["_explore"].__globals__["random"] = Recorded
        new, operations = module["_explore"](config, mutations, 0.25, (1.2, 0.8), None)
        cases.append({"config": config, "resampled": list(resampled), "draws": draws, "new": new, "operations": operations})
    return cases


def signed_ranks():
    chance = np.random.default_rng(0)
    samples = [
        [0.1, -0.2, 0.3, 0.4, 0.0, 0.5, 0.6],
        chance.normal(0.3, 1, 5).tolist(),
        chance.normal(0.3, 1, 30).tolist(),
        chance.normal(0.1, 1, 50).tolist(),
        chance.normal(0.1, 1, 51).tolist(),
        chance.integers(-1, 2, 13).tolist(),
        chance.integers(-1, 2, 14).tolist(),
        chance.integers(-3, 4, 12).tolist(),
        chance.choice([-1, 0, 1], 277, p=[0.1, 0.75, 0.15]).tolist(),
        chance.choice([-1, 0, 1], 2000, p=[0.05, 0.88, 0.07]).tolist(),
    ]
    greater = lambda sample: wilcoxon(sample, zero_method="zsplit", alternative="greater").pvalue
    return [{"differences": sample, "p": float(greater(sample))} for sample in samples]


def pb2(folder):
    """The kernel, and its posterior by scikit-learn at given hyperparameters."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
    from sklearn.metrics import pairwise_distances
    from sklearn.metrics.pairwise import euclidean_distances

    module = load(
        folder / "tune/schedulers/pb2_utils.py",
        Hyperparameter=Hyperparameter,
        Kernel=Kernel,
        pairwise_distances=pairwise_distances,
        euclidean_distances=euclidean_distances,
    )
    chance = np.random.default_rng(3)
    x, y = chance.uniform(size=(8, 4)), chance.normal(size=8) * 3
    at = chance.uniform(size=(3, 4))
    standard = module["standardize"](y)
    kernel = module["TV_SquaredExp"](variance=0.7, lengthscale=1.3, epsilon=0.2)
    fitted = GaussianProcessRegressor(kernel=kernel, optimizer=None, alpha=1e-10).fit(x, standard)
    mean, deviation = fitted.predict(at, return_std=True)
    fixed, free = at[0, :2], at[0, 2:]
    ucb = module["UCB"](fitted, fitted, free, fixed)
    free_fit = GaussianProcessRegressor(
        kernel=module["TV_SquaredExp"](variance=1.0, lengthscale=1.0, epsilon=0.1), optimizer="fmin_l_bfgs_b", alpha=1e-10
    ).fit(x, standard)
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "at": at.tolist(),
        "standardised": standard.tolist(),
        "hyperparameters": [0.7, 1.3, 0.2],
        "kernel": kernel(x).tolist(),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "ucb": float(ucb),
        "log_likelihood": float(fitted.log_marginal_likelihood_value_),
        "best_log_likelihood": float(free_fit.log_marginal_likelihood_value_),
    }


def one_a_line(value, depth=0):
    """JSON with one row of a trace, or one flat object, a line."""
    flat = not any(isinstance(item, (dict, list)) for item in (value.values() if isinstance(value, dict) else value))
    if flat or depth > 3:
        return json.dumps(value)
    inner = " " * (depth + 1)
    text = lambda item: one_a_line(item, depth + 1) if isinstance(item, (dict, list)) else json.dumps(item)
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {text(item)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(inner + text(item) for item in value) + "\n" + " " * depth + "]"


def main():
    ray, syne_tune, older, sweeps = map(Path, sys.argv[1:5])
    promoting, progressive = promotion_modules(older)
    golden = {
        "ray_asha": ray_asha(ray),
        "syne_tune_asha": syne_tune_asha(syne_tune),
        "syne_tune_promotion": promotion(promoting),
        "syne_tune_pasha": pasha(progressive),
        "ray_explore": explore(ray),
        "ray_pb2": pb2(ray),
        "signed_rank": signed_ranks(),
        "wandb_hyperband": wandb_hyperband(sweeps),
    }
    GOLDEN.write_text(one_a_line(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
