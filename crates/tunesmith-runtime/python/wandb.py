"""In the place of `wandb` where a study says `capture: wandb`: what a training loop calls of it, and no more.

`init`, `log`, `config`, `summary`, `define_metric`, `watch` and `finish` are there. What is logged goes to
tunesmith; nothing goes to a network. Anything else of wandb is an AttributeError that says so.
"""

import json
import numbers
import os

import tunesmith

__version__ = "0.0.0+tunesmith"

config = None
run = None
summary = None


class Config(dict):
    """Hyperparameters, as `config.lr` or `config["lr"]`."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"config has no {name}; it has {', '.join(self) or 'nothing'}") from None

    def __setattr__(self, name, value):
        self[name] = value

    def update(self, values=(), allow_val_change=None, **named):
        for name, value in dict(values, **named).items():
            self.setdefault(name, value)

    def as_dict(self):
        return dict(self)


class Run:
    """The run of this process."""

    def __init__(self, values):
        self.id = os.environ.get("WANDB_RUN_ID", "run")
        self.name = self.id
        self.sweep_id = os.environ.get("WANDB_SWEEP_ID")
        self.config = Config(tunesmith.params())
        self.config.update(values or {})
        self.summary = {}
        self.step = 0

    def log(self, data, step=None, commit=None, sync=None):
        if step is not None:
            self.step = step
        flat = dict(_numbers(data))
        self.summary.update(flat)
        if flat:
            flat.setdefault("step", self.step + 1)
            tunesmith.report(flat)
        if step is None and commit is not False:
            self.step += 1

    def define_metric(self, *names, **options):
        return None

    def watch(self, *models, **options):
        return None

    def finish(self, exit_code=None, quiet=None):
        return None

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.finish()


def _numbers(data, prefix=""):
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
            continue
        item = getattr(value, "item", None)
        try:
            value = item() if callable(item) else value
        except (TypeError, ValueError, RuntimeError):
            continue
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def init(*positional, config=None, **options):
    """Begins the run; hyperparameters of the trial win over `config`."""
    global run, summary
    if isinstance(config, str):
        with open(config) as file:
            config = json.load(file)
    run = Run(config)
    globals()["config"], summary = run.config, run.summary
    return run


def _the_run():
    if run is None:
        raise RuntimeError("call wandb.init() first")
    return run


def log(data, step=None, commit=None, sync=None):
    _the_run().log(data, step=step, commit=commit, sync=sync)


def define_metric(*names, **options):
    return None


def watch(*models, **options):
    return None


def finish(exit_code=None, quiet=None):
    return None


def __getattr__(name):
    raise AttributeError(f"tunesmith's stand-in for wandb has no {name}; leave `capture: wandb` out to use wandb itself")
