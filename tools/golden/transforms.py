"""Writes what SciPy, scikit-learn's formulas and Vizier's warper make of samples of objective values.

    python tools/golden/transforms.py

Made with numpy, scipy (see `made_with`). Vizier's `HalfRankComponent` is written out here from its formulas, for values
to be maximised as Vizier has them; the samples of the file are to be minimised.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

OUT = Path(__file__).parents[2] / "crates/tunesmith-search/tests/golden/transforms.json"


def half_rank(to_minimise):
    labels = -np.asarray(to_minimise, float)
    median = np.median(labels)
    unique = np.unique(labels)
    ranks = stats.rankdata(labels, method="dense")
    index = unique.searchsorted(median, "left")
    denominator = index + (unique[index] == median) * 0.5
    good = unique[unique >= median]
    deviation = np.sqrt(((good - median) ** 2).mean())
    if not deviation > 0:
        deviation = np.sqrt(((unique - median) ** 2).mean())
    warped = [
        stats.norm.ppf(0.5 * (rank - 0.5) / denominator) * deviation + median if label < median else label
        for label, rank in zip(labels, ranks)
    ]
    return (-np.array(warped)).tolist()


def fence(values):
    values = np.asarray(values)
    if len(values) < 12:
        median = np.median(values)
        return float(median + 2 * (median - values.min()))
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + 1.5 * (high - low))


def main():
    rng = np.random.default_rng(0)
    samples = [
        [0.33, 0.85, 0.86, 0.87, 0.88, 0.35, 0.872, 0.881],
        np.round(rng.normal(size=9), 3).tolist(),
        np.round(rng.lognormal(size=30), 3).tolist(),
        np.round(rng.standard_t(2, size=25), 2).tolist(),
        [0.4, 0.4, 0.5, 0.5, 0.5, 0.6, 0.9, 7.0, 7.0],
    ]
    cases = []
    for sample in samples:
        case = {"values": sample, "fence": fence(sample), "half_rank": half_rank(sample)}
        case["yeo_johnson_lambda"] = float(stats.yeojohnson_normmax(sample))
        if min(sample) > 0:
            case["box_cox_lambda"] = float(stats.boxcox_normmax(np.asarray(sample), method="mle"))
        scaled = np.asarray(sample) / np.std(sample)
        power = stats.boxcox(scaled)[0] if min(sample) > 0 else stats.yeojohnson(scaled)[0]
        case["power_standardised"] = ((power - power.mean()) / power.std()).tolist()
        cases.append(case)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    facts = {"made_with": {"numpy": np.__version__, "scipy": scipy.__version__}, "cases": cases}
    OUT.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
