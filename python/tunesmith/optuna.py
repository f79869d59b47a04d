"""A sampler for those who keep their Optuna studies: `TunesmithSampler` proposes by tunesmith's methods, and Optuna
keeps the trials, the storage and the pruners.

Chance is addressed by seed and trial number, so that a study that goes on never draws again what it drew before.
Refuses methods that need a scheduler of their own or the whole space at the start, and writes nothing into Optuna's
storage.
"""

import hashlib
import math
import re
import secrets
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ._space import choice, int_uniform, loguniform, uniform
from ._study import Study, methods
from ._trial import Trial

__all__ = ["TunesmithSampler"]

REFUSED = ("grid", "bohb", "dehb", "pbt", "pb2")
"""A grid needs the whole space at the start, and the others decide how long trials train."""

MOST_GUESSES = 16
"""Of so many of the latest trials that run without values yet it is worked out what they will be given."""

MOST_MIRRORS = 128
"""So many spaces are remembered; the one that was not asked for the longest is forgotten first."""


class TunesmithSampler(optuna.samplers.BaseSampler):
    """Proposes hyperparameters for an Optuna study.

    Parameters that all completed trials have in common are proposed together; each other one by itself, from the trials
    that have it. Completed, pruned, failed and running trials are all taken into account, of pruned ones what they
    reported. Threads (`n_jobs`) may share one sampler, and processes that share a storage may have one each, with the
    same seed. Optuna's grids of `step` and its integer and categorical distributions are kept.

    Optuna's storage keeps no generations of `cmaes`: it learns from what this sampler drew and begins anew with each
    sampler, with a warning. Constraints of trials are not weighed; a warning says so.

    Args:
        method: One of `tunesmith.methods()` but `grid`, `bohb`, `dehb`, `pbt` and `pb2`, or a dictionary with `name`
            and options.
        seed: Decides all draws, together with the number of the trial. One that nobody knows where left out.

    Raises:
        ValueError: The method or its options are wrong.

    >>> import optuna
    >>> from tunesmith.optuna import TunesmithSampler
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=TunesmithSampler(seed=0))
    >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=20)
    >>> study.best_value < 0.01
    True
    """

    def __init__(self, method: str | Mapping[str, Any] = "auto", *, seed: int | None = None) -> None:
        name = method if isinstance(method, str) else method.get("name")
        if name in REFUSED:
            free = ", ".join(one for one in methods() if one not in REFUSED)
            raise ValueError(f"the method {name} cannot propose for a study of Optuna's; take one of {free}")
        # What is wrong with a method or its options is said now, not in the first trial.
        Study({"x": uniform(0, 1)}, method=method)
        self._method = method
        self._name = str(name)
        self._seed = secrets.randbits(62) if seed is None else int(seed)
        self._lock = threading.RLock()
        self._mirrors: OrderedDict[tuple[str, str], _Mirror] = OrderedDict()
        self._spaces: dict[str, IntersectionSearchSpace] = {}
        self._own: dict[str, set[int]] = {}
        self._has_warned: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """What was worked out from the trials is worked out again where the copy is used."""
        return {"method": self._method, "seed": self._seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        TunesmithSampler.__init__(self, state["method"], seed=state["seed"])

    def reseed_rng(self) -> None:
        """Does nothing: no two trials have the same number, so that none draw the same, whoever works on them."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that all completed trials have, with one distribution.

        Args:
            study: Optuna's study.
            trial: The trial that is to be proposed.
        """
        with self._lock:
            known = self._spaces.get(study.study_name)
            if known is None or known._study_id != study._study_id:
                known = self._spaces[study.study_name] = IntersectionSearchSpace()
            space = known.calculate(study)
        return {name: distribution for name, distribution in space.items() if not distribution.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for the parameters of `search_space`, proposed together.

        Args:
            study: Optuna's study.
            trial: The trial that is to be proposed.
            search_space: What `infer_relative_search_space` gave.
        """
        return self._propose(study, trial.number, search_space) if search_space else {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value for one parameter, from the trials that have it.

        Args:
            study: Optuna's study.
            trial: The trial that is to be proposed.
            param_name: The parameter.
            param_distribution: Its distribution.
        """
        return self._propose(study, trial.number, {param_name: param_distribution})[param_name]

    def _propose(self, study: optuna.Study, number: int, space: dict[str, BaseDistribution]) -> dict[str, Any]:
        with self._lock:
            trials = [one for one in study.get_trials(deepcopy=False) if one.number < number]
            key = f"{study._study_id} {study.study_name}", repr(sorted(space.items()))
            mirror = self._mirrors.get(key)
            if mirror is None:
                seed = _seed_of(self._seed, space)
                mirror = self._mirrors[key] = _Mirror(space, study.directions, self._method, seed)
                if len(self._mirrors) > MOST_MIRRORS:
                    self._mirrors.popitem(last=False)
            self._mirrors.move_to_end(key)
            params = mirror.propose(trials, number)
            self._warn_of_what_is_passed_over(study.study_name, trials, mirror)
            self._own.setdefault(study.study_name, set()).add(number)
            return params

    def _warn_of_what_is_passed_over(self, name: str, trials: Sequence[FrozenTrial], mirror: "_Mirror") -> None:
        """Each warning once."""
        latest = trials[-16:]
        if any(key.startswith("constraints") for one in latest for key in one.system_attrs):
            self._warn("TunesmithSampler does not weigh constraints; let the objective be worse where one is broken")
        if self._name != "cmaes":
            return
        own = self._own.get(name, set())
        others = any(one.number not in own and one.state.is_finished() for one in trials)
        if others or (mirror.begun > 1 and any(one.state.is_finished() for one in trials)):
            self._warn(
                "cmaes learns from its own generations, which Optuna does not keep: it began anew, without what was "
                "tried before, by other processes, or by threads at the same moment; tpe and gp learn from all of that"
            )

    def _warn(self, text: str) -> None:
        if text not in self._has_warned:
            self._has_warned.add(text)
            warnings.warn(text, stacklevel=5)


def _seed_of(seed: int, space: Mapping[str, BaseDistribution]) -> int:
    """Another seed for each set of parameters: one by itself must not draw what another by itself draws."""
    text = f"{seed} {sorted(space)!r}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 2


# A study of tunesmith's beside Optuna's.


@dataclass
class _Known:
    """A trial of Optuna's in the mirror that has not ended there."""

    trial: Trial
    params: dict[str, Any]
    """As Optuna has them, or is about to have them."""
    step: int = -1
    """The last one reported."""


class _Stale(Exception):
    """Optuna has a trial otherwise than the mirror, which is to be built anew."""


class _Mirror:
    """Optuna's trials, for one space, as a study of tunesmith's in memory: each under its own number.

    Of a trial that runs and has no values yet, because another thread or process is about to propose them, it is
    worked out what they will be; the same seed gives the same there. A trial that will never have values is cancelled
    here, which tells a method nothing. Trials are added as they come; where one turns out otherwise, the mirror is
    built anew, at some ten microseconds a trial.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        directions: Sequence[StudyDirection],
        method: str | Mapping[str, Any],
        seed: int,
    ) -> None:
        self.codecs = _codecs(space)
        goals = ["maximize" if one == StudyDirection.MAXIMIZE else "minimize" for one in directions]
        self.metrics = {f"value{place}": goal for place, goal in enumerate(goals)}
        self.method = method
        self.seed = seed
        self.begun = 0
        """How often it was built."""
        self.horizon = 0

    def propose(self, trials: Sequence[FrozenTrial], number: int) -> dict[str, Any]:
        """Values for Optuna's trial of that number; `trials` are those before it."""
        if self.begun == 0:
            self._begin(trials)
        elif number in self.open:
            # Worked out for a later trial that was faster.
            return self.open[number].params
        try:
            self._follow(trials, number)
        except _Stale:
            self._begin(trials)
            self._follow(trials, number)
        return self._ask(number).params

    def _ask(self, number: int) -> _Known:
        """What the method proposes for Optuna's trial of that number."""
        trial = self.study.ask()
        if trial.number != number:
            raise RuntimeError(f"trial {number} stands as {trial.number} in the mirror; please report this")
        params = {name: codec.decode(trial.params[codec.name]) for name, codec in self.codecs.items()}
        self.open[number] = _Known(trial, params)
        self.count = number + 1
        return self.open[number]

    def _begin(self, trials: Sequence[FrozenTrial]) -> None:
        """An empty study."""
        self.study = Study(
            {codec.name: codec.described for codec in self.codecs.values()},
            metrics=[{"name": name, "goal": goal} for name, goal in self.metrics.items()],
            method=self.method,
            seed=self.seed,
        )
        self.count = 0
        self.open: dict[int, _Known] = {}
        self.blank: set[int] = set()
        self.horizon = max((_reach(one) for one in trials if one.state.is_finished()), default=0)
        self.begun += 1

    def _follow(self, trials: Sequence[FrozenTrial], number: int) -> None:
        """Brings the mirror to where Optuna's study stood before the trial of that number."""
        if self.count > number:
            raise _Stale
        by_number = {one.number: one for one in trials}
        for blank in self.blank:
            if self._params(by_number.get(blank)) is not None:
                raise _Stale
        for place, known in list(self.open.items()):
            self._update(place, known, by_number.get(place))
        for place in range(self.count, number):
            self._add(place, by_number.get(place), may_guess=number - place <= MOST_GUESSES)
        self.count = number

    def _params(self, one: FrozenTrial | None) -> dict[str, Any] | None:
        """The trial's values for the space, where it has all of them and they are legal there."""
        if one is None:
            return None
        params = {name: one.params[name] for name in self.codecs if name in one.params}
        is_whole = len(params) == len(self.codecs)
        return params if is_whole and all(self.codecs[name].takes(value) for name, value in params.items()) else None

    def _add(self, place: int, one: FrozenTrial | None, *, may_guess: bool) -> None:
        params = self._params(one)
        if one is not None and params is not None:
            encoded = {self.codecs[name].name: self.codecs[name].encode(value) for name, value in params.items()}
            self.study.enqueue(encoded)
            known = self.open[place] = _Known(self.study.ask(), params)
            self._update(place, known, one)
        elif one is not None and one.state == TrialState.RUNNING and may_guess:
            self._ask(place)
        else:
            self.study.cancel(self.study.enqueue({}))
            if one is None or not one.state.is_finished():
                self.blank.add(place)

    def _update(self, place: int, known: _Known, one: FrozenTrial | None) -> None:
        """What has become of a trial since."""
        if one is None:
            raise _Stale
        params = self._params(one)
        if params is not None and params != known.params:
            # Its params were fixed by someone, not proposed.
            raise _Stale
        if params is not None:
            self._report(known, one)
        if not one.state.is_finished():
            return
        del self.open[place]
        if params is None:
            self.study.cancel(known.trial.number)
        elif not known.trial.is_over:
            self._end(known.trial, one)

    def _report(self, known: _Known, one: FrozenTrial) -> None:
        """What it reported, at fractions of the longest trial so far; what is not finite is passed over."""
        if one.state.is_finished() and _reach(one) > self.horizon:
            raise _Stale
        for step, value in sorted(one.intermediate_values.items()):
            if step <= known.step or not math.isfinite(value) or self.horizon == 0 or known.trial.is_over:
                continue
            known.step = step
            known.trial.report(value, step, fraction=min(1.0, (step + 1) / self.horizon))

    def _end(self, trial: Trial, one: FrozenTrial) -> None:
        if one.state == TrialState.COMPLETE and all(map(math.isfinite, one.values)):
            trial.complete(one.values)
        elif one.state == TrialState.PRUNED and _ends_finite(one):
            trial.prune("by Optuna")
        else:
            trial.fail("in Optuna")


def _reach(one: FrozenTrial) -> int:
    """How many steps its reports tell of."""
    return max(one.intermediate_values, default=-1) + 1


def _ends_finite(one: FrozenTrial) -> bool:
    """Whether a trial that reported did not end in NaN or infinity."""
    return not one.intermediate_values or math.isfinite(one.intermediate_values[max(one.intermediate_values)])


# Distributions.


@dataclass
class _Codec:
    """A parameter of Optuna's in the words of a study of tunesmith's."""

    name: str
    described: dict[str, Any]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    takes: Callable[[Any], bool]
    """Whether a value is legal."""


def _codecs(space: Mapping[str, BaseDistribution]) -> dict[str, _Codec]:
    """Names that a study cannot have are replaced."""
    legal = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
    kept = {name for name in space if legal.fullmatch(name)}
    spare = (name for place in range(2 * len(space)) if (name := f"p{place}") not in kept)
    return {name: _codec(name if name in kept else next(spare), one) for name, one in sorted(space.items())}


def _codec(name: str, of: BaseDistribution) -> _Codec:
    if isinstance(of, CategoricalDistribution):
        return _categorical(name, of)
    if not isinstance(of, (FloatDistribution, IntDistribution)):
        raise TypeError(f"{name} has the distribution {of!r}; TunesmithSampler takes float, int and categorical ones")
    low, high, kind = of.low, of.high, int if isinstance(of, IntDistribution) else float
    if of.step is not None and not (kind is int and of.step == 1):
        return _stepped(name, of, of.step, kind)
    if kind is float:
        described = loguniform(low, high) if of.log else uniform(low, high)
    elif of.log:
        described = {"distribution": "q_log_uniform_values", "min": low, "max": high, "q": 1}
    else:
        described = int_uniform(int(low), int(high))

    def decode(value: Any) -> Any:
        return kind(min(max(value, low), high))

    def takes(value: Any) -> bool:
        return _is_number(value) and low <= value <= high and kind(value) == value

    return _Codec(name, described, kind, decode, takes)


def _stepped(name: str, of: FloatDistribution | IntDistribution, step: float, kind: type) -> _Codec:
    """Steps from the low end, which a study has as whole numbers."""
    low, last = of.low, round((of.high - of.low) / step)

    def encode(value: Any) -> int:
        return int(round((value - low) / step))

    def decode(value: Any) -> Any:
        return kind(min(low + int(value) * step, of.high))

    def takes(value: Any) -> bool:
        if not _is_number(value) or not 0 <= encode(value) <= last:
            return False
        return math.isclose((value - low) / step, encode(value), rel_tol=0, abs_tol=1e-8)

    return _Codec(name, int_uniform(0, last), encode, decode, takes)


def _categorical(name: str, of: CategoricalDistribution) -> _Codec:
    """Choices by their places: whatever they are, a study has them as text without an order."""

    def place(value: Any) -> str | None:
        try:
            return str(int(of.to_internal_repr(value)))
        except ValueError:
            return None

    described = choice(str(index) for index in range(len(of.choices)))
    return _Codec(name, described, place, lambda text: of.choices[int(text)], lambda value: place(value) is not None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
