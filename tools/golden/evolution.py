"""Writes the numbers of cmaes 0.13.1 for the sampler of the same name, and how many evaluations it takes.

    python tools/golden/evolution.py

Made with cmaes 0.13.1, numpy 2.4.6 and scipy.
"""

import json
import math
from pathlib import Path

import numpy as np
from cmaes import CMA, CatCMAwM, CMAwM

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden"
RUNS = 51
TARGET = 1e-8


def wave(count, size, generation):
    """Points that any language can make: 0.5 + 0.1 sin(i + j + 2 generation)."""
    return [[0.5 + 0.1 * math.sin(i + j + 2 * generation) for j in range(size)] for i in range(count)]


def constants(size, population):
    cma = CMA(mean=np.zeros(size), sigma=1.0, population_size=population)
    names = ["_mu", "_mu_eff", "_c1", "_cmu", "_c_sigma", "_d_sigma", "_cc", "_chi_n"]
    facts = {name[1:]: float(getattr(cma, name)) for name in names}
    return {"dimensions": size, "population": cma.population_size, "weights": cma._weights.tolist()} | facts


def state(cma):
    return {
        "mean": cma._mean.tolist(),
        "sigma": float(cma._sigma),
        "covariance": cma._C.flatten().tolist(),
        "path_sigma": cma._p_sigma.tolist(),
        "path_c": cma._pc.tolist(),
    }


def tells():
    cma = CMA(mean=np.full(5, 0.5), sigma=1 / 6)
    states = []
    for generation in range(4):
        points = wave(cma.population_size, 5, generation)
        cma.tell([(np.array(point), float(rank)) for rank, point in enumerate(points)])
        states.append(state(cma))
    return {"population": cma.population_size, "states": states}


def margins():
    """Three lattices on a unit range, of 2, 4 and 10 points, beside one continuum."""
    counts = [2, 4, 10]
    steps = [1 / (count - 1) for count in counts]
    bounds = np.array([[0.0, 1.0]] * 4)
    cma = CMAwM(mean=np.full(4, 0.5), sigma=1 / 6, bounds=bounds, steps=np.array([*steps, 0.0]), population_size=8)
    states = []
    for generation in range(6):
        points = wave(8, 4, generation)
        # Towards an end, so that the mean of a lattice leaves its middle cells.
        points = [[x + 0.15 * generation for x in point] for point in points]
        cma.tell([(np.array(point), float(rank)) for rank, point in enumerate(points)])
        states.append(state(cma._cma) | {"scales": cma._A.tolist()})
    return {"counts": counts, "population": 8, "states": states}


def choices():
    """Three choices under the weights of 4 coordinates."""
    counts = [2, 3, 5]
    cma = CatCMAwM(x_space=[[0.0, 1.0]] * 4, c_space=counts, population_size=10)
    states = []
    for generation in range(8):
        solutions = []
        for rank in range(10):
            hot = np.zeros((3, 5))
            for choice, count in enumerate(counts):
                hot[choice, (rank * (choice + 1) + generation * (rank // 3)) % count] = 1
            x = np.full(4, 0.5)
            solutions.append((CatCMAwM.Solution(x=x, c=hot, _v_raw=x + 0.01 * rank), float(rank)))
        cma.tell(solutions)
        probabilities = [cma._q[choice, :count].tolist() for choice, count in enumerate(counts)]
        facts = {"path": cma._s.tolist(), "step": cma._delta, "brake": cma._Delta, "gamma": cma._gamma}
        states.append({"probabilities": probabilities} | {key: np.array(x).tolist() for key, x in facts.items()})
    return {"counts": counts, "population": 10, "weights": cma._weights[:5].tolist(), "states": states}


def sphere(x):
    return float(np.sum((x - 1) ** 2))


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def ellipsoid(x):
    return float(np.sum(10 ** (6 * np.arange(len(x)) / (len(x) - 1)) * (x - 1) ** 2))


def evaluations(function, seed):
    """Evaluations until the target, in [-5, 5]^10 seen as the unit cube, without restarts."""
    cma = CMA(mean=np.full(10, 0.5), sigma=1 / 6, bounds=np.array([[0.0, 1.0]] * 10), seed=seed)
    for count in range(0, 50_000, cma.population_size):
        points = [cma.ask() for _ in range(cma.population_size)]
        solutions = [(point, function(10 * point - 5)) for point in points]
        for index, (_, value) in enumerate(solutions):
            if value < TARGET:
                return count + index + 1
        cma.tell(solutions)
    return 50_000


def medians():
    facts = {}
    for function in (sphere, rosenbrock, ellipsoid):
        counts = [evaluations(function, seed) for seed in range(RUNS)]
        facts[function.__name__] = {
            "median": float(np.median(counts)),
            "quartiles": np.quantile(counts, [0.25, 0.75]).tolist(),
            "missed": counts.count(50_000),
        }
    return {"runs": RUNS, "target": TARGET} | facts


def main():
    facts = {
        "constants": [constants(5, 8), constants(1, 4), constants(10, None), constants(20, 64)],
        "tells": tells(),
        "margins": margins(),
        "choices": choices(),
        "evaluations": medians(),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    (GOLDEN / "cmaes.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
