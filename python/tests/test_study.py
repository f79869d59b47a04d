"""Asking, telling and looking."""

import math
import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest

import tunesmith

SPACE = {"x": tunesmith.uniform(-1, 1), "kind": ["a", "b"]}


def square(trial):
    return trial["x"] ** 2


def test_a_search_by_a_loop():
    study = tunesmith.Study(SPACE, metric="loss", trials=12)
    for trial in study:
        assert trial.complete(square(trial)) == "completed"
    assert study.counts["completed"] == 12
    assert study.best_value == min(one.values["loss"] for one in study.trials)
    assert study.finish_reason is not None
    with pytest.raises(tunesmith.Finished):
        study.ask()


@pytest.mark.parametrize("method", sorted(tunesmith.methods()))
def test_every_method_searches(method):
    space = {"x": [0.1, 0.2, 0.4], "kind": ["a", "b"]} if method == "grid" else SPACE
    study = tunesmith.Study(space, method=method, trials=6, steps=4, seed=3)
    for trial in study:
        for step in range(trial.reached_step + 1, 5):
            with trial.saving(step) as folder:
                (folder / "state").write_text("here")
            if trial.report(square(trial), step) != "continue":
                break
        else:
            trial.complete()
    assert study.counts["completed"] >= 1
    assert study.counts["running"] == study.counts["queued"] == 0
    assert study.verify()["suggestions"] == len(study.trials)


@pytest.mark.parametrize("scheduler", sorted(set(tunesmith.schedulers()) - {"pbt", "pb2"}))
def test_every_scheduler_schedules(scheduler):
    options = {"type": scheduler, **({"min_iter": 1} if scheduler == "wandb-hyperband" else {})}
    study = tunesmith.Study({"x": tunesmith.uniform(0, 1)}, method="random", scheduler=options, trials=12, steps=9)
    for trial in study:
        for step in range(trial.reached_step + 1, 10):
            with trial.saving(step):
                pass
            if trial.report(trial["x"] + 1 / step, step, errors=bytes([step % 2] * 20)) != "continue":
                assert trial.should_prune()
                break
        else:
            trial.complete()
    ended = study.counts
    assert ended["completed"] >= 1
    # Those that wait when the search is over wait for good.
    assert ended["completed"] + ended["pruned"] + ended["paused"] == 12


def test_parameters_are_found_while_trials_run():
    def objective(trial):
        kind = trial.suggest_categorical("kind", ["linear", "deep"])
        rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        assert trial.suggest_float("rate", 1e-5, 1e-1, log=True) == rate
        layers = trial.suggest_int("layers", 1, 4) if kind == "deep" else 0
        step = trial.suggest_float("step", 0, 1, step=0.25)
        assert step in (0, 0.25, 0.5, 0.75, 1)
        assert trial.params.keys() >= {"kind", "rate", "step"}
        return abs(math.log10(rate) + 3) + layers / 10

    study = tunesmith.Study(method="tpe")
    study.optimize(objective, 30)
    assert study.best_value < 1
    assert set(study.importance()) == {"kind", "rate", "layers", "step"}
    assert study.verify()["suggestions"] == 30
    deep = [one for one in study.trials if one.params["kind"] == "deep"]
    assert all("layers" in one.params for one in deep)


def test_a_parameter_keeps_its_domain():
    study = tunesmith.Study()
    with study.ask() as trial:
        trial.suggest_float("x", 0, 1)
        trial.report(1.0, 1)
    trial = study.ask()
    with pytest.raises(ValueError, match="x is known with another domain"):
        trial.suggest_float("x", 0, 2)


def test_the_same_seed_proposes_the_same_and_a_resumed_study_goes_on(tmp_path):
    def params(storage, *counts):
        for count in counts:
            study = tunesmith.Study(SPACE, name="same", storage=storage, method="tpe", seed=7, trials=20)
            study.optimize(square, count)
        return [one.params for one in study.trials]

    whole = params("memory:", 16)
    assert params(tmp_path / "parts.db", 8, 5, 3) == whole
    assert len({tuple(one.items()) for one in whole}) == 16


