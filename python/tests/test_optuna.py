"""The sampler in Optuna's studies, beside Optuna's own."""

import doctest
import math
import pickle
import subprocess
import sys
import time
import warnings

import pytest

optuna = pytest.importorskip("optuna")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

import tunesmith.optuna
from tunesmith.optuna import TunesmithSampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

METHODS = ["auto", "tpe", "gp", "random", "sobol", "cmaes", "genetic", "de", "forest", "nsga2"]


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("learning rate", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 9)
    width = trial.suggest_int("width", 16, 512, log=True)
    step = trial.suggest_float("dropout", 0.0, 0.5, step=0.05)
    heads = trial.suggest_int("heads", 2, 12, step=2)
    kind = trial.suggest_categorical("kind", ["gelu", None, 3, True])
    return (
        x**2 + abs(math.log10(rate) + 3) + abs(layers - 4) / 9 + abs(math.log(width / 64)) + step + abs(heads - 8) / 12
        + (kind != "gelu")
    )


def study(sampler, trials, storage=None, name=None, of=objective, **options):
    made = optuna.create_study(sampler=sampler, storage=storage, study_name=name, load_if_exists=True, **options)
    made.optimize(of, n_trials=trials)
    return made


def all_params(of):
    return [trial.params for trial in of.trials]


def different(of):
    return len({repr(trial.params) for trial in of.trials})


def test_docstrings():
    assert doctest.testmod(tunesmith.optuna).failed == 0


@pytest.mark.parametrize("method", METHODS)
def test_methods_propose_legal_values(method):
    found = study(TunesmithSampler(method, seed=0), 25)
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * 25
    assert different(found) == 25
    for trial in found.trials:
        assert abs(trial.params["dropout"] / 0.05 - round(trial.params["dropout"] / 0.05)) < 1e-9
        assert trial.params["heads"] in range(2, 13, 2)
        assert type(trial.params["width"]) is int


@pytest.mark.parametrize("method", ["auto", "tpe", "gp"])
def test_models_beat_random_search(method):
    def last(name):
        return sum(study(TunesmithSampler(name, seed=seed), 60).best_value for seed in range(3))

    assert last(method) < last("random")


def test_the_method_and_its_options_are_checked_at_once():
    with pytest.raises(ValueError, match="cannot propose for a study of Optuna's; take one of auto"):
        TunesmithSampler("grid")
    with pytest.raises(ValueError, match="bees"):
        TunesmithSampler("bees")
    with pytest.raises(ValueError, match="n_start"):
        TunesmithSampler({"name": "tpe", "n_start": 3})
    assert study(TunesmithSampler({"name": "tpe", "n_startup": 3}, seed=0), 5).best_trial


# Going on.


@pytest.mark.peer
def test_peer_a_seeded_sampler_of_optuna_repeats_its_trials_after_a_resume():
    def tpe():
        return optuna.samplers.TPESampler(seed=0)

    whole = study(tpe(), 12)
    storage = optuna.storages.InMemoryStorage()
    study(tpe(), 6, storage, "s")
    resumed = study(tpe(), 6, storage, "s")
    assert different(whole) == 12
    assert different(resumed) < 12


@pytest.mark.parametrize("method", METHODS)
def test_a_seeded_sampler_does_not_repeat_after_a_resume(method):
    whole = study(TunesmithSampler(method, seed=0), 12)
    storage = optuna.storages.InMemoryStorage()
    study(TunesmithSampler(method, seed=0), 6, storage, "s")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resumed = study(TunesmithSampler(method, seed=0), 6, storage, "s")
    assert different(resumed) == 12
    if method != "cmaes":
        assert all_params(resumed) == all_params(whole)


def test_cmaes_says_that_it_begins_anew():
    storage = optuna.storages.InMemoryStorage()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study(TunesmithSampler("cmaes", seed=0), 6, storage, "s")
    with pytest.warns(UserWarning, match="cmaes learns from its own generations"):
        study(TunesmithSampler("cmaes", seed=0), 2, storage, "s")


def test_many_trials_are_added_once_and_fast():
    made = optuna.create_study(sampler=TunesmithSampler("tpe", seed=0))
    space = {f"x{place}": FloatDistribution(0, 1) for place in range(5)}
    for number in range(2000):
        params = {name: (number * 7 + place) % 1009 / 1009 for place, name in enumerate(space)}
        made.add_trial(create_trial(params=params, distributions=space, value=number % 37))

    def five(trial):
        return sum(trial.suggest_float(name, 0, 1) for name in space)

    begun = time.monotonic()
    made.optimize(five, n_trials=1)
    first = time.monotonic() - begun
    begun = time.monotonic()
    made.optimize(five, n_trials=20)
    assert first < 2
    assert (time.monotonic() - begun) / 20 < 0.1


