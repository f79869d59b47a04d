"""Searches by a Tuner of Ray's, with tunesmith's search and scheduler."""

import math
import pickle
import subprocess
import sys

import pytest

ray = pytest.importorskip("ray")

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

import ray.cloudpickle
from ray import tune

import tunesmith
from tunesmith.ray import TunesmithScheduler, TunesmithSearch

from .common import SPACE, a_study, run_and_kill

# Nodes of a cluster know nothing of this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


def a_space():
    return {
        "optimizer": {"rate": tune.loguniform(1e-5, 1e-1), "decay": tune.quniform(0, 0.3, 0.1)},
        "rows": tune.qrandint(8, 64, 8),
        "kind": tune.choice(["a", "b"]),
        "constant": [1, 2],
    }


def test_a_tuner_with_search_and_scheduler(local, tmp_path):
    def trainable(config):
        assert config["constant"] == [1, 2] and config["rows"] % 8 == 0
        for step in range(1, 10):
            tune.report({"loss": abs(math.log10(config["optimizer"]["rate"]) + 3) + 1 / step})

    search = TunesmithSearch(storage=tmp_path / "s.db", name="tuned", trials=8, scheduler="asha", method="random")
    config = tune.TuneConfig(
        metric="loss", mode="min", num_samples=-1, search_alg=search, scheduler=TunesmithScheduler(search, max_t=9)
    )
    run = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
    results = tune.Tuner(trainable, param_space=a_space(), tune_config=config, run_config=run).fit()
    study = search.study
    assert len(results) == 8 == len(study.trials) and results.num_errors == 0
    assert study.counts["completed"] >= 1 and study.counts["pruned"] >= 1
    assert study.counts["completed"] + study.counts["pruned"] == 8
    assert {len(one.reports) for one in study.trials if one.state == "completed"} == {9}
    assert {len(one.reports) for one in study.trials if one.state == "pruned"} <= {1, 3}
    best = results.get_best_result().config
    assert best["optimizer"]["rate"] == study.best_params["optimizer.rate"]
    verified = study.verify()
    assert verified["suggestions"] == 8 and verified["verdicts"] >= 8


def test_a_tuner_with_a_study_of_its_own_and_trials_that_fail(local, tmp_path):
    def trainable(config):
        if config["x"] == 1:
            raise ValueError("one of them")
        tune.report({"loss": config["x"]})

    study = tunesmith.Study({"x": [0, 1]}, metric="loss", method="grid", storage=tmp_path / "s.db")
    config = tune.TuneConfig(num_samples=-1, search_alg=TunesmithSearch(study), max_concurrent_trials=1)
    run = tune.RunConfig(storage_path=str(tmp_path), verbose=0)
    results = tune.Tuner(trainable, tune_config=config, run_config=run).fit()
    assert results.num_errors == 1
    assert sorted(one.state for one in study.trials) == ["completed", "failed"]
    assert study.best_params == {"x": 0}


TUNER = """
import os, pathlib, sys, threading
os.environ.update(TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1", RAY_AIR_NEW_OUTPUT="0", RAY_USAGE_STATS_ENABLED="0")
import ray
from ray import tune
from tunesmith.ray import TunesmithScheduler, TunesmithSearch

folder, is_first = pathlib.Path(sys.argv[1]), sys.argv[2] == "first"

def trainable(config):
    if is_first and len(list(folder.glob("ran-*"))) >= 3:
        (folder / "holds").touch()
        threading.Event().wait()
    (folder / f"ran-{config['x']}").touch()
    for step in range(1, 4):
        tune.report({"loss": config["x"] + 1 / step})

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
if is_first:
    search = TunesmithSearch(storage=folder / "s.db", name="tuned", trials=6, scheduler="median", method="random")
    config = tune.TuneConfig(metric="loss", mode="min", num_samples=-1, search_alg=search,
                             scheduler=TunesmithScheduler(search, max_t=3))
    run = tune.RunConfig(storage_path=str(folder), name="tuned", verbose=0)
    tuner = tune.Tuner(trainable, param_space={"x": tune.uniform(0, 1)}, tune_config=config, run_config=run)
else:
    tuner = tune.Tuner.restore(str(folder / "tuned"), trainable=trainable)
tuner.fit()
ray.shutdown()
"""


