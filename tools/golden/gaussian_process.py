"""Writes what optuna's Gaussian process computes for small problems, and expected hypervolume improvements.

    python tools/golden/gaussian_process.py

Made with optuna 5.0.0, torch and scipy (see `made_with`). Optuna maximises; the improvements of the file are turned
for values of which less is better. The hypervolume improvements are integrals by quadrature.
"""

import json
from pathlib import Path

import numpy as np
import optuna
import scipy
import torch
from optuna._gp import acqf, gp, prior
from scipy import integrate, stats

OUT = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden/gaussian_process.json"


def regressor(case, inverse_squares, scale, noise):
    to_tensor = lambda values: torch.tensor(values, dtype=torch.float64)
    return gp.GPRegressor(
        is_categorical=torch.tensor(case["categorical"]),
        X_train=to_tensor(case["points"]),
        y_train=to_tensor(case["targets"]),
        inverse_squared_lengthscales=to_tensor(inverse_squares),
        kernel_scale=to_tensor(scale),
        noise_var=to_tensor(noise),
    )


def objective(model):
    return float(model.marginal_log_likelihood() + prior.default_log_prior(model))


def posterior(case, rng):
    given = {"inverse_squares": [4.0, 1.0, 0.5], "scale": 1.3, "noise": 0.05}
    model = regressor(case, *given.values())
    found = {"likelihood": float(model.marginal_log_likelihood())}
    found["log_prior"] = float(prior.default_log_prior(model))
    model._cache_matrix()
    asked = np.column_stack([rng.uniform(size=(5, 2)), rng.integers(0, 3, 5)])
    mean, variance = model.posterior(torch.from_numpy(asked))
    found["variance"] = variance.tolist()
    _, covariance = model.posterior(torch.from_numpy(asked), joint=True)
    # Less is better: mirrored means against the mirrored lowest target.
    improvement = acqf.logei(-mean, variance + 1e-12, -min(case["targets"]))
    found["asked"] = asked.tolist()
    found["mean"] = mean.tolist()
    found["covariance"] = covariance.tolist()
    found["log_improvement"] = improvement.tolist()
    return given | found


def fitted(case):
    model = gp.fit_kernel_params(
        X=np.array(case["points"]),
        Y=np.array(case["targets"]),
        is_categorical=np.array(case["categorical"]),
        log_prior=prior.default_log_prior,
        minimum_noise=prior.DEFAULT_MINIMUM_NOISE_VAR,
        deterministic_objective=False,
    )
    return objective(model)


def problem(count, rng):
    points = np.column_stack([rng.uniform(size=(count, 2)), rng.integers(0, 3, count)])
    values = np.sin(5 * points[:, 0]) + points[:, 1] ** 2 + 0.5 * (points[:, 2] == 1) + 0.1 * rng.normal(size=count)
    targets = (values - values.mean()) / values.std()
    return {"points": points.tolist(), "targets": targets.tolist(), "categorical": [False, False, True]}


def improvement_2d(front, reference, mean, deviation):
    """E[hypervolume improvement] = ∬ over what the front leaves free, of the chance that the point dominates it."""
    front = sorted(front)
    edges = [-np.inf] + [point[0] for point in front] + [reference[0]]
    ceilings = [reference[1]] + [point[1] for point in front]
    cdf = lambda value, k: stats.norm.cdf(value, mean[k], deviation[k])
    total = 0.0
    for low, high, ceiling in zip(edges, edges[1:], ceilings):
        low = max(low, mean[0] - 40 * deviation[0])
        if high <= low:
            continue
        floor = mean[1] - 40 * deviation[1]
        integral = lambda k, a, b: integrate.quad(
            cdf, a, b, args=(k,), points=[mean[k]] if a < mean[k] < b else None, epsabs=1e-13, epsrel=1e-12, limit=500
        )[0]
        total += integral(0, low, high) * (integral(1, floor, ceiling) if ceiling > floor else 0.0)
    return total


def volumes():
    front = [[1.0, 4.0], [2.0, 2.0], [3.0, 1.0]]
    reference = [5.0, 5.0]
    asked = [
        {"mean": [1.5, 1.5], "deviation": [0.5, 0.8]},
        {"mean": [4.0, 4.0], "deviation": [0.3, 0.2]},
        {"mean": [0.0, 6.0], "deviation": [1.0, 1.5]},
        {"mean": [2.0, 2.0], "deviation": [1e-3, 1e-3]},
    ]
    for case in asked:
        case["improvement"] = improvement_2d(front, reference, case["mean"], case["deviation"])
    return {"front": front, "reference": reference, "asked": asked}


def main():
    rng = np.random.default_rng(0)
    problems = [problem(12, rng), problem(25, rng), problem(40, rng)]
    made_with = {"optuna": optuna.__version__, "torch": torch.__version__, "scipy": scipy.__version__}
    facts = {
        "made_with": made_with,
        "problems": problems,
        "posterior": posterior(problems[0], rng),
        "fitted_objectives": [fitted(case) for case in problems],
        "volumes": volumes(),
    }
    OUT.write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