# What Optuna knows of trials.


def mirrored(of):
    """The mirror of the whole space."""
    return max(of.sampler._mirrors.values(), key=lambda mirror: len(mirror.codecs)).study


def test_all_states_are_passed_on():
    def states(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            raise RuntimeError
        if trial.number == 4:
            return math.inf
        for step in range(10):
            trial.report(x + 1 / (step + 1), step)
            if trial.number in (2, 5) and step == 3:
                raise optuna.TrialPruned
        if trial.number == 6:
            trial.report(math.nan, 10)
            raise optuna.TrialPruned
        return x

    made = optuna.create_study(sampler=TunesmithSampler("tpe", seed=0))
    made.optimize(states, n_trials=9, catch=RuntimeError)
    known = mirrored(made)
    assert [one.state for one in known.trials] == [
        "completed", "failed", "pruned", "completed", "failed", "pruned", "failed", "completed", "running"
    ]
    assert [one.number for one in known.trials] == list(range(9))
    pruned = known.trial(5)
    assert [report.step for report in pruned.reports] == [0, 1, 2, 3]
    assert pruned.reports[-1].fraction == pytest.approx(4 / 11)
    assert known.trial(3).values["value0"] == made.trials[3].value


def test_running_and_enqueued_trials_and_those_of_others():
    made = optuna.create_study(sampler=TunesmithSampler("tpe", seed=0))
    made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    waiting = [made.ask() for _ in range(3)]
    for trial in waiting[:2]:
        trial.suggest_float("x", 0, 1)
    made.enqueue_trial({"x": 0.125})
    made.enqueue_trial({"x": 7.0})
    made.add_trial(create_trial(params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=2.0))
    with pytest.warns(UserWarning, match="out of range"):
        made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    known = mirrored(made)
    assert [one.state for one in known.trials[:6]] == ["completed"] * 3 + ["running"] * 3
    assert [one.params["x"] for one in known.trials[:5]] == [one.params["x"] for one in made.trials[:5]]
    assert known.trial(6).params == {"x": 0.125}
    assert known.trial(7).state == "cancelled"
    assert known.trial(8).params == {"x": 0.5} and known.trial(8).state == "completed"
    made.tell(waiting[0], 1.0)
    made.tell(waiting[1], state=TrialState.FAIL)
    made.tell(waiting[2], state=TrialState.FAIL)
    made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert [one.state for one in mirrored(made).trials[3:6]] == ["completed", "failed", "cancelled"]


def test_what_another_worker_is_about_to_try_is_worked_out():
    storage = optuna.storages.InMemoryStorage()
    made = study(TunesmithSampler("gp", seed=0), 8, storage, "s")
    other = optuna.load_study(study_name="s", storage=storage, sampler=TunesmithSampler("gp", seed=0))
    first, second = made.ask(), other.ask()
    fast = second.suggest_float("x", -5, 5)
    slow = first.suggest_float("x", -5, 5)
    assert mirrored(other).trial(8).params["x"] == slow != fast
    made.optimize(objective, n_trials=1)
    assert [mirror.begun for mirror in made.sampler._mirrors.values()] == [1] * len(made.sampler._mirrors)


def test_directions_and_several_objectives():
    highest = optuna.create_study(direction="maximize", sampler=TunesmithSampler(seed=0))
    highest.optimize(lambda trial: -((trial.suggest_float("x", -1, 1) - 0.3) ** 2), n_trials=25)
    assert highest.best_params["x"] == pytest.approx(0.3, abs=0.02)

    def two(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x + y / 10, (1 - x) - y

    for method in ("auto", "nsga2", "tpe"):
        front = optuna.create_study(directions=["minimize", "maximize"], sampler=TunesmithSampler(method, seed=0))
        front.optimize(two, n_trials=20)
        assert mirrored(front).metrics == [("value0", "minimize"), ("value1", "maximize")]
        assert front.best_trials


def test_conditional_and_changing_spaces():
    def branches(trial):
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if kind == "a":
            return trial.suggest_float("left", 0, 1)
        return trial.suggest_float("right", 0, 1) + trial.suggest_int("more", 0, trial.number + 1) + 0.5

    made = study(TunesmithSampler("tpe", seed=0), 40, of=branches)
    assert {tuple(sorted(one.params)) for one in made.trials} == {("kind", "left"), ("kind", "more", "right")}
    assert sum(one.params["kind"] == "a" for one in made.trials[20:]) > 10
    assert made.best_value < 0.1


def test_parameters_by_themselves_do_not_move_together():
    def first(trial):
        values = [trial.suggest_float(name, 0, 1) for name in "abc"]
        raise optuna.TrialPruned(values)

    made = study(TunesmithSampler("sobol", seed=0), 20, of=first)
    assert all(len(set(one.params.values())) == 3 for one in made.trials[1:])


def test_names_and_values_that_a_study_of_tunesmith_cannot_have():
    def strange(trial):
        trial.suggest_float("p0", 0, 1)
        trial.suggest_float("ein Wert / 2", 0, 1)
        trial.suggest_categorical("$", [1, True, 1.0, None, "None"])
        trial.suggest_float("one", 2, 2)
        return trial.suggest_int("große Zahl", -(2**40), 2**40)

    made = study(TunesmithSampler("tpe", seed=0), 15, of=strange)
    assert different(made) == 15
    assert {type(one.params["$"]) for one in made.trials} >= {int, str}


def test_constraints_are_not_passed_over_in_silence():
    made = optuna.create_study(sampler=TunesmithSampler("tpe", seed=0))
    made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    space, broken = {"x": FloatDistribution(0, 1)}, {"constraints": [1.0]}
    made.add_trial(create_trial(params={"x": 0.5}, distributions=space, value=1.0, system_attrs=broken))
    with pytest.warns(UserWarning, match="does not weigh constraints"):
        made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


def test_pruners_of_optuna_work_as_ever():
    def curve(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(9):
            trial.report(x + 1 / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    made = optuna.create_study(sampler=TunesmithSampler(seed=0), pruner=optuna.pruners.MedianPruner(n_startup_trials=3))
    made.optimize(curve, n_trials=20)
    assert {one.state for one in made.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert made.best_value < 0.1
    hyper = optuna.create_study(sampler=TunesmithSampler(seed=0), pruner=optuna.pruners.HyperbandPruner())
    hyper.optimize(curve, n_trials=20)
    assert hyper.best_value < 0.2


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(0.1, 0.7, step=0.1),
        FloatDistribution(1e-9, 1e9, log=True),
        FloatDistribution(-0.3, 0.3),
        IntDistribution(-3, 11),
        IntDistribution(1, 100, step=7),
        IntDistribution(3, 4000, log=True),
        CategoricalDistribution([None, "x", 1.5, False]),
    ],
)
def test_distributions_there_and_back(distribution):
    codec = tunesmith.optuna._codec("x", distribution)
    made = tunesmith.Study({"x": codec.described}, method="random", trials=200)
    found = [codec.decode(made.ask().params["x"]) for _ in range(200)]
    assert all(distribution._contains(distribution.to_internal_repr(value)) for value in found)
    assert all(codec.takes(value) and codec.decode(codec.encode(value)) == value for value in found)
    is_choice = isinstance(distribution, CategoricalDistribution)
    for value in distribution.choices if is_choice else [distribution.low, distribution.high]:
        made.enqueue({"x": codec.encode(value)})
        assert codec.takes(value)
    assert not codec.takes("other") and not codec.takes(1e12)


# Threads and processes.


@pytest.mark.parametrize("method", ["auto", "tpe", "sobol"])
def test_threads_share_a_sampler(method):
    def slow(trial):
        value = objective(trial)
        time.sleep(0.001 * (trial.number % 5))
        return value

    made = optuna.create_study(sampler=TunesmithSampler(method, seed=0))
    made.optimize(slow, n_trials=40, n_jobs=4)
    assert len(made.trials) == different(made) == 40


WORKER = """
import optuna, sys, time, warnings
from tunesmith.optuna import TunesmithSampler
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.load_study(study_name="s", storage=sys.argv[1], sampler=TunesmithSampler("auto", seed=0))
def objective(trial):
    x, y = trial.suggest_float("x", -5, 5), trial.suggest_int("y", 0, 10**9)
    time.sleep(0.02)
    return x**2 + y / 1e9
study.optimize(objective, n_trials=8)
"""


def test_processes_share_a_storage(tmp_path):
    storage = f"sqlite:///{tmp_path}/optuna.db"
    optuna.create_study(study_name="s", storage=storage)
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, storage]) for _ in range(3)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    made = optuna.load_study(study_name="s", storage=storage)
    assert len(made.trials) == different(made) == 24


def test_a_sampler_can_be_pickled_and_serve_several_studies():
    sampler = TunesmithSampler("tpe", seed=5)
    one, two = study(sampler, 12), study(sampler, 12, direction="minimize")
    assert all_params(one) == all_params(two)
    assert len(sampler._own) == 2
    twin = pickle.loads(pickle.dumps(sampler))
    assert all_params(study(twin, 12)) == all_params(one)
    assert all_params(study(TunesmithSampler("tpe"), 5)) != all_params(study(TunesmithSampler("tpe"), 5))
