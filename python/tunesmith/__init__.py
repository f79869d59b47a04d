"""Hyperparameter optimisation for transformer fine-tuning.

>>> import tunesmith
>>> study = tunesmith.Study({"x": tunesmith.uniform(-1, 1)}, metric="loss", trials=30)
>>> study.optimize(lambda trial: trial["x"] ** 2)
>>> study.best.values["loss"] < 0.05
True

The same engine, log and methods as the command line's: `tunesmith show`, `importance` and `replay` read a study that
was made here, where its storage is a file or a server.
"""

from ._engine import (
    Busy,
    Finished,
    LeaseLost,
    Paused,
    StorageError,
    TunesmithError,
    __version__,
)
from ._program import checkpoint_dir, params, report
from ._record import Report, TrialRecord
from ._space import choice, int_uniform, loguniform, quniform, uniform
from ._study import Study, delete, load, methods, schedulers, studies
from ._trial import Pruned, Trial

__all__ = [
    "Busy",
    "Finished",
    "LeaseLost",
    "Paused",
    "Pruned",
    "Report",
    "StorageError",
    "Study",
    "Trial",
    "TrialRecord",
    "TunesmithError",
    "__version__",
    "checkpoint_dir",
    "choice",
    "delete",
    "int_uniform",
    "load",
    "loguniform",
    "methods",
    "params",
    "quniform",
    "report",
    "schedulers",
    "studies",
    "uniform",
]
