"""The search for scikit-learn, beside scikit-learn's own."""

import doctest
import inspect
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import stats
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ParameterGrid, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

import tunesmith
import tunesmith.sklearn._search
from tunesmith.sklearn import TunesmithSearchCV

X, Y = load_iris(return_X_y=True)
GRID = {"C": [0.1, 1, 10], "kernel": ["rbf", "linear"], "gamma": np.logspace(-2, 0, 2)}
RANGES = {"C": tunesmith.loguniform(1e-2, 1e2), "gamma": tunesmith.loguniform(1e-3, 10)}


def as_set(candidates):
    return sorted(repr(sorted((name, repr(value)) for name, value in one.items())) for one in candidates)


class Score(ClassifierMixin, BaseEstimator):
    """Its score is its `level`; it cannot be fitted below `least`."""

    def __init__(self, level=0.5, least=0.0, size=1):
        self.level = level
        self.least = least
        self.size = size

    def fit(self, X, y):
        if self.level < self.least:
            raise RuntimeError("the level is too low")
        self.classes_ = np.unique(y)
        self.rows_ = len(X)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def score(self, X, y):
        return self.level


class Halves:
    """A splitter that is no splitter of scikit-learn's."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def split(self, X, y=None, groups=None):
        rows = np.arange(len(X))
        yield rows[::2], rows[1::2]
        yield rows[1::2], rows[::2]


def test_docstrings():
    assert doctest.testmod(tunesmith.sklearn._search).failed == 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["grid", "tpe"])
def test_it_keeps_the_conventions_of_estimators(method):
    search = TunesmithSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, method=method, cv=2, trials=2, random_state=0, error_score="raise"
    )
    if "on_fail" not in inspect.signature(check_estimator).parameters:
        pytest.skip("scikit-learn before 1.6 does not say which checks fail")
    results = check_estimator(search, on_fail=None, on_skip=None)
    assert [one["check_name"] for one in results if one["status"] == "failed"] == []


def test_a_grid_is_evaluated_as_grid_search_does():
    ours = TunesmithSearchCV(SVC(), GRID, method="grid", cv=3).fit(X, Y)
    theirs = GridSearchCV(SVC(), GRID, cv=3).fit(X, Y)
    assert as_set(ours.cv_results_["params"]) == as_set(ParameterGrid(GRID))
    assert len(ours.study_.trials) == 12
    assert ours.best_score_ == theirs.best_score_
    assert set(ours.cv_results_) == set(theirs.cv_results_)

    def scores(search):
        pairs = zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True)
        return {repr(sorted(params.items())): score for params, score in pairs}

    assert scores(ours) == scores(theirs)


def test_a_list_of_spaces_is_a_list_of_grids():
    grids = [{"kernel": ["linear"], "C": [1, 10]}, {"kernel": ["rbf"], "gamma": [0.1, 1.0], "C": [1]}, {"C": [5]}]
    ours = TunesmithSearchCV(SVC(), grids, method="grid", cv=3).fit(X, Y)
    assert as_set(ours.cv_results_["params"]) == as_set(ParameterGrid(grids))
    mixed = [{"kernel": ["linear"], "C": tunesmith.loguniform(0.1, 10)}, {"kernel": ["rbf"], "gamma": [0.1, 1.0]}]
    found = TunesmithSearchCV(SVC(), mixed, trials=8, cv=3, random_state=0).fit(X, Y).cv_results_["params"]
    assert len(found) == 8
    assert all(("gamma" in one) == (one["kernel"] == "rbf") for one in found)


def test_pipelines_take_steps_and_objects():
    steps = Pipeline([("scale", StandardScaler()), ("fit", LogisticRegression(max_iter=300))])
    scalers = [StandardScaler(), MinMaxScaler(), "passthrough"]
    search = TunesmithSearchCV(steps, {"scale": scalers, "fit__C": [0.1, 1, np.float64(10)]}, method="grid", cv=3)
    search.fit(X, Y)
    assert len(search.cv_results_["params"]) == 9
    assert {type(one["scale"]) for one in search.cv_results_["params"]} == {StandardScaler, MinMaxScaler, str}
    assert search.best_estimator_.named_steps["fit"].C == search.best_params_["fit__C"]
    assert {trial.params["scale"] for trial in search.study_.trials} == {repr(one) for one in scalers}
    assert search.predict(X).shape == Y.shape


def test_clone_and_parameters():
    search = TunesmithSearchCV(SVC(), RANGES, trials=4, method={"name": "tpe", "n_startup": 2})
    twin = clone(search)
    assert twin.get_params()["trials"] == 4
    assert twin.set_params(estimator__kernel="linear").estimator.kernel == "linear"
    assert twin.param_space == RANGES
    assert not hasattr(twin.fit(X, Y), "_running")
    assert twin.cv is None


def test_the_same_random_state_gives_the_same_search():
    def found(state):
        return TunesmithSearchCV(SVC(), RANGES, trials=7, cv=3, random_state=state).fit(X, Y).cv_results_["params"]

    assert found(3) == found(3)
    assert found(3) != found(4)
    assert found(np.random.RandomState(3)) == found(3)


@pytest.mark.parametrize("method", ["random", "sobol", "tpe", "gp", "cmaes", "auto"])
def test_methods(method):
    search = TunesmithSearchCV(SVC(), RANGES, method=method, trials=8, cv=3, random_state=0).fit(X, Y)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ == max(search.cv_results_["mean_test_score"]) > 0.9
    assert search.study_.best.values["mean_test_score"] == search.best_score_


def test_several_processes():
    search = TunesmithSearchCV(SVC(), RANGES, method="tpe", trials=7, cv=3, n_jobs=2, random_state=0).fit(X, Y)
    assert len(search.cv_results_["params"]) == 7
    assert search.study_.counts["completed"] == 7


def test_several_metrics():
    scoring = {"right": "accuracy", "sure": "neg_log_loss"}
    model = LogisticRegression(max_iter=300)
    space = {"C": tunesmith.loguniform(1e-4, 1e3)}
    search = TunesmithSearchCV(model, space, trials=6, scoring=scoring, refit="sure", cv=3, random_state=0).fit(X, Y)
    assert search.study_.metrics == [("mean_test_sure", "maximize")]
    assert search.best_score_ == search.cv_results_["mean_test_sure"].max()
    assert search.study_.best_value == search.best_score_
    both = TunesmithSearchCV(model, space, trials=6, scoring=scoring, refit=False, cv=3, random_state=0).fit(X, Y)
    assert both.study_.metrics == [("mean_test_right", "maximize"), ("mean_test_sure", "maximize")]
    assert both.study_.front
    assert not hasattr(both, "best_estimator_")
    last = TunesmithSearchCV(
        model, space, trials=3, scoring=scoring, refit=lambda results: len(results["params"]) - 1, cv=3
    ).fit(X, Y)
    assert last.best_index_ == 2


def test_a_scoring_function_of_several_metrics():
    def scoring(model, X, y):
        return {"right": model.score(X, y), "wrong": 1 - model.score(X, y)}

    search = TunesmithSearchCV(SVC(), RANGES, trials=3, scoring=scoring, refit="right", cv=3).fit(X, Y)
    assert search.best_score_ == search.cv_results_["mean_test_right"].max()
    with pytest.raises(ValueError, match="name the metric that decides by `refit`"):
        TunesmithSearchCV(SVC(), RANGES, trials=3, scoring=scoring, refit=False, cv=3).fit(X, Y)


def test_distributions_of_scipy():
    space = {
        "C": stats.loguniform(1e-2, 1e2),
        "tol": stats.uniform(0.001, 0.009),
        "degree": stats.randint(2, 5),
        "coef0": stats.norm(1, 0.1),
    }
    search = TunesmithSearchCV(SVC(kernel="poly"), space, method="random", trials=40, cv=2, random_state=0).fit(X, Y)
    found = search.cv_results_["params"]
    assert {one["degree"] for one in found} == {2, 3, 4}
    assert all(0.001 <= one["tol"] <= 0.01 and 1e-2 <= one["C"] <= 1e2 and 0.4 < one["coef0"] < 1.6 for one in found)
    assert sum(one["C"] < 1 for one in found) in range(12, 29)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"C": stats.beta(2, 3)}, "scipy.stats.beta.* has no counterpart"),
        ({"C": stats.loguniform(1, 2, loc=3)}, "loguniform without a shift"),
        ({"C": object()}, "cannot be searched; give a list"),
        ({"C": []}, "C has no values"),
        ({"C": [1, 1]}, "lists a value twice"),
        ([], "param_space is a dictionary"),
        ([{"C": [1]}, {"C": {"values": [1], "when": {"tol": 1}}}], "C has `when`"),
    ],
)
def test_spaces_that_cannot_be(space, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TunesmithSearchCV(SVC(), space, cv=3).fit(X, Y)


def test_a_grid_needs_lists():
    with pytest.raises(ValueError, match="a grid needs the values of gamma; list them"):
        TunesmithSearchCV(SVC(), {"C": [1], "gamma": stats.uniform(0, 1)}, method="grid", cv=3).fit(X, Y)


def test_values_that_equal_each_other_stay_apart():
    space = {"level": [1, 1.0, 0.5, np.nan], "size": [(1,), (2, 3), None]}
    search = TunesmithSearchCV(Score(), space, method="grid", cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, Y)
    assert [type(one["level"]) for one in search.cv_results_["params"]].count(int) == 3
    assert {one["size"] for one in search.cv_results_["params"]} == {(1,), (2, 3), None}
    assert search.study_.counts["failed"] == 3


# Splits.


def test_random_splits_are_drawn_once_for_all_candidates():
    splitter = KFold(3, shuffle=True)
    space = {"cache_size": tunesmith.uniform(50, 200)}
    search = TunesmithSearchCV(SVC(), space, method="tpe", trials=5, cv=splitter).fit(X, Y)
    assert len(set(search.cv_results_["split0_test_score"])) == 1
    assert search.cv is splitter


def test_splits_of_a_generator_and_of_groups():
    once = (split for split in KFold(3).split(X))
    shuffled = np.random.RandomState(0).permutation(len(X))
    search = TunesmithSearchCV(SVC(), RANGES, trials=3, cv=once).fit(X[shuffled], Y[shuffled])
    assert search.n_splits_ == 3
    groups = np.arange(len(X)) % 5
    search = TunesmithSearchCV(SVC(), RANGES, trials=3, cv=GroupKFold(5)).fit(X, Y, groups=groups)
    assert search.n_splits_ == 5
    search = TunesmithSearchCV(SVC(), RANGES, trials=3, scheduler="sha", cv=GroupKFold(5)).fit(X, Y, groups=groups)
    assert search.n_splits_ == 5


def test_metadata_is_routed():
    groups = np.arange(len(X)) % 5
    with config_context(enable_metadata_routing=True):
        model = SVC().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = TunesmithSearchCV(model, RANGES, method="tpe", trials=3, scheduler="sha", cv=GroupKFold(5))
        search.fit(X, Y, groups=groups, sample_weight=np.ones(len(X)))
        assert search.n_splits_ == 5
        TunesmithSearchCV(model, RANGES, trials=2, cv=Halves()).fit(X, Y, sample_weight=np.ones(len(X)))


def test_nested_in_a_cross_validation():
    scores = cross_val_score(TunesmithSearchCV(SVC(), RANGES, trials=3, cv=2), X, Y, cv=2, n_jobs=2)
    assert scores.shape == (2,)


# Halving.


def test_halving_gives_rows_to_the_best():
    pytest.importorskip("sklearn.experimental.enable_halving_search_cv")
    from sklearn.model_selection import HalvingGridSearchCV

    grid = {"C": [0.01, 0.1, 1, 10, 100, 1000], "gamma": [0.01, 0.1, 1]}
    rows, labels = make_classification(600, n_informative=5, random_state=0)
    ours = TunesmithSearchCV(SVC(), grid, method="grid", scheduler="sha", cv=3, random_state=0).fit(rows, labels)
    theirs = HalvingGridSearchCV(SVC(), grid, cv=3, random_state=0).fit(rows, labels)
    amounts = ours.cv_results_["n_resources"]
    assert [int((amounts == amount).sum()) for amount in np.unique(amounts)] == [18, 6, 2]
    assert theirs.n_candidates_ == [18, 6, 2]
    assert list(np.unique(amounts)) == [67, 200, 600]
    assert list(ours.cv_results_["iter"]) == [0] * 18 + [1] * 6 + [2] * 2
    assert ours.cv_results_["n_resources"][ours.best_index_] == 600
    assert ours.best_score_ == ours.cv_results_["mean_test_score"][-2:].max()
    # Those that went on were the best of their rung.
    params, first = ours.cv_results_["params"][:18], ours.cv_results_["mean_test_score"][:18]
    went_on = as_set(ours.cv_results_["params"][18:24])
    scores = [score for one, score in zip(params, first, strict=True) if as_set([one])[0] in went_on]
    assert len(scores) == 6 and min(scores) >= sorted(first)[-6]
    assert ours.study_.counts["pruned"] == 16 and ours.study_.counts["completed"] == 2


def test_a_part_of_the_rows_has_all_classes_and_grows():
    rng = np.random.RandomState(0)
    labels = np.array([0] * 90 + [1] * 8 + [2] * 2)
    order = tunesmith.sklearn._splits._nested(np.arange(100), labels, rng)
    assert sorted(order) == list(range(100))
    assert set(labels[order[:3]]) == {0, 1, 2}
    assert np.bincount(labels[order[:50]]).tolist() == pytest.approx([45, 4, 1], abs=1)


def test_halving_by_a_parameter():
    space = {"max_depth": tunesmith.int_uniform(1, 6), "criterion": ["gini", "entropy"]}
    search = TunesmithSearchCV(
        RandomForestClassifier(random_state=0),
        space,
        scheduler={"type": "sha", "eta": 2},
        resource="n_estimators",
        max_resources=16,
        trials=8,
        cv=2,
        random_state=0,
    ).fit(X, Y)
    assert [one["n_estimators"] for one in search.cv_results_["params"]] == [2] * 8 + [4] * 4 + [8] * 2 + [16]
    assert search.best_estimator_.n_estimators == 16
    assert search.best_params_["n_estimators"] == 16


@pytest.mark.parametrize("scheduler", ["asha", "asha-promote", "auto", "pasha"])
def test_other_schedulers(scheduler):
    search = TunesmithSearchCV(SVC(), RANGES, method="tpe", scheduler=scheduler, trials=9, cv=3, random_state=0)
    search.fit(X, Y)
    amounts = search.cv_results_["n_resources"]
    assert sum(amounts == amounts.max()) < 9 <= sum(amounts == amounts.min())
    assert search.cv_results_["n_resources"][search.best_index_] == amounts.max()
    assert search.study_.verify()["verdicts"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheduler": "median"}, "cannot judge a candidate that is trained anew"),
        ({"scheduler": {"eta": 3}}, "has no `type`"),
        ({"scheduler": "sha", "resource": "bees"}, "no parameter bees"),
        ({"scheduler": "sha", "resource": "C"}, "C is searched"),
        ({"scheduler": "sha", "resource": "max_iter"}, "say how much max_iter is all of it"),
        ({"scheduler": "sha", "max_resources": 151}, "from 1 to 150"),
        ({"method": "best"}, "best"),
        ({"method": "bohb"}, "the method bohb decides how long candidates train"),
    ],
)
def test_what_cannot_be_halved(options, message):
    with pytest.raises(ValueError, match=message):
        TunesmithSearchCV(SVC(), RANGES, cv=3, **options).fit(X, Y)


# Failures.


def test_a_failing_candidate_ends_no_search():
    space = {"level": tunesmith.uniform(0, 1)}
    search = TunesmithSearchCV(Score(least=0.4), space, method="tpe", trials=10, cv=2, random_state=1)
    with pytest.warns(FitFailedWarning, match="all fits of"):
        search.fit(X, Y)
    failed = search.study_.counts["failed"]
    assert 0 < failed < 10
    results = search.cv_results_
    assert len(results["params"]) == 10
    assert {len(column) for column in results.values()} == {10}
    assert np.isnan(results["mean_test_score"][-failed:]).all()
    assert results["rank_test_score"][-1] == results["rank_test_score"].max()
    assert all(one["level"] < 0.4 for one in results["params"][-failed:])
    assert list(results["param_level"]) == [one["level"] for one in results["params"]]
    assert "the level is too low" in str(list(search.study_.events()))


def test_failures_beside_each_other_and_in_halving():
    space = {"level": [0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]}
    search = TunesmithSearchCV(Score(least=0.4), space, method="grid", scheduler="sha", cv=2, random_state=1)
    with pytest.warns(FitFailedWarning):
        search.fit(X, Y)
    assert search.study_.counts["failed"] == 3
    assert search.best_params_ == {"level": 1.0}


def test_where_all_fail_the_search_says_why():
    with pytest.raises(ValueError, match="the level is too low"):
        TunesmithSearchCV(Score(least=2), {"level": tunesmith.uniform(0, 1)}, method="tpe", trials=50, cv=2).fit(X, Y)
    with pytest.raises(ValueError, match="the level is too low"):
        TunesmithSearchCV(Score(least=2), {"level": [0, 1]}, method="grid", cv=2).fit(X, Y)
    search = TunesmithSearchCV(Score(least=2), {"level": [0, 1]}, method="tpe", cv=2, error_score="raise")
    with pytest.raises(RuntimeError, match="the level is too low"):
        search.fit(X, Y)
    assert search.study_.counts["running"] == 0


# Studies.


def test_the_log_is_kept_and_no_study_is_mixed_with_another(tmp_path):
    storage = tmp_path / "searches.db"
    first = TunesmithSearchCV(SVC(), RANGES, trials=4, cv=3, storage=storage).fit(X, Y)
    second = TunesmithSearchCV(SVC(), RANGES, trials=4, cv=3, storage=storage, name="mine").fit(X, Y)
    assert tunesmith.studies(storage) == [first.study_.name, "mine"] == ["SVC-0", "mine"]
    with pytest.raises(ValueError, match="give another `name`, or delete it"):
        clone(second).fit(X, Y)
    assert clone(first).fit(X, Y).study_.name == "SVC-1"
    assert tunesmith.load("mine", storage).best_value == second.best_score_


def test_a_fitted_search_can_be_pickled(tmp_path):
    search = TunesmithSearchCV(SVC(), RANGES, trials=2, cv=2).fit(X, Y)
    twin = pickle.loads(pickle.dumps(search))
    assert (twin.predict(X) == search.predict(X)).all()
    assert not hasattr(twin, "study_")
    search = TunesmithSearchCV(SVC(), RANGES, trials=2, cv=2, storage=tmp_path / "one.db").fit(X, Y)
    assert len(pickle.loads(pickle.dumps(search)).study_.trials) == 2
