"""What a trial costs beside its training: tunesmith.ray.run and Ray Tune in turn, on this machine.

    python tools/bench_ray.py [TRIALS] [ROUNDS]

Each runs so many trials of a trivial objective by random search, two at a time, in a process of its own with a Ray of
its own. Starting Ray is not counted; starting workers is. Prints the milliseconds per trial of every round, and the
ratio of the medians. Needs ray[tune] beside tunesmith.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

TARGET = 1 / 3
"""Of Ray Tune's time, at most."""


def start():
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    return ray


def score(params):
    return (params["learning_rate"] - 1e-4) ** 2 + params["weight_decay"]


def ours(trials, folder):
    """Seconds of a search by tunesmith."""
    import tunesmith
    import tunesmith.ray

    ray = start()
    space = {
        "learning_rate": tunesmith.loguniform(1e-6, 1e-3),
        "weight_decay": tunesmith.uniform(0, 0.3),
        "warmup": tunesmith.uniform(0, 0.3),
        "epochs": tunesmith.int_uniform(1, 5),
        "batch_size": [8, 16, 32, 64],
    }

    def objective(trial):
        trial.report(score(trial.params), 1)

    began = time.perf_counter()
    study = tunesmith.Study(space, metric="loss", method="random", trials=trials, storage=f"{folder}/tunesmith.db")
    tunesmith.ray.run(objective, study, workers=2, progress=False)
    took = time.perf_counter() - began
    assert study.counts["completed"] == trials
    ray.shutdown()
    return took


def theirs(trials, folder):
    """Seconds of a search by Ray Tune."""
    from ray import tune

    ray = start()
    space = {
        "learning_rate": tune.loguniform(1e-6, 1e-3),
        "weight_decay": tune.uniform(0, 0.3),
        "warmup": tune.uniform(0, 0.3),
        "epochs": tune.randint(1, 6),
        "batch_size": tune.choice([8, 16, 32, 64]),
    }

    def objective(config):
        tune.report({"loss": score(config)})

    began = time.perf_counter()
    results = tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(
            num_samples=trials,
            metric="loss",
            mode="min",
            max_concurrent_trials=2,
            reuse_actors=os.environ.get("REUSE_ACTORS") == "1",
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    ).fit()
    took = time.perf_counter() - began
    assert len(results) == trials and not results.num_errors
    ray.shutdown()
    return took


def measured(name, trials, **environment):
    """Milliseconds per trial, in a process of its own."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            [sys.executable, __file__, name, str(trials), folder],
            env={**os.environ, **quiet, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=900,
        )
    return json.loads(said.stdout.splitlines()[-1]) / trials * 1e3


def main(trials, rounds):
    cases = {
        "tunesmith.ray.run": ("ours", {}),
        "ray tune": ("theirs", {}),
        "ray tune, reuse_actors": ("theirs", {"REUSE_ACTORS": "1"}),
    }
    took = {case: [] for case in cases}
    for _ in range(rounds):
        for case, (name, environment) in cases.items():
            took[case].append(measured(name, trials, **environment))
    print(f"{trials} trials, random search, 2 at a time; milliseconds per trial")
    for case, times in took.items():
        print(f"{case:24} median {statistics.median(times):7.1f}   all", " ".join(f"{one:.1f}" for one in times))
    own = statistics.median(took["tunesmith.ray.run"])
    for case in ("ray tune", "ray tune, reuse_actors"):
        ratio = own / statistics.median(took[case])
        print(f"ratio to {case}: {ratio:.3f} ({'within' if ratio <= TARGET else 'MISSES'} the target of {TARGET:.2f})")


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["theirs"]):
        print(json.dumps(globals()[sys.argv[1]](int(sys.argv[2]), sys.argv[3])))
    else:
        main(*(int(one) for one in (sys.argv[1:] + ["100", "3"][len(sys.argv) - 1 :])))