def test_a_restored_tuner_goes_on_from_the_log(tmp_path):
    ray.shutdown()
    run_and_kill(TUNER, tmp_path, "first", until=[tmp_path / "holds"])
    study = tunesmith.load("tuned", tmp_path / "s.db")
    ended = [one for one in study.trials if one.finished_ms is not None]
    assert len(ended) == 3
    subprocess.run([sys.executable, "-c", TUNER, tmp_path, "second"], check=True, timeout=120)
    assert len(study.trials) == 6 and study.counts["completed"] + study.counts["pruned"] == 6
    # What had ended is as it was, and what was running has been run again with the same params.
    assert study.trials[:3] == ended
    assert study.trial(3).leases == 2
    assert study.verify()["suggestions"] == 6


def test_save_and_restore_follow_the_log(tmp_path):
    study = a_study(tmp_path, trials=5)
    search = TunesmithSearch(study)
    first, second, third = (search.suggest(name) for name in ("one", "two", "three"))
    search.on_trial_result("one", {"loss": 3.0, "training_iteration": 1})
    search.save(str(tmp_path / "state"))
    # Ray's snapshot is older than the log: it knows trial two as running.
    search.on_trial_complete("two", {"loss": 2.0, "training_iteration": 1})
    again = pickle.loads(pickle.dumps(search))
    again.restore(str(tmp_path / "state"))
    again.on_trial_result("one", {"loss": 3.0, "training_iteration": 1})
    again.on_trial_complete("one", {"loss": 1.0, "training_iteration": 2})
    with pytest.warns(UserWarning, match="trial two again, which is trial 1 of the study and has ended"):
        again.on_trial_result("two", {"loss": 9.0, "training_iteration": 1})
    again.on_trial_complete("two", {"loss": 9.0, "training_iteration": 1})
    again.on_trial_complete("three", None, error=True)
    again.suggest("four")
    again.release()
    assert [one.state for one in study.trials] == ["completed", "completed", "failed", "queued"]
    assert [one.values.get("loss") for one in study.trials[:2]] == [1.0, 2.0]
    assert len(study.trial(0).reports) == 1
    assert [first, second, third] == [one.params for one in study.trials[:3]]
    assert again.suggest("five") == study.trial(3).params
    again.suggest("six")
    assert again.suggest("seven") == "FINISHED"
    # The search that was here before has lost its trials.
    with pytest.warns(UserWarning, match="ended by someone else"):
        search.on_trial_complete("one", {"loss": 5.0, "training_iteration": 3})


def test_a_paused_study_and_one_that_waits_propose_nothing_yet(tmp_path):
    study = a_study(tmp_path, trials=1, final={"replicate": 1, "seeds": 2})
    search = TunesmithSearch(study)
    study.pause()
    with pytest.warns(UserWarning, match="paused"):
        assert search.suggest("one") is None
    study.resume()
    assert search.suggest("one") is not None
    assert search.suggest("two") is None
    search.on_trial_complete("one", {"loss": 1.0, "training_iteration": 1})
    assert search.suggest("two") is not None


def test_spaces_of_ray_mean_the_same_here(tmp_path):
    space = {
        "uniform": tune.uniform(-1, 1),
        "loguniform": tune.loguniform(1e-5, 1e-1),
        "quniform": tune.quniform(0, 1, 0.25),
        "qloguniform": tune.qloguniform(1e-3, 1e-1, 1e-3),
        "randint": tune.randint(0, 3),
        "qrandint": tune.qrandint(10, 30, 10),
        "lograndint": tune.lograndint(1, 9),
        "qlograndint": tune.qlograndint(2, 64, 2),
        "randn": tune.randn(0, 2),
        "qrandn": tune.qrandn(0, 2, 0.5),
        "one": tune.choice([7]),
        "deep": {"er": tune.choice([None, True, "a", [1, 2]]), "same": 1},
    }

    def check(config):
        assert -1 <= config["uniform"] <= 1 and 1e-5 <= config["loguniform"] <= 1e-1
        assert config["quniform"] in (0, 0.25, 0.5, 0.75, 1)
        assert config["randint"] in (0, 1, 2) and config["qrandint"] in (10, 20, 30)
        assert 1 <= config["lograndint"] <= 8 and config["one"] == 7
        assert all(type(config[name]) is int for name in config if "int" in name)
        assert config["deep"]["er"] in (None, True, "a", [1, 2]) and "same" not in config["deep"]

    search = TunesmithSearch(storage=tmp_path / "s.db", trials=30, method="random", metric="loss", mode="max")
    assert search.set_search_properties(None, None, space)
    assert search.study.metrics == [("loss", "maximize")] and search.metric == "loss"
    for number in range(30):
        config = search.suggest(str(number))
        check(config)
        assert 1e-3 <= config["qloguniform"] <= 1e-1 and config["qlograndint"] in range(2, 65, 2)
        assert config["qrandn"] * 2 == int(config["qrandn"] * 2)
    # A study without a space asks while trials run, for what can be asked so.
    study = tunesmith.Study(metric="loss", goal="maximize", trials=30, storage=tmp_path / "s.db", name="open")
    asking = TunesmithSearch(study)
    with pytest.raises(ValueError, match="qlograndint has the distribution q_log_uniform_values, which cannot be"):
        asking.set_search_properties("loss", "max", {"qlograndint": space["qlograndint"]})
    asked = {name: one for name, one in space.items() if not name.startswith("qlog") and "randn" not in name}
    asking.set_search_properties("loss", "max", asked)
    for number in range(30):
        check(asking.suggest(str(number)))


