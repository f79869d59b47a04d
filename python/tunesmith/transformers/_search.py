"""A search over the trainings of one Trainer. The log is the truth: a search that was interrupted goes on from it.

Refuses to leak: every trial starts from the arguments that the Trainer had, with a seed of its own that is set before the
model is made, and gives its memory back.
"""

import contextlib
import copy
import gc
import inspect
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _study
from .._engine import Busy, Finished, Paused, StorageError
from .._record import TrialRecord
from .._study import Study
from .._trial import Trial, is_out_of_memory
from . import _objective, _ranks
from ._arguments import check_names, with_params
from ._callback import NotApplied, Overrider, Reporter, plain
from ._models import initializer

DEFAULT_METHOD = {"name": "auto", "prior": "known"}
"""Bayesian optimisation that begins with what is known of fine-tuning."""
PAUSING = ("asha-promote", "auto", "hyperband", "pasha", "pb2", "pbt", "sha")
"""The schedulers under which trials wait and go on from checkpoints."""

Space = Mapping[str, Any] | Callable[[Trial], Mapping[str, Any]]


@dataclass(frozen=True)
class SearchResult:
    """What a search found."""

    study: Study
    """The study, with every trial."""
    best: TrialRecord
    """The winner."""
    model: Path | None
    """The winner's model, which `from_pretrained` loads; `None` where models were not kept."""


def search(
    trainer: Any,
    space: Space,
    *,
    metric: str | Mapping[str, Any] | None = None,
    goal: str | None = None,
    metrics: Sequence[Mapping[str, Any]] | None = None,
    compute_objective: Callable[[dict[str, float]], Any] | None = None,
    objective: _objective.Objective | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    method: str | Mapping[str, Any] | None = None,
    scheduler: str | Mapping[str, Any] = "none",
    storage: str | Path | None = None,
    name: str | None = None,
    trial_name: Callable[[Any], str] | None = None,
    keep_model: bool = True,
    shrink: bool = True,
    catch: type[Exception] | tuple[type[Exception], ...] = (),
    **keys: Any,
) -> SearchResult | None:
    """Searches hyperparameters of a Trainer that has `model_init`.

    Args:
        trainer: It is as it was when the search is over, but for its model.
        space: By name, as for `tunesmith.Study`: fields of the training arguments, parts of them that are dictionaries
            (`lr_scheduler_kwargs.num_cycles`), `model.…` of the model's config, `lora.…` of a LoRA adapter. Or a
            function that gets the trial, asks it by `trial.suggest_…` and gives the hyperparameters as a dictionary.
        metric: What is optimised, as `eval_accuracy`; or `metrics`, or `compute_objective` of all metrics.
        goal: minimize or maximize.
        objective: With `metrics`: what is reported, made of the metrics of an evaluation; `None` where it is not
            complete yet.
        trials: The budget; or `budget` as in a study file. With several, whichever is spent first.
        timeout: Seconds after which no new trial starts.
        method: How hyperparameters are proposed; `auto` with what is known of fine-tuning where left out.
        scheduler: Who is stopped early or waits; it is asked after each evaluation.
        storage: `tunesmith.db` in the Trainer's output folder where left out.
        name: The study's name. One that exists is gone on with; where left out a new study begins.
        trial_name: Gives a trial's run its name and folder; `run-<number>` where left out.
        keep_model: Whether the models of the best trials are kept.
        shrink: Whether a trial that runs out of memory is tried again with half the batch and twice the accumulation.
        catch: Exceptions that fail a trial and not the search. Running out of memory never fails the search.
        keys: Further keywords of `tunesmith.Study`.

    Returns:
        What was found; `None` on ranks other than the first.

    Raises:
        ValueError: The space names what is not there, a value is of the wrong type, or no trial completed.
    """
    if trainer.model_init is None:
        raise ValueError("a search makes the model anew for every trial: give the Trainer model_init in place of model")
    measured, by_metric = _objective.described(metric, goal, metrics, compute_objective, trainer.args)
    root = Path(trainer.args.output_dir)
    by_run = None if isinstance(space, Mapping) else space
    fixed = space if isinstance(space, Mapping) else None
    check_names(trainer.args, fixed or {})
    study = None
    if _ranks.is_first():
        location = str(storage or root / "tunesmith.db")
        if "://" not in location and location != "memory:":
            Path(location).parent.mkdir(parents=True, exist_ok=True)
        study = Study(
            fixed,
            name=name or _new_name(location),
            storage=location,
            trials=trials,
            method=method or (DEFAULT_METHOD if fixed is not None else "auto"),
            scheduler=scheduler,
            runs=root.parent,
            **measured,
            **keys,
        )
        study.folder = root
    run = _Search(trainer, by_run, study, objective or by_metric, trial_name, keep_model, shrink, catch)
    run.until = None if timeout is None else time.monotonic() + timeout
    with run.clean():
        run.go()
    return run.result()


