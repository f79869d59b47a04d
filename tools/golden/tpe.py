"""Writes what optuna, HyperOpt and SciPy compute for the tree-structured Parzen estimator.

    python tools/golden/tpe.py

optuna 5.0.0, hyperopt 0.3.0, scipy 1.17.1, numpy 2.4.6. It asks them for every number but the bandwidths of
`watanabe`, which OptunaHub's tpe_tutorial defines in a dozen lines that are repeated here.
"""

import json
import math
import sys
import types
from importlib.metadata import version
from pathlib import Path

import numpy as np
import optuna
import scipy.special
import scipy.stats
from optuna.samplers._tpe import _truncnorm, parzen_estimator
from optuna.samplers._tpe.sampler import _split_trials, default_gamma, default_weights, hyperopt_default_gamma

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden/tpe.json"
SPACE = {
    "lr": optuna.distributions.FloatDistribution(1e-6, 1e-3, log=True),
    "dropout": optuna.distributions.FloatDistribution(0.0, 0.3),
    "epochs": optuna.distributions.IntDistribution(1, 4),
    "batch": optuna.distributions.CategoricalDistribution(["8", "16", "32"]),
    "warmup": optuna.distributions.FloatDistribution(0.0, 1.0, step=0.25),
    "rank": optuna.distributions.IntDistribution(2, 64, log=True),
}
PROPOSALS = 500


class StableNumPy:
    """NumPy whose argsort keeps the order of equals, which `quicksort` leaves to the processor."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def argsort(values):
        return np.argsort(values, kind="stable")


parzen_estimator.np = StableNumPy()


def masses():
    ends = [(-1, 1), (2, 3), (10, 11), (-40, -39), (30, 31), (-0.01, 0.01), (-9, 9), (-7, 8), (0, 0.5), (-0.5, 0)]
    ends += [(-40, 40), (-3, -2.999), (-6.5, 20), (39.5, 40), (-1e-6, 1e-6), (0.1, 40)]
    a, b = np.array(ends, dtype=float).T
    return {"a": a.tolist(), "b": b.tolist(), "log_mass": _truncnorm._log_gauss_mass(a, b).tolist()}


def quantiles():
    rows = []
    for a, b in [(-1, 1), (2, 3), (10, 11), (-40, -39), (30, 31), (-0.01, 0.01), (-40, 40), (-6, -5), (-0.2, 9)]:
        for q in [1e-6, 0.1, 0.3, 0.5, 0.9, 0.999999]:
            rows.append([q, a, b, float(scipy.stats.truncnorm.ppf(q, a, b))])
    return {name: [row[k] for row in rows] for k, name in enumerate(["q", "a", "b", "x"])}


def observations(count, seed):
    """Values in optuna's own terms: a choice is its index."""
    rng = np.random.RandomState(seed)
    return {
        "lr": np.exp(rng.uniform(math.log(1e-6), math.log(1e-3), count)),
        "dropout": rng.uniform(0, 0.3, count),
        "epochs": rng.randint(1, 5, count).astype(float),
        "batch": rng.randint(0, 3, count).astype(float),
        "warmup": rng.randint(0, 5, count) * 0.25,
        "rank": np.round(np.exp(rng.uniform(math.log(2), math.log(64), count))),
    }


def mixture(count, seed):
    parameters = parzen_estimator._ParzenEstimatorParameters(1.0, True, False, default_weights, True)
    seen, points = observations(count, seed), observations(8, seed + 1)
    estimator = parzen_estimator._ParzenEstimator(seen, SPACE, parameters)
    kernels = {}
    for name, found in zip(SPACE, estimator._mixture_distribution.distributions, strict=True):
        if hasattr(found, "mu"):
            kernels[name] = {"mu": found.mu.tolist(), "sigma": found.sigma.tolist()}
    return {
        "observations": {name: values.tolist() for name, values in seen.items()},
        "points": {name: values.tolist() for name, values in points.items()},
        "kernels": kernels,
        "log_pdf": estimator.log_pdf(points).tolist(),
    }