def test_refusals_of_search_and_scheduler(tmp_path):
    storage = tmp_path / "s.db"
    with pytest.raises(ValueError, match="is in memory"):
        TunesmithSearch(tunesmith.Study(SPACE, trials=1))
    with pytest.raises(ValueError, match="would be in memory.*give `storage`"):
        TunesmithSearch(space=SPACE, metric="loss", mode="min")
    with pytest.raises(ValueError, match="not both"):
        TunesmithSearch(a_study(tmp_path), storage=storage)
    with pytest.raises(ValueError, match="there is no space to search"):
        TunesmithSearch(storage=storage).suggest("one")
    with pytest.raises(ValueError, match="the metric is None with the mode None"):
        TunesmithSearch(storage=storage).set_search_properties(None, None, {"x": tune.uniform(0, 1)})
    with pytest.raises(ValueError) as caught:
        TunesmithSearch(storage=storage, metric="loss", mode="min").set_search_properties(
            None,
            None,
            {
                "grid": tune.grid_search([1, 2]),
                "function": tune.sample_from(lambda: 1),
                "listed": [tune.uniform(0, 1)],
                "object": tune.choice([(1, 2)]),
                "a": {"b": tune.uniform(0, 1)},
                "a.b": tune.uniform(0, 1),
            },
        )
    for words in (
        "grid: grid_search is Ray's own; write tune.choice",
        "function: sample_from draws by itself",
        "listed.0: a parameter in a list has no name",
        "object: (1, 2) cannot be kept in a log",
        "a.b: named twice",
    ):
        assert words in str(caught.value)
    with pytest.raises(ValueError, match="has a space of its own, and param_space has y"):
        TunesmithSearch(a_study(tmp_path)).set_search_properties("loss", "min", {"y": tune.uniform(0, 1)})
    with pytest.raises(ValueError, match=r"metric loss \(max\), and the study has loss \(minimize\)"):
        TunesmithSearch(a_study(tmp_path)).set_search_properties("loss", "max", {})
    with pytest.warns(UserWarning, match="num_samples=1 ends this run before the study's budget of 12"):
        TunesmithSearch(a_study(tmp_path)).set_search_properties("loss", "min", {}, num_samples=1)

    stopping = a_study(tmp_path, name="stopping", scheduler="asha")
    with pytest.raises(ValueError, match="give tune.TuneConfig.scheduler=TunesmithScheduler"):
        TunesmithSearch(stopping).suggest("one")
    with pytest.raises(ValueError, match="give TunesmithScheduler max_t"):
        TunesmithScheduler(TunesmithSearch(stopping)).set_search_properties("loss", "min")
    for name in ("auto", "asha-promote", "hyperband", "sha", "pasha"):
        pausing = TunesmithSearch(a_study(tmp_path, name=name, scheduler=name))
        with pytest.raises(ValueError, match=f"scheduler {name} pauses trials.*tunesmith.ray.run, which can"):
            TunesmithScheduler(pausing, max_t=9)
    with pytest.raises(ValueError, match="wilcoxon compares trials example by example"):
        TunesmithScheduler(TunesmithSearch(storage=storage, scheduler="wilcoxon"), max_t=9)