def _new_name(storage: str) -> str:
    """A name that no study there has."""
    try:
        taken = set(_study.studies(storage))
    except StorageError:
        taken = set()
    number = 1
    while f"search-{number}" in taken:
        number += 1
    return f"search-{number}"


@dataclass(frozen=True)
class _Work:
    """What every rank must know of a trial."""

    number: int
    name: str
    params: dict[str, Any]
    seed: int
    checkpoint: str | None
    takes_over: bool


class _Search:
    """One call of `search`."""

    def __init__(
        self,
        trainer: Any,
        by_run: Any,
        study: Study | None,
        objective: _objective.Objective,
        trial_name: Callable[[Any], str] | None,
        keep_model: bool,
        shrink: bool,
        catch: type[Exception] | tuple[type[Exception], ...],
    ) -> None:
        self.trainer = trainer
        self.by_run = by_run
        self.study = study
        self.objective = objective
        self.trial_name = trial_name
        self.keep_model = keep_model
        self.shrink = shrink
        self.catch = catch
        self.until: float | None = None
        self.base = trainer.args
        self.root = Path(self.base.output_dir)
        self.model_init = trainer.model_init
        self.takes_trial = len(inspect.signature(trainer.model_init).parameters) > 0
        self.pauses: bool = _ranks.from_first(study is not None and study.scheduler in PAUSING)
        handler = trainer.callback_handler
        # What counts, as the patience of early stopping does, counts for each trial anew.
        self.callbacks = [(index, copy.deepcopy(one)) for index, one in enumerate(handler.callbacks) if _counts(one)]

    @contextlib.contextmanager
    def clean(self) -> Iterator[None]:
        """The Trainer is afterwards as it was before."""
        try:
            yield
        finally:
            self.trainer.model_init = self.model_init
            self.arrange(self.base)

    def arrange(self, arguments: Any) -> None:
        """Gives the Trainer these arguments."""
        trainer = self.trainer
        trainer.args = arguments
        # The Trainer reads this once, when it is made; its own backends set it, too.
        trainer._train_batch_size = arguments.train_batch_size
        trainer.create_accelerator_and_postprocess()

    def go(self) -> None:
        while True:
            trial, work, error = self.next()
            said = _ranks.from_first((work, None if error is None else str(error)))
            if error is not None:
                raise error
            work = said[0]
            if said[1] is not None:
                raise RuntimeError(f"the first rank failed: {said[1]}")
            if work is None:
                return
            try:
                self.run(trial, work)
            finally:
                self.give_back()

    def next(self) -> tuple[Trial | None, _Work | None, Exception | None]:
        """The next trial, on the first rank."""
        if self.study is None:
            return None, None, None
        trial = None
        try:
            trial = self.ask()
            if trial is None:
                return None, None, None
            params = dict(self.by_run(trial)) if self.by_run else dict(trial.params)
            check_names(self.base, params)
            name = self.trial_name(trial) if self.trial_name else f"run-{trial.number}"
            checkpoint = trial.checkpoint
            work = _Work(
                trial.number,
                name,
                params,
                trial.seed,
                None if checkpoint is None else str(checkpoint),
                bool(trial._exploits),
            )
            return trial, work, None
        except Exception as error:
            if trial is not None:
                trial.fail(error)
            return None, None, error

    def ask(self) -> Trial | None:
        assert self.study is not None
        while self.until is None or time.monotonic() < self.until:
            try:
                return self.study.ask(wait=1.0)
            except Busy:
                continue
            except (Finished, Paused):
                return None
        return None

    def run(self, trial: Trial | None, work: _Work) -> None:
        """One trial, on every rank."""
        error: BaseException | None = None
        reporter = None
        try:
            reporter = self.train(trial, work)
        except Exception as failure:
            error = failure
        except BaseException:
            if trial is not None:
                trial.release()
            raise
        worst = next((one for one in _ranks.of_all(None if error is None else repr(error)) if one), None)
        if worst is None:
            assert reporter is not None
            self.conclude(trial, work, reporter)
            return
        if trial is not None:
            trial.fail(error or worst)
        # The traceback holds the model, by the frames of the training.
        caught = error is None or isinstance(error, (NotApplied, *_several(self.catch))) or is_out_of_memory(error)
        if not caught:
            assert error is not None
            raise error
        warnings.warn(f"trial {work.number} failed: {worst}", stacklevel=2)

    def train(self, trial: Trial | None, work: _Work) -> Reporter:
        """Trains; with half the batch again where memory does not suffice."""
        arguments = self.arguments(work)
        while True:
            try:
                return self.train_once(trial, work, arguments)
            except Exception as error:
                size = arguments.per_device_train_batch_size
                if not (self.shrink and is_out_of_memory(error) and size % 2 == 0 and size > 1):
                    raise
                message = f"trial {work.number} ran out of memory with batches of {size}; again with {size // 2}"
            warnings.warn(message, stacklevel=2)
            self.give_back()
            arguments = copy.copy(arguments)
            arguments.per_device_train_batch_size = size // 2
            arguments.gradient_accumulation_steps *= 2

    def arguments(self, work: _Work) -> Any:
        arguments = with_params(self.base, work.params)
        if "seed" not in work.params:
            arguments.seed = work.seed
        arguments.output_dir = str(self.root / work.name)
        arguments.run_name = work.name
        if self.pauses:
            # Checkpoints are written where trials wait, and there alone.
            arguments.save_strategy = type(arguments.save_strategy)("no")
            arguments.load_best_model_at_end = False
        return arguments

    def train_once(self, trial: Trial | None, work: _Work, arguments: Any) -> Reporter:
        trainer = self.trainer
        self.arrange(arguments)
        trainer.model_init = initializer(self.model_init, self.takes_trial, trial or work, work.params)
        for index, fresh in self.callbacks:
            trainer.callback_handler.callbacks[index] = copy.deepcopy(fresh)
        params = {name: value for name, value in work.params.items() if "." not in name}
        dotted = {name: plain(value) for name, value in work.params.items() if "." in name}
        batch = ("per_device_train_batch_size", "gradient_accumulation_steps")
        params |= {name: getattr(arguments, name) for name in batch}
        rows = trainer.eval_dataset
        reporter = Reporter(trial, self.objective, params | dotted, _rows(rows))
        overrider = Overrider(trainer, reporter) if work.takes_over else None
        added = [one for one in (reporter, overrider) if one is not None]
        for one in added:
            trainer.add_callback(one)
        try:
            trainer.train(resume_from_checkpoint=work.checkpoint)
            if reporter.verdict == "continue" and reporter.values is None:
                trainer.evaluate()
        finally:
            for one in added:
                trainer.remove_callback(one)
            if overrider is not None:
                overrider.remove()
        return reporter

    def conclude(self, trial: Trial | None, work: _Work, reporter: Reporter) -> None:
        """Ends the trial, and keeps its model where it is among the best."""
        missing = reporter.verdict == "continue" and reporter.values is None
        if missing:
            error = ValueError(f"the metric is never reported; there are: {', '.join(sorted(reporter.seen))}")
            if trial is not None:
                trial.fail(error)
            raise error
        if trial is not None and not trial.is_over:
            trial.complete(reporter.values)
        if not self.keep_model:
            return
        wanted = _ranks.from_first(self.wanted())
        if work.number in wanted:
            self.keep(work)
        if self.study is not None:
            for record in self.study.trials:
                if record.number not in wanted:
                    shutil.rmtree(self.model_of(record.number), ignore_errors=True)

    def wanted(self) -> list[int]:
        """The trials whose models are kept: the best, or those that may still be chosen on fresh seeds."""
        if self.study is None:
            return []
        front = [record.number for record in self.study.front]
        finalists = self.study.config.get("replication")
        if not finalists:
            return front
        (name, goal), *_ = self.study.metrics
        sign = 1 if goal == "minimize" else -1
        done = [record for record in self.study.trials if record.state == "completed"]
        done.sort(key=lambda record: sign * record.values[name])
        return front + [record.number for record in done[: finalists["top"]]]

    def keep(self, work: _Work) -> None:
        """Writes the model; it appears whole or not at all."""
        final = self.model_of(work.number)
        draft = final.with_name(f".{work.number}")
        self.trainer.save_model(str(draft))
        if _ranks.is_first():
            final.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(draft, final)

    def model_of(self, number: int) -> Path:
        """Where the model of a trial lies."""
        return self.root / "models" / str(number)

    def give_back(self) -> None:
        """Lets go of the model, its optimiser and its batches."""
        trainer = self.trainer
        trainer.model = trainer.model_wrapped = None
        trainer.optimizer = trainer.lr_scheduler = None
        handler = trainer.callback_handler
        handler.model = handler.optimizer = handler.lr_scheduler = None
        handler.train_dataloader = handler.eval_dataloader = None
        trainer.accelerator.free_memory()
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def result(self) -> SearchResult | None:
        if self.study is None:
            return None
        best = self.study.best
        model = self.model_of(best.number)
        return SearchResult(self.study, best, model if model.is_dir() else None)


def _counts(callback: Any) -> bool:
    """Whether a callback keeps a state from evaluation to evaluation."""
    from transformers.trainer_callback import ExportableState

    return isinstance(callback, ExportableState)


def _several(catch: type[Exception] | tuple[type[Exception], ...]) -> tuple[type[Exception], ...]:
    return catch if isinstance(catch, tuple) else (catch,)


def _rows(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except TypeError:
        return None