def bandwidths(seed):
    """HyperOpt's and Watanabe's at sorted places of [0, 1]."""
    # hyperopt 0.3.0 imports pkg_resources, which newer Pythons lack, for its version alone.
    sys.modules.setdefault("pkg_resources", types.SimpleNamespace())
    from hyperopt.tpe import adaptive_parzen_normal

    cases = []
    for count in [1, 2, 3, 30]:
        mus = np.sort(np.random.RandomState(seed + count).uniform(0, 1, count))
        _, places, sigma = adaptive_parzen_normal(mus, 1.0, 0.5, 1.0)
        hyperopt = [float(width) for at, width in zip(places, sigma, strict=True) if at != 0.5]
        ends = np.concatenate([[0.0], mus, [1.0]])
        with_prior = np.sort(np.append(ends, 0.5))
        gaps = {at: max(with_prior[k] - with_prior[k - 1], with_prior[k + 1] - with_prior[k])
                for k, at in list(enumerate(with_prior))[1:-1]}
        least = max(0.03, 1 / (2 + count) ** 2)
        watanabe = [float(np.clip(gaps[at], least, 1.0)) for at in mus]
        cases.append({"at": mus.tolist(), "hyperopt": hyperopt, "watanabe": watanabe})
    return cases


def scored(params, index):
    smooth = math.log(params["lr"] / 2e-5) ** 2 + 20 * (params["dropout"] - 0.1) ** 2
    return smooth + 0.3 * abs(params["epochs"] - 3) + 0.2 * (params["batch"] == "32") + 1e-3 * (index % 7)


def study(directions, count, seed):
    """A study of finished trials with some pruned ones, and two that run."""
    made = optuna.create_study(directions=directions)
    seen = observations(count + 2, seed)
    for index in range(count + 2):
        params = {name: SPACE[name].to_external_repr(float(values[index])) for name, values in seen.items()}
        state, value = optuna.trial.TrialState.COMPLETE, scored(params, index)
        values, reports = [value] + [params["rank"] + 3.0 * params["warmup"]] * (len(directions) - 1), {}
        if len(directions) > 2:
            values[2] = params["epochs"] * 10 + (index * 7) % 13
        if len(directions) == 1 and index % 5 == 3:
            state, reports, values = optuna.trial.TrialState.PRUNED, {1 + index % 3: value}, None
        if index >= count:
            state, values = optuna.trial.TrialState.RUNNING, None
        made.add_trial(optuna.trial.create_trial(
            state=state, params=params, distributions=SPACE, values=values, intermediate_values=reports))
    return made


def history(made):
    def trial(each):
        last = max(each.intermediate_values.items(), default=None)
        return {"state": each.state.name, "params": each.params, "values": each.values, "last_report": last}

    return [trial(each) for each in made.get_trials(deepcopy=False)]


def split(made, count):
    trials = made.get_trials(deepcopy=False)
    below, _ = _split_trials(made, trials, count)
    return {"wanted": count, "good": [trial.number for trial in below]}


def proposals(made, **options):
    """What many samplers, each of another seed, propose next; a column a parameter, sorted."""
    columns = {name: [] for name in SPACE}
    for seed in range(PROPOSALS):
        sampler = optuna.samplers.TPESampler(seed=seed, **options)
        copy = optuna.create_study(directions=made.directions, sampler=sampler)
        copy.add_trials(made.get_trials(deepcopy=False))
        found = copy.ask(SPACE)
        copy.tell(found, state=optuna.trial.TrialState.FAIL)
        for name, value in found.params.items():
            columns[name].append(value)
    rounded = lambda value: float(f"{value:.5g}") if isinstance(value, float) else value
    return {name: sorted(rounded(value) for value in values) for name, values in columns.items()}


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    single = study(["minimize"], 60, 11)
    double, triple = study(["minimize", "minimize"], 40, 12), study(["minimize"] * 3, 40, 13)
    facts = {
        "made_with": {name: version(name) for name in ["optuna", "hyperopt", "scipy", "numpy"]},
        "log_gauss_mass": masses(),
        "truncated_normal_quantile": quantiles(),
        "mixtures": [mixture(0, 1), mixture(1, 2), mixture(4, 3), mixture(40, 4)],
        "gamma": [[n, default_gamma(n), hyperopt_default_gamma(n)] for n in [1, 5, 10, 11, 30, 70, 250, 251, 1000]],
        "weights": {str(n): default_weights(n).tolist() for n in [3, 26, 27, 30]},
        "bandwidths": bandwidths(21),
        "studies": [
            {"history": history(single), "splits": [split(single, n) for n in [1, 6, 49, 55]],
             "multivariate": proposals(single, multivariate=True),
             "univariate": proposals(single, multivariate=False)},
            {"history": history(double), "splits": [split(double, n) for n in [1, 4, 9, 20]]},
            {"history": history(triple), "splits": [split(triple, n) for n in [1, 4, 9, 20]]},
        ],
    }
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(facts, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