def test_failures(recwarn):
    study = tunesmith.Study(SPACE, trials=20)

    def objective(trial):
        if trial.number == 0:
            raise MemoryError("out of memory")
        if trial.number == 1:
            raise KeyError("x")
        if trial.number == 2:
            return math.nan
        if trial.number == 3:
            raise tunesmith.Pruned("no hope")
        return {"other": 1.0} if trial.number == 4 else 0.5

    with pytest.raises(KeyError):
        study.optimize(objective)
    study.optimize(objective, 4, catch=KeyError)
    assert [one.state for one in study.trials] == ["failed", "failed", "failed", "pruned", "failed", "completed"]
    reasons = [one.reason for one in study.trials]
    assert reasons[0] == "out of memory"
    assert "value was not finite" in reasons[2]
    assert reasons[3] == "no hope"
    assert "value was never reported" in reasons[4]
    with pytest.raises(ValueError, match="no trial of study has completed; none has ended"):
        _ = tunesmith.Study(SPACE).best


def test_ctrl_c_hands_the_trial_back(tmp_path):
    study = tunesmith.Study(SPACE, storage=tmp_path / "s.db", trials=2)

    def interrupted(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted)
    assert study.counts["queued"] == 1
    study.optimize(square)
    assert study.counts["completed"] == 2


def test_a_loop_that_is_left_hands_its_trial_back():
    study = tunesmith.Study(SPACE, trials=2)
    for _ in study:
        break
    assert study.counts["queued"] == 1


def test_a_loop_that_ends_no_trial_is_told_so():
    study = tunesmith.Study(SPACE, trials=2)
    with pytest.raises(RuntimeError, match="did not end trial 0; call trial.complete"):
        for trial in study:
            assert trial.number == 0
    assert study.counts["queued"] == 1


def test_threads_share_a_study():
    study = tunesmith.Study(SPACE, trials=40, method="random")
    seen, barrier = set(), threading.Barrier(2, timeout=30)

    def objective(trial):
        seen.add(threading.get_ident())
        if trial.number < 2:
            barrier.wait()
        return square(trial)

    study.optimize(objective, jobs=2)
    assert study.counts["completed"] == 40
    assert len(seen) == 2


def test_an_error_in_a_thread_is_raised():
    def broken(trial):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        tunesmith.Study(SPACE, trials=9).optimize(broken, jobs=2)


WORKER = """
import os, signal, sys
import tunesmith
study = tunesmith.load("shared", sys.argv[1])
for trial in study:
    if trial.number == 3 and trial._lease == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    trial.complete(trial["x"] ** 2)
"""


def test_a_killed_process_loses_no_trial(tmp_path):
    storage = tmp_path / "s.db"
    study = tunesmith.Study(SPACE, name="shared", storage=storage, trials=10, method="random")
    for expected in (-signal.SIGKILL, 0):
        child = subprocess.run([sys.executable, "-c", WORKER, str(storage)], check=False, timeout=60)
        assert child.returncode == expected
    assert study.counts["completed"] == 10
    assert [one.leases for one in study.trials] == [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]


