"""A callback for Keras 3: it reports the metrics of every epoch and stops the training where the study says so.

Refuses to guess a metric that is not in Keras' logs.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from ._trial import Trial, Verdict

__all__ = ["TunesmithCallback"]

try:
    _Callback: Any = importlib.import_module("keras.callbacks").Callback
except ModuleNotFoundError as error:
    # A Keras that is installed and lacks its backend says so itself.
    if error.name not in ("keras", "keras.callbacks"):
        raise
    raise ModuleNotFoundError("tunesmith.keras needs Keras 3; pip install keras", name="keras") from error


class TunesmithCallback(_Callback):  # type: ignore[misc]
    """Reports at the end of every epoch of `Model.fit`, and stops the training where the verdict is not `continue`.

    A step is an epoch, and a trial's fraction is that of the epochs of `fit`. After `fit`, `trial.should_prune()` says
    whether the training was stopped; where it was, the trial has ended already.

    Args:
        trial: The trial.
        monitor: The name of the metric in Keras' logs; several where the study has several metrics, in its order.
        validation_freq: What `fit` has: the epochs without a validation are passed over.

    Raises:
        ValueError: While training: the metric is not in the logs.

    >>> import keras
    >>> from tunesmith.keras import TunesmithCallback
    >>> issubclass(TunesmithCallback, keras.callbacks.Callback)
    True
    """

    def __init__(self, trial: Trial, monitor: str | Sequence[str] = "val_loss", *, validation_freq: int = 1) -> None:
        super().__init__()
        self.trial = trial
        self.validation_freq = validation_freq
        self.monitor = [monitor] if isinstance(monitor, str) else list(monitor)
        self.verdict: Verdict = "continue"
        """What the last report led to."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reports.

        Args:
            epoch: The epoch, from 0.
            logs: Its metrics.
        """
        if (epoch + 1) % self.validation_freq or self.trial.is_over:
            return
        logs = logs or {}
        missing = [name for name in self.monitor if name not in logs]
        if missing:
            known = ", ".join(sorted(logs)) or "no metrics"
            hint = "; fit() computes val_… where it has validation data" if missing[0].startswith("val_") else ""
            raise ValueError(f"{', '.join(missing)} is not in the logs; give `monitor` one of {known}{hint}")
        values = self.trial._study._named([float(logs[name]) for name in self.monitor])
        self.verdict = self.trial.report(values, epoch + 1, total=self.params["epochs"])
        if self.verdict != "continue":
            self.model.stop_training = True
