"""Searches by workers: real actors, and a cluster of two nodes on this machine."""

import importlib
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import types

import pytest

ray = pytest.importorskip("ray")

import ray.cloudpickle

import tunesmith
import tunesmith.ray
from tunesmith.ray._address import Address
from tunesmith.ray._crew import Crew
from tunesmith.ray._room import Needs

from .common import SPACE, a_study, appears, facts, run_and_kill, square

# Nodes of a cluster know nothing of this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])


# Workers.


def test_the_objective_runs_on_actors(local, tmp_path, capsys):
    def objective(trial):
        trial.report(trial["x"], 1)
        (tmp_path / f"ran-{os.getpid()}").touch()
        return (trial["x"] - 1) ** 2

    study = a_study(tmp_path)
    seen = []
    tunesmith.ray.run(objective, study, progress=lambda own, trial: seen.append((own is study, trial.state)))
    assert study.counts["completed"] == 12 and study.finish_reason is not None
    assert seen == [(True, "completed")] * 12
    pids = {int(path.name[4:]) for path in tmp_path.glob("ran-*")}
    assert pids and os.getpid() not in pids
    assert study.worker not in {event["by"] for event in study.events() if "trial" in event["stream"]}
    assert study.verify()["suggestions"] == 12
    assert capsys.readouterr().err == ""
    # The search is over: the same call has nothing left to do.
    tunesmith.ray.run(objective, study)
    assert len(study.trials) == 12
    assert "search: 12 completed; workers: " in capsys.readouterr().err


def test_a_relative_path_leads_workers_elsewhere_to_the_same_file(local, tmp_path, monkeypatch):
    study = tunesmith.Study(SPACE, metric="loss", trials=3, storage="here.db")
    saved = Address.of(study)
    monkeypatch.chdir("/")
    assert saved.open().name == "study"
    tunesmith.Study(SPACE, metric="loss", trials=3, storage=f"sqlite:///{os.path.relpath(tmp_path)}/other.db")
    monkeypatch.chdir(tmp_path)
    tunesmith.ray.run(lambda trial: 1.0, study, workers=1, resources_per_trial={"CPU": 0.5}, progress=False)
    assert study.counts["completed"] == 3


def test_trials_that_fail_one_after_the_other_stop_the_run(local, tmp_path):
    def objective(trial):
        if trial.number % 2:
            raise KeyError("no such column")
        return 1.0

    study = a_study(tmp_path, name="mixed")
    tunesmith.ray.run(objective, study, progress=False)
    assert (study.counts["completed"], study.counts["failed"]) == (6, 6)

    def broken(trial):
        raise KeyError("no such column")

    study = a_study(tmp_path, name="broken")
    with pytest.raises(RuntimeError, match="3 trials in a row failed.*KeyError: 'no such column'") as caught:
        tunesmith.ray.run(broken, study, failures=3, progress=False)
    assert isinstance(caught.value.__cause__, KeyError)
    assert 3 <= study.counts["failed"] <= 5 and study.counts["running"] == 0
    assert "in broken" in caught.value.__notes__[0]


def test_endings_of_an_objective_that_are_no_values(local, tmp_path):
    def objective(trial):
        if trial.number == 0:
            raise tunesmith.Pruned("no hope")
        if trial.number == 1:
            sys.exit(3)
        if trial.number == 2:
            return math.nan
        if trial.number == 3:
            trial.report(math.inf, 1)
            return None
        if trial.number == 4:
            trial.complete(2.0)
            return None
        return 1.0

    study = a_study(tmp_path, name="endings", trials=6)
    tunesmith.ray.run(objective, study, progress=False)
    assert [one.state for one in study.trials] == ["pruned", "failed", "failed", "failed", "completed", "completed"]
    ends = {event["stream"]: event["fact"]["reason"] for event in study.events() if "trial_failed" in str(event)}
    assert "SystemExit(3)" in str(ends["trial/1"])


def test_a_trial_that_kills_its_workers_fails_in_the_end(local, tmp_path):
    def objective(trial):
        if trial.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    study = a_study(tmp_path, name="deadly")
    tunesmith.ray.run(objective, study, progress=False)
    assert (study.counts["completed"], study.counts["failed"]) == (11, 1)
    [end] = [event["fact"] for event in study.events() if event["fact"]["type"] == "trial_failed"]
    assert "workers died while they ran it" in str(end)