def test_a_study_goes_to_another_process_by_its_name(tmp_path):
    study = tunesmith.Study(SPACE, storage=tmp_path / "s.db", trials=3, steps=5)
    again = pickle.loads(pickle.dumps(study))
    assert (again.name, again.storage, again.steps, again.folder) == (study.name, study.storage, 5, study.folder)
    again.optimize(square)
    assert study.counts["completed"] == 3
    with pytest.raises(TypeError, match="give it a file"):
        pickle.dumps(tunesmith.Study(SPACE))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_is_refused(tmp_path):
    study = tunesmith.Study(SPACE, storage=tmp_path / "s.db", trials=3)
    child = os.fork()
    if child == 0:
        try:
            study.ask()
        except tunesmith.TunesmithError as error:
            os._exit(7 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_enqueue_cancel_and_pause():
    study = tunesmith.Study(SPACE, trials=5)
    assert study.enqueue({"x": 0.5}) == 0
    assert study.enqueue({"kind": "b"}) == 1
    study.cancel(1)
    first = study.ask()
    assert first["x"] == 0.5
    with pytest.raises(ValueError, match="y is no parameter"):
        study.enqueue({"y": 1})
    with pytest.raises(ValueError, match="2.0 is no legal value of x"):
        study.enqueue({"x": 2.0})
    study.pause()
    with pytest.raises(tunesmith.Paused):
        study.ask()
    study.resume()
    study.cancel(first.number)
    assert first.report(1.0, 1) == "lost"
    assert first.should_prune()


def test_several_metrics():
    study = tunesmith.Study(SPACE, metrics=[{"name": "a"}, {"name": "b", "goal": "maximize"}], trials=15)
    study.optimize(lambda trial: (trial["x"] ** 2, trial["x"]))
    front = study.front
    assert front
    for one in front:
        assert not any(
            other.values["a"] <= one.values["a"] and other.values["b"] > one.values["b"] for other in study.trials
        )
    trial = tunesmith.Study(metrics=[{"name": "a"}, {"name": "b"}]).ask()
    with pytest.raises(ValueError, match="1 values for the metrics a, b"):
        trial.complete(0.5)


def test_the_winner_is_chosen_on_fresh_seeds():
    study = tunesmith.Study(SPACE, trials=6, final={"replicate": 2, "seeds": 2})
    study.optimize(lambda trial: trial["x"] ** 2 + (trial.seed % 7) / 100)
    assert len(study.trials) == 10
    assert sum(one.origin.startswith("replica of") for one in study.trials) == 4


def test_a_resumed_study_must_be_the_same(tmp_path):
    storage = tmp_path / "s.db"
    tunesmith.Study(SPACE, storage=storage, trials=3)
    tunesmith.Study(SPACE, storage=storage, trials=5)
    with pytest.raises(ValueError, match="`parameters` differs"):
        tunesmith.Study({"x": [1, 2]}, storage=storage, trials=3)
    with pytest.raises(ValueError, match="give `resume=True`"):
        tunesmith.Study(SPACE, storage=storage, trials=3, resume=False)
    assert tunesmith.studies(storage) == ["study"]
    tunesmith.delete("study", storage)
    assert tunesmith.studies(storage) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"space": {"x": {"distribtion": "uniform"}}}, "did you mean `distribution`"),
        ({"space": {"x": object()}}, "give a list of values"),
        ({"method": "tpee"}, "did you mean `tpe`"),
        ({"scheduler": "asah"}, "did you mean `asha`"),
        ({"method": {"name": "tpe", "flavor": "x"}}, "has no option `flavor`"),
        ({"metric": "a", "metrics": [{"name": "b"}]}, "not both"),
        ({"goal": "up"}, "goal"),
        ({"trials": 0}, "at least 1"),
        ({"storage": "mysql://host/db"}, "not supported by this build"),
        ({"budgt": {"trials": 3}}, "did you mean `budget`"),
        ({"train": {"model": "bert"}}, "train"),
        ({"program": "train.py"}, "program"),
    ],
)
def test_what_is_wrong_is_said(keys, words):
    keys = {"space": {"x": [1, 2]}, **keys}
    with pytest.raises((ValueError, TypeError), match=words):
        tunesmith.Study(**keys)


def test_a_scheduler_needs_to_know_how_far_a_trial_is():
    trial = tunesmith.Study(SPACE, scheduler="asha", trials=3).ask()
    with pytest.raises(ValueError, match="at fractions of their schedules"):
        trial.report(0.5, 1)
    assert trial.report(0.5, 1, total=9) == "continue"
    with pytest.raises(ValueError, match="step 10 is not among the 9 steps"):
        trial.report(0.5, 10, total=9)
    with pytest.raises(ValueError, match="nothing ends this search"):
        tunesmith.Study(SPACE).optimize(square)


def test_frames():
    pytest.importorskip("pandas")
    study = tunesmith.Study(SPACE, trials=4, steps=2)
    for trial in study:
        trial.report(1.0, 1)
        trial.report(0.5, 2)
        trial.complete()
    frame = study.frame()
    assert list(frame["value"]) == [0.5] * 4
    assert {"params.x", "params.kind", "state"} <= set(frame.columns)
    assert list(study.curves()["fraction"]) == [0.5, 1.0] * 4


def test_the_log_can_be_read(tmp_path):
    study = tunesmith.Study(SPACE, storage=tmp_path / "s.db", trials=3)
    study.ask().complete(0.5)
    kinds = [event["fact"]["type"] for event in study.events()]
    assert kinds == ["study_created", "trial_started", "trial_completed"]


def test_imports_are_light():
    code = (
        "import sys, tunesmith; heavy = {'torch', 'transformers', 'ray', 'optuna', 'sklearn', 'pandas', 'numpy'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
