"""Tells tunesmith how a trial is doing. For programs that `tunesmith agent` starts.

Needs nothing but Python 3.8. Outside a trial a report is a line of JSON on standard output, so that a
program runs by itself too.
"""

import json
import numbers
import os
import sys

__all__ = ["checkpoint_dir", "params", "report"]

# What the kernel writes as one, whoever else writes (POSIX, PIPE_BUF).
_LONGEST_LINE = 4096


def params():
    """The trial's hyperparameters as a dictionary; empty outside a trial."""
    return json.loads(os.environ.get("TUNESMITH_PARAMS", "{}"))


def checkpoint_dir():
    """The folder for what the trial may go on from after an interruption; `None` outside a trial."""
    return os.environ.get("TUNESMITH_CHECKPOINT_DIR")


def report(metrics=None, *, step=None, **named):
    """Reports numbers: `report(eval_accuracy=0.9, step=100)` or `report({"eval/loss": 0.3}, step=100)`."""
    values = dict(metrics or {}, **named)
    line = {}
    for name, value in values.items():
        item = getattr(value, "item", None)
        value = item() if callable(item) else value
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{name} is {value!r}; a metric is a number")
        line[str(name)] = float(value)
    if not line:
        raise ValueError("nothing to report; give a metric, as in report(eval_accuracy=0.9)")
    if step is not None:
        line["step"] = int(step)
    _write(json.dumps(line) + "\n")


def _write(text):
    path = os.environ.get("TUNESMITH_REPORTS")
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    data = text.encode()
    if len(data) > _LONGEST_LINE:
        raise ValueError(f"a report of {len(data)} bytes; {_LONGEST_LINE} are the most")
    try:
        channel = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        raise RuntimeError("the agent of this trial is gone") from error
    try:
        os.set_blocking(channel, True)
        os.write(channel, data)
    finally:
        os.close(channel)
