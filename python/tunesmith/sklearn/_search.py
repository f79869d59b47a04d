"""`TunesmithSearchCV`: one call of `fit` is one study.

Refuses what would make scores incomparable, and lets no candidate's failure end the others.
"""

import math
import numbers
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from scipy.stats import rankdata
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state, indexable

from .._engine import Busy, Finished, StorageError
from .._study import Study, studies
from .._trial import Trial
from ._space import Space
from ._splits import Splits, stages

__all__ = ["TunesmithSearchCV"]

HALVING = ("asha", "asha-promote", "auto", "pasha", "sha")
"""The schedulers that judge every trial at all of their rungs, so that training anew for each rung loses nothing."""

INDEPENDENT = ("grid", "random", "sobol")
"""The methods that propose without looking at results, so that all candidates may be evaluated at once."""

POPULATIONS = ("bohb", "dehb", "pbt", "pb2")
"""The methods that bring a scheduler of their own."""

MOST_FAILURES = 5
"""So many candidates fail before the search gives up, where none has succeeded."""

DEFAULT_TRIALS = 20
"""The budget of a search that is no grid, where none is given."""

Evaluate = Callable[..., dict[str, Any]]


class TunesmithSearchCV(BaseSearchCV):  # type: ignore[misc]
    """Searches hyperparameters of an estimator by cross-validation, as scikit-learn's searches do.

    What `GridSearchCV` has after `fit` is here too: `cv_results_`, `best_estimator_`, `best_params_`, `best_score_`,
    `best_index_`, `predict` and its like; and `study_`, the study with its log. With a scheduler, candidates are
    trained on a part of the resource first, and the best of them anew on more; the best is then chosen among those
    with the most. A candidate none of whose fits succeeded stands at the end of `cv_results_`.

    Args:
        estimator: A scikit-learn estimator, or a pipeline, whose parameters are named `step__param`.
        param_space: What to search, by the name of the parameter: a list or array of values, `tunesmith.uniform(…)`
            and its like, a frozen `uniform`, `loguniform`, `randint` or `norm` of scipy.stats, or one value. Or a
            list of such dictionaries, of which each candidate takes one, as in `ParameterGrid`.
        method: One of `tunesmith.methods()`, or a dictionary with `name` and options. `grid` evaluates every
            combination once.
        scheduler: `none`, or one of `asha`, `asha-promote`, `auto`, `pasha`, `sha`, or a dictionary with `type` and
            options. `sha` is what `HalvingGridSearchCV` does.
        trials: How many candidates; all combinations of a grid, else 20, where left out.
        resource: What a scheduler gives out: `n_samples`, rows to train on, or a parameter of the estimator such as
            `n_estimators`.
        max_resources: The whole of the resource. `auto` is all rows; a parameter needs a number.
        scoring: As in `GridSearchCV`: one metric or several.
        cv: As in `GridSearchCV`. Splits are made once, and all candidates are compared on them.
        refit: As in `GridSearchCV`: whether to fit the best on all rows, the name of the metric that decides, or a
            function of `cv_results_` that gives the index. With several metrics and no name, the search is for
            trials that no other beats in all.
        n_jobs: How many processes evaluate. So many candidates are asked for at once, or, where the method does not
            look at results, all.
        error_score: The score of a failed fit, or `raise`. NaN fails the candidate's trial.
        return_train_score: Whether `cv_results_` has scores on the training rows.
        random_state: Decides the proposals and the choice of rows.
        storage: Where the study's log is kept, `memory:` or the path of a SQLite file or an address.
        name: The study's name there; one that is free where left out.
        verbose: As in `GridSearchCV`.

    Raises:
        ValueError: When fitted: a description that is wrong, or a study of that name that has trials already.
        TypeError: When fitted: values that have no counterpart.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> import tunesmith
    >>> from tunesmith.sklearn import TunesmithSearchCV
    >>> space = {"C": tunesmith.loguniform(1e-3, 1e3), "fit_intercept": [True, False]}
    >>> search = TunesmithSearchCV(LogisticRegression(max_iter=500), space, trials=6, cv=3, random_state=0)
    >>> bool(search.fit(*load_iris(return_X_y=True)).best_score_ > 0.9)
    True
    """

    cv: Any
    cv_results_: dict[str, Any]

    _parameter_constraints: dict[str, Any] = {
        **{key: value for key, value in BaseSearchCV._parameter_constraints.items() if key != "pre_dispatch"},
        "param_space": [dict, list],
        "method": [str, dict],
        "scheduler": [str, dict],
        "trials": [numbers.Integral, None],
        "resource": [str],
        "max_resources": [numbers.Integral, str],
        "random_state": ["random_state"],
        "storage": [str, Path],
        "name": [str, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_space: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        method: str | Mapping[str, Any] = "auto",
        scheduler: str | Mapping[str, Any] = "none",
        trials: int | None = None,
        resource: str = "n_samples",
        max_resources: int | str = "auto",
        scoring: Any = None,
        cv: Any = None,
        refit: Any = True,
        n_jobs: int | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        random_state: Any = None,
        storage: str | Path = "memory:",
        name: str | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_space = param_space
        self.method = method
        self.scheduler = scheduler
        self.trials = trials
        self.resource = resource
        self.max_resources = max_resources
        self.random_state = random_state
        self.storage = storage
        self.name = name

    def fit(self, X: Any, y: Any = None, **params: Any) -> "TunesmithSearchCV":
        """Searches, and fits the best on all rows where `refit` says so.

        Args:
            X: The rows.
            y: What is to be learned.
            **params: For the estimator's `fit`, the scorer and the splitter, as in `GridSearchCV`.

        Raises:
            ValueError: As the class says, and where no fit succeeded.
        """
        self._validate_params()
        X, y = indexable(X, y)
        given, rng = self.cv, check_random_state(self.random_state)
        splits = Splits(check_cv(given, y, classifier=is_classifier(self.estimator)), rng)
        self._running = _Running(self, X, y, splits, int(rng.randint(2**31 - 1)))
        # The splits take the place of `cv` while the search runs: whatever scikit-learn asks of it, it is split once.
        self.cv = splits
        try:
            super().fit(X, y, **params)
            self.cv_results_ = _with_failures(self.cv_results_, self._running.failures, self.error_score)
        finally:
            self.cv = given
            del self._running
        return self

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        self.study_ = self._running.study
        self._running.work(evaluate_candidates)

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: str, results: dict[str, Any]) -> int:
        """Of candidates that were given different amounts of the resource, those with the most are compared."""
        if callable(refit) or "n_resources" not in results:
            return int(BaseSearchCV._select_best_index(refit, refit_metric, results))
        scores = np.asarray(results[f"mean_test_{refit_metric}"], dtype=float)
        amounts = np.where(np.isfinite(scores), results["n_resources"], -1)
        return int(np.argmax(np.where(amounts == amounts.max(), np.nan_to_num(scores, nan=-np.inf), -np.inf)))

    def __getstate__(self) -> dict[str, Any]:
        """A study in memory belongs to its process, so that `study_` is left out where the storage is `memory:`."""
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_running", None)
        if str(self.storage) == "memory:":
            state.pop("study_", None)
        return state


@dataclass
class _Candidate:
    """A trial, and with how much of the resource it was evaluated."""

    trial: Trial
    reached: int


class _Running:
    """One call of `fit`."""

    def __init__(self, search: TunesmithSearchCV, X: Any, y: Any, splits: Splits, seed: int) -> None:
        self.search = search
        self.splits = splits
        self.rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
        self.is_by_rows = search.resource == "n_samples"
        self.method, _ = _named(search.method, "name")
        self.failures: list[tuple[dict[str, Any], dict[str, int]]] = []
        self.has_succeeded = False
        self.error: ValueError | None = None
        self.scores = _score_names(search)
        self.space = Space(search.param_space, is_grid=self.method == "grid")
        trials = search.trials
        if trials is None:
            trials = DEFAULT_TRIALS if self.space.points is None else self.space.points
        self.study = _study(search, self.space, [f"mean_test_{name}" for name in self.scores], trials, seed)
        self.stages: list[tuple[float, int]] = []
        if self.study.scheduler != "none":
            self.stages = stages(self.study.rungs, self._least(X, y), self._whole())

    def _whole(self) -> int:
        """The whole of the resource."""
        search = self.search
        if self.is_by_rows:
            whole = self.rows if search.max_resources == "auto" else search.max_resources
            if isinstance(whole, str) or not 1 <= whole <= self.rows:
                raise ValueError(f"max_resources is {whole}; give `auto` or a number of rows from 1 to {self.rows}")
            return int(whole)
        if search.resource not in search.estimator.get_params():
            raise ValueError(
                f"the estimator has no parameter {search.resource}; let `resource` be `n_samples` or one of "
                f"{', '.join(sorted(search.estimator.get_params()))}"
            )
        if search.resource in self.space.names:
            raise ValueError(f"{search.resource} is searched and cannot be the resource; leave it out of param_space")
        if isinstance(search.max_resources, str) or search.max_resources < 1:
            raise ValueError(f"max_resources is {search.max_resources}; say how much {search.resource} is all of it")
        return int(search.max_resources)

    def _least(self, X: Any, y: Any) -> int:
        """The least amount that is worth anything: of rows, as scikit-learn has it, two of each class and split."""
        if not self.is_by_rows:
            return 1
        is_labelled = is_classifier(self.search.estimator) and y is not None
        classes = len(np.unique(np.asarray(y))) if is_labelled else 1
        return 2 * classes * self.splits.count(X, y)

    # The search.

    def work(self, evaluate: Evaluate) -> None:
        active: list[_Candidate] = []
        try:
            while True:
                active += self._asked(len(active))
                if not active:
                    break
                active = self._round(active, evaluate)
        finally:
            # Nothing is left here unless an error or Ctrl-C ended the search.
            for candidate in active:
                if not candidate.trial.is_over:
                    candidate.trial.release()
        if not self.has_succeeded and self.error is not None:
            raise self.error

    def _asked(self, busy: int) -> list[_Candidate]:
        """New candidates and those that go on: as many as there are processes, or all that are independent."""
        room = max(1, effective_n_jobs(self.search.n_jobs)) - busy
        asked: list[_Candidate] = []
        while self.method in INDEPENDENT or len(asked) < room:
            try:
                trial = self.study.ask()
            except (Busy, Finished):
                break
            asked.append(_Candidate(trial, trial.reached_step))
        return asked

    def _round(self, active: list[_Candidate], evaluate: Evaluate) -> list[_Candidate]:
        """Evaluates each candidate at its next stage; gives those that go on at once."""
        if not self.stages:
            self._evaluate(active, None, evaluate)
            return []
        for stage, (_, amount) in enumerate(self.stages):
            below = self.stages[stage - 1][1] if stage else 0
            group = [one for one in active if below <= one.reached < amount and not one.trial.is_over]
            if group:
                self._evaluate(group, stage, evaluate)
                for one in group:
                    one.reached = amount
                # The others wait for the next round, so that nobody is evaluated twice in one.
                break
        return [one for one in active if not one.trial.is_over]

    def _evaluate(self, group: list[_Candidate], stage: int | None, evaluate: Evaluate) -> None:
        params = [self.space.params(one.trial.params) for one in group]
        options: dict[str, Any] = {}
        more: dict[str, int] = {}
        if stage is not None:
            amount = self.stages[stage][1]
            more = {"iter": stage, "n_resources": amount}
            options["more_results"] = {key: [value] * len(group) for key, value in more.items()}
            if self.is_by_rows:
                options["cv"] = self.splits.part(amount / self.rows)
            else:
                params = [{**one, self.search.resource: amount} for one in params]
        try:
            results = evaluate(params, **options)
        except ValueError as error:
            if self.search.error_score == "raise" or "fits failed" not in str(error):
                raise
            self._all_failed(group, params, more, error)
            return
        self.has_succeeded = True
        for index, one in enumerate(group, len(results["params"]) - len(group)):
            self._tell(one.trial, stage, results, index)

    def _all_failed(
        self, group: list[_Candidate], params: list[dict[str, Any]], more: dict[str, int], error: ValueError
    ) -> None:
        """scikit-learn raises where all fits of a call failed; a batch that is not the whole search goes on."""
        for one in group:
            one.trial.fail(error)
        self.failures += [(one, more) for one in params]
        self.error = error
        if not self.has_succeeded and len(self.failures) >= MOST_FAILURES:
            raise error
        warnings.warn(f"all fits of {params!r} failed: {error}", FitFailedWarning, stacklevel=2)

    def _tell(self, trial: Trial, stage: int | None, results: dict[str, Any], index: int) -> None:
        names = [f"mean_test_{name}" for name in self.scores]
        missing = [name for name in names if name not in results]
        if missing:
            found = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
            raise ValueError(
                f"the scoring gives {', '.join(found)}, and not {', '.join(self.scores)}; "
                "name the metric that decides by `refit`"
            )
        values = {name: float(results[name][index]) for name in names}
        wild = [name for name, value in values.items() if not math.isfinite(value)]
        if wild:
            trial.fail(f"{wild[0]} is {values[wild[0]]}: a fit or its scoring failed")
        elif stage is None or stage == len(self.stages) - 1:
            trial.complete(values)
        else:
            fraction, amount = self.stages[stage]
            trial.report(values, amount, fraction=fraction)


# Studies.


def _study(search: TunesmithSearchCV, space: Space, metrics: list[str], trials: int, seed: int) -> Study:
    method, _ = _named(search.method, "name")
    if method in POPULATIONS:
        raise ValueError(
            f"the method {method} decides how long candidates train, which scikit-learn does not let it; take another, "
            f"with a scheduler of {', '.join(HALVING)} to cut candidates short"
        )
    kind, options = _named(search.scheduler, "type")
    if kind not in ("none", *HALVING):
        raise ValueError(
            f"the scheduler {kind} cannot judge a candidate that is trained anew for each rung; "
            f"take none, {', '.join(HALVING)}"
        )
    scheduler: dict[str, Any] = {"type": kind, **options}
    if kind == "sha":
        # One bracket of all candidates, with as many rungs as leave one of them.
        eta = float(options.get("eta", 3))
        scheduler.setdefault("n", trials)
        scheduler.setdefault("grace", eta ** -max(1, math.floor(math.log(max(1, scheduler["n"]), eta) + 1e-9)))
    storage = str(search.storage)
    taken = _taken(storage)
    if search.name is not None and search.name in taken:
        raise ValueError(
            f"{storage} has a study {search.name}, and the splits of its trials are not known; give another `name`, "
            f"or delete it with tunesmith.delete({search.name!r}, {storage!r})"
        )
    stem = type(search.estimator).__name__
    free = next(name for number in range(len(taken) + 1) if (name := f"{stem}-{number}") not in taken)
    return Study(
        space.parameters,
        metrics=[{"name": name, "goal": "maximize"} for name in metrics],
        name=search.name or free,
        storage=storage,
        method=search.method,
        scheduler=scheduler,
        trials=trials,
        seed=seed,
        resume=False,
    )


def _taken(storage: str) -> set[str]:
    """The names of the studies that are in the storage already."""
    try:
        return set() if storage == "memory:" else set(studies(storage))
    except StorageError:
        # A file that is not there yet. Where something else is the matter, creating the study says so.
        return set()


def _named(given: str | Mapping[str, Any], key: str) -> tuple[str, dict[str, Any]]:
    """The name of a method or scheduler, and its options."""
    if isinstance(given, str):
        return given, {}
    if key not in given:
        raise ValueError(f"{given!r} has no `{key}`; give a name, or a dictionary with `{key}` and options")
    options = dict(given)
    return str(options.pop(key)), options


def _score_names(search: TunesmithSearchCV) -> list[str]:
    """The metrics that the search is for, as they are called in `cv_results_`."""
    if isinstance(search.refit, str):
        is_single = search.scoring is None or isinstance(search.scoring, str)
        return ["score"] if is_single else [search.refit]
    if isinstance(search.scoring, (list, tuple, set, dict)):
        return list(search.scoring)
    return ["score"]


# Failures.


def _with_failures(
    results: dict[str, Any], failures: list[tuple[dict[str, Any], dict[str, int]]], score: Any
) -> dict[str, Any]:
    """`cv_results_` with the candidates all of whose fits failed at its end."""
    if not failures:
        return results
    count = len(failures)
    filled = dict(results, params=[*results["params"], *(params for params, _ in failures)])
    for key, column in results.items():
        if key.startswith("param_"):
            name = key.removeprefix("param_")
            filled[key] = np.ma.MaskedArray(
                np.array([*np.ma.getdata(column), *(params.get(name) for params, _ in failures)], dtype=object),
                mask=[*np.ma.getmaskarray(column), *(name not in params for params, _ in failures)],
                fill_value="?",
            )
        elif key in ("iter", "n_resources"):
            filled[key] = np.append(column, [more[key] for _, more in failures])
        elif key.startswith("std_") or key.endswith("_time"):
            filled[key] = np.append(column, [math.nan] * count)
        elif not key.startswith("rank_") and key != "params":
            filled[key] = np.append(column, [score] * count)
    for key in results:
        if key.startswith("rank_"):
            means = filled[key.replace("rank_", "mean_", 1)]
            worst = -np.inf if np.isnan(means).all() else np.nanmin(means) - 1
            filled[key] = rankdata(-np.nan_to_num(means, nan=worst), method="min").astype(np.int32)
    return filled
