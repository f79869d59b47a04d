"""What the tests of Ray share."""

import os
import subprocess
import sys
import time

import ray
import ray.cloudpickle

import tunesmith

# Nodes of a cluster know nothing of this folder.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

os.environ.update(RAY_USAGE_STATS_ENABLED="0", TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1", RAY_AIR_NEW_OUTPUT="0")

SPACE = {"x": tunesmith.uniform(0, 2)}


def a_study(folder, **keys):
    keys = {"name": "search", "storage": folder / "studies.db", "method": "random", "trials": 12, **keys}
    return tunesmith.Study(SPACE, metric="loss", **keys)


def square(trial):
    return (trial["x"] - 1) ** 2


def appears(path, seconds=60):
    """Waits for a file."""
    until = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.02)


def facts(study, kind):
    """The trials that have a fact of that kind, once for each."""
    return [event["stream"] for event in study.events() if event["fact"]["type"] == kind]


def run_and_kill(script, *arguments, until):
    """Runs a script as a program of its own, and kills it once files have appeared."""
    driver = subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], start_new_session=True)
    try:
        for path in until:
            appears(path)
    finally:
        driver.kill()
        driver.wait()