def test_ctrl_c_hands_trials_back(local, tmp_path):
    def objective(trial):
        try:
            (tmp_path / f"holds-{trial.number}").touch()
            threading.Event().wait()
        finally:
            (tmp_path / f"cleaned-{trial.number}").touch()

    study = a_study(tmp_path, name="interrupted")

    def interrupt():
        appears(tmp_path / "holds-0")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        tunesmith.ray.run(objective, study, workers=1, progress=False)
    assert (tmp_path / "cleaned-0").exists()
    assert study.counts["queued"] == 1 and study.counts["running"] == 0
    released = [event for event in study.events() if event["fact"]["type"] == "trial_requeued"]
    assert [one["fact"]["reason"] for one in released] == ["released"]
    tunesmith.ray.run(square, study, progress=False)
    assert study.counts["completed"] == 12 and study.trial(0).leases == 2


def test_a_scheduler_that_pauses_trials(local, tmp_path):
    def objective(trial):
        for step in range(trial.reached_step + 1, 10):
            with trial.saving(step) as folder:
                (folder / "state").write_text(str(step))
            if trial.report(trial["x"] + 1 / step, step) != "continue":
                return None
        return trial["x"]

    study = a_study(tmp_path, name="pausing", scheduler="asha-promote", steps=9, runs=tmp_path / "runs")
    tunesmith.ray.run(objective, study, progress=False)
    assert study.counts["completed"] >= 1 and study.counts["running"] == study.counts["queued"] == 0
    assert any(one.leases > 1 for one in study.trials)
    study.verify()


def test_what_a_driver_knows_to_be_dead_is_queued_again_at_once(tmp_path):
    driver = a_study(tmp_path)
    elsewhere = tunesmith.load("search", tmp_path / "studies.db")
    elsewhere.ask()
    # It has not read the log since.
    Crew._reap(types.SimpleNamespace(study=driver), [elsewhere.worker])
    assert driver.counts["queued"] == 1


def test_a_trial_that_someone_else_holds_is_waited_for_as_long_as_a_lease_lasts(local, tmp_path, monkeypatch, capsys):
    own = tunesmith.Study.config
    monkeypatch.setattr(tunesmith.Study, "config", property(lambda study: {**own.fget(study), "lease_ms": 1000}))
    someone = a_study(tmp_path)
    held = someone.ask()
    study = tunesmith.load("search", tmp_path / "studies.db")
    tunesmith.ray.run(square, study)
    assert (study.counts["completed"], study.counts["running"]) == (11, 1)
    assert "waiting up to 1 s for trials that workers of another run hold" in capsys.readouterr().err
    assert held.complete(1.0) == "completed"


# Nodes and drivers that are lost.


def test_two_hundred_trials_outlive_a_node(cluster, tmp_path):
    head = ray.get_runtime_context().get_node_id()
    other = cluster.add_node(num_cpus=1)

    def objective(trial):
        """Holds a trial on the node that is lost, and the half of all on the other until it is."""
        is_head = ray.get_runtime_context().get_node_id() == head
        mine = tmp_path / ("head" if is_head else "other")
        mine.mkdir(exist_ok=True)
        if len(list(mine.iterdir())) == (60 if is_head else 40):
            (tmp_path / f"{mine.name}-holds").touch()
            if is_head:
                appears(tmp_path / "removed")
            else:
                (tmp_path / "lost").write_text(str(trial.number))
                threading.Event().wait()
        (mine / f"{trial.number}").touch()
        return (trial["x"] - 1) ** 2

    def remove():
        appears(tmp_path / "head-holds")
        appears(tmp_path / "other-holds")
        cluster.remove_node(other, allow_graceful=False)
        (tmp_path / "removed").touch()

    study = a_study(tmp_path, trials=200)
    thread = threading.Thread(target=remove)
    thread.start()
    began = time.monotonic()
    tunesmith.ray.run(objective, study, progress=False)
    took = time.monotonic() - began
    thread.join()
    # Long before the lease of 120 s is over.
    assert took < 60
    print(f"200 trials, one node lost: {took:.1f} s")
    assert study.counts["completed"] == 200 == len(study.trials)
    assert sorted(facts(study, "trial_completed")) == sorted(f"trial/{number}" for number in range(200))
    lost = int((tmp_path / "lost").read_text())
    assert facts(study, "trial_requeued") == [f"trial/{lost}"] and study.trial(lost).leases == 2
    assert len({one.params["x"] for one in study.trials}) == 200
    assert len(list((tmp_path / "other").iterdir())) == 40
    assert study.verify()["suggestions"] == 200


def test_nodes_that_join_get_workers(cluster, tmp_path):
    head = ray.get_runtime_context().get_node_id()

    def objective(trial):
        if ray.get_runtime_context().get_node_id() == head:
            (tmp_path / "began").touch()
            appears(tmp_path / "joined")
        else:
            (tmp_path / "joined").touch()
        return 1.0

    # Ray adds nodes in the main thread alone.
    study = a_study(tmp_path)
    search = lambda: tunesmith.ray.run(objective, study, progress=False)  # noqa: E731
    thread = threading.Thread(target=search)
    thread.start()
    appears(tmp_path / "began")
    cluster.add_node(num_cpus=1)
    thread.join()
    assert study.counts["completed"] == 12
    assert len({event["by"] for event in study.events() if event["fact"]["type"] == "trial_completed"}) == 2


