"""Studies of every kind and size for the dashboard to be walked over: a trial, a hundred, ten thousand; several metrics,
a population, failures, values with markup. Written through the Python package, so what is drawn was really decided.

    python tools/dashboard_studies.py studies.db [TRIALS]

`TRIALS` is the size of the largest, 10,000 where left out. Needs the installed package.
"""

import math
import random
import sys
import tempfile

import tunesmith

SPACE = {
    "learning_rate": tunesmith.loguniform(1e-6, 1e-2),
    "weight_decay": tunesmith.uniform(0.0, 0.3),
    "warmup_ratio": tunesmith.uniform(0.0, 0.2),
    "batch_size": tunesmith.choice([8, 16, 32, 64]),
    "epochs": tunesmith.int_uniform(1, 5),
    "schedule": tunesmith.choice(["linear", "cosine", "constant"]),
    "dropout": tunesmith.uniform(0.0, 0.5),
    "label_smoothing": tunesmith.uniform(0.0, 0.2),
}


def accuracy(params, fraction, chance):
    peak = 0.9 - 0.05 * (math.log10(params["learning_rate"]) + 4.5) ** 2 - 0.2 * params.get("dropout", 0.1) ** 2
    return max(0.0, min(1.0, peak * (1 - math.exp(-4 * fraction)) + chance.gauss(0, 0.01)))


def trained(study, steps=10):
    chance = random.Random(0)
    for trial in study:
        for step in range(1, steps + 1):
            value = accuracy(trial.params, step / steps, chance)
            if trial.report({"accuracy": value}, step, total=steps) != "continue":
                break
        else:
            trial.complete()


def searched(name, storage, trials, **keys):
    keys = {"metric": "accuracy", "goal": "maximize", "method": "random", **keys}
    return tunesmith.Study(SPACE, name=name, storage=storage, trials=trials, **keys)


def several(storage):
    metrics = [{"name": "accuracy", "goal": "maximize"}, {"name": "seconds", "goal": "minimize"}]
    study = tunesmith.Study(SPACE, metrics=metrics, name="two metrics", storage=storage, trials=60, method="random")
    chance = random.Random(1)
    for trial in study:
        trial.complete({"accuracy": accuracy(trial.params, 1.0, chance), "seconds": 60 / trial["batch_size"] * trial["epochs"]})


def failing(storage):
    for trial in searched("failures", storage, 5):
        trial.fail("boom <script>alert(1)</script>")


def population(storage, runs):
    space = {"learning_rate": SPACE["learning_rate"], "weight_decay": SPACE["weight_decay"]}
    study = tunesmith.Study(
        space, metric="accuracy", goal="maximize", name="population", storage=storage, trials=6, runs=runs,
        method={"name": "pbt", "interval": 0.2},
    )
    chance = random.Random(2)
    for trial in study:
        for step in range(trial.reached_step + 1, 11):
            with trial.saving(step) as folder:
                (folder / "state").write_text(str(step))
            if trial.report({"accuracy": accuracy(trial.params, step / 10, chance)}, step, total=10) != "continue":
                break
        else:
            trial.complete()


def hostile(storage):
    # Names of studies and parameters cannot have markup; values can.
    space = {"x": tunesmith.uniform(0.0, 1.0), "word": tunesmith.choice(["<img src=x onerror=alert(1)>", "'\"", "a & b"])}
    study = tunesmith.Study(space, metric="accuracy", goal="maximize", name="markup", storage=storage, trials=12, method="random")
    for trial in study:
        trial.complete(trial["x"])


def main():
    storage = sys.argv[1]
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    trained(searched("one", storage, 1))
    trained(searched("a hundred", storage, 100, scheduler={"type": "asha", "eta": 3}, price={"gpu_hour": 3.06}))
    several(storage)
    failing(storage)
    with tempfile.TemporaryDirectory() as runs:
        population(storage, runs)
    hostile(storage)
    searched("empty", storage, 10)
    trained(searched("very many", storage, most, scheduler={"type": "asha", "eta": 3}))


if __name__ == "__main__":
    main()