DRIVER = """
import pathlib, sys, threading
import ray, tunesmith, tunesmith.ray
folder = pathlib.Path(sys.argv[1])

def objective(trial):
    if trial.number >= 5:
        (folder / f"holds-{trial.number}").touch()
        threading.Event().wait()
    return (trial["x"] - 1) ** 2

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
study = tunesmith.load("search", folder / "studies.db")
tunesmith.ray.run(objective, study, workers=2, progress=False)
"""


def test_a_driver_that_dies_loses_nothing(tmp_path, request):
    ray.shutdown()
    study = a_study(tmp_path)
    run_and_kill(DRIVER, tmp_path, until=[tmp_path / "holds-5", tmp_path / "holds-6"])
    assert study.counts["completed"] == 5 and study.counts["running"] == 2
    request.getfixturevalue("local")
    tunesmith.ray.run(square, study, progress=False)
    assert study.counts["completed"] == 12 == len(study.trials)
    assert len(set(facts(study, "trial_completed"))) == 12
    assert [one.leases for one in study.trials] == [1] * 5 + [2] * 2 + [1] * 5
    assert study.verify()["suggestions"] == 12


# Refusals.


def test_refusals_of_run(tmp_path):
    run = tunesmith.ray.run
    with pytest.raises(ValueError, match="study study is in memory.*give it a `storage`"):
        run(square, tunesmith.Study(SPACE, trials=1))
    endless = tunesmith.Study(SPACE, name="endless", storage=tmp_path / "s.db")
    with pytest.raises(ValueError, match="nothing ends this search"):
        run(square, endless)
    study = a_study(tmp_path)
    with pytest.raises(ValueError, match="workers is 0; give 1 or more"):
        run(square, study, workers=0)
    with pytest.raises(ValueError, match="failures is 0"):
        run(square, study, failures=0)
    with pytest.raises(ValueError, match="room without end; give `workers`"):
        run(square, study, resources_per_trial={"cpu": 0})
    with pytest.raises(ValueError, match="ray://host:10001 is an address of Ray Client"):
        run(square, study, address="ray://host:10001")
    for wrong, words in [
        ({"gpu": -1}, "gpu: -1; give a number"),
        ({"gpu": "half"}, "gpu: 'half'"),
        ({"cpu": 1.5}, "cpu: 1.5; Ray places whole numbers beyond 1"),
        ({"cpu": 1, "CPU": 1}, "names CPU twice"),
    ]:
        with pytest.raises(ValueError, match=words):
            Needs(wrong)
    assert Needs({"gpu": 0.25}).fit({"GPU": 2.0, "CPU": 4.0}) == 8
    assert Needs({"gpu": 0.1}).fit({"GPU": 1.0}) == 10
    elsewhere = Address(str(tmp_path / "studies.db"), "search", None, "runs", "another machine")
    with pytest.raises(ValueError, match="of another machine than .*postgres://"):
        elsewhere.open()


def test_refusals_of_run_on_a_cluster(local, tmp_path, monkeypatch):
    study = a_study(tmp_path)
    with pytest.raises(ValueError, match=r"no node .* needs 1 GPU; the nodes have 2 CPU; lower"):
        tunesmith.ray.run(square, study, resources_per_trial={"gpu": 1})
    with pytest.raises(ValueError, match="Ray is connected already"):
        tunesmith.ray.run(square, study, address="127.0.0.1:1")
    with pytest.raises(TypeError, match="cannot be sent to other processes: .*have it open such things itself"):
        lock = threading.Lock()
        tunesmith.ray.run(lambda trial: lock and 1.0, study)
    (tmp_path / "only").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "only")
    (tmp_path / "only" / "only_here.py").write_text("def objective(trial):\n    return 1.0\n")
    objective = importlib.import_module("only_here").objective
    with pytest.raises(ImportError, match="cannot load the objective: No module named 'only_here'; install"):
        tunesmith.ray.run(objective, study)
    assert not study.trials


def test_importing_tunesmith_imports_no_ray():
    script = "import sys, json, tunesmith; print(json.dumps([name for name in sys.modules if name.startswith('ray')]))"
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert json.loads(said.stdout) == []
    script = """
import sys, tunesmith.ray, ray
assert tunesmith.ray.run and ray.__file__ != tunesmith.ray.__file__
print("ray.tune" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"
    assert pathlib.Path(tunesmith.ray.__file__).parent.name == "ray"
