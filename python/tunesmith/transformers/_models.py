"""Hyperparameters of the model and its adapter: a model is built again from its configuration with them, its weights kept.

Refuses a change that the weights do not fit: another width or number of layers is another model, for `model_init` to make.
"""

import copy
import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ._arguments import ADAPTER, MODEL


def initializer(model_init: Callable[..., Any], takes_trial: bool, trial: Any, params: Mapping[str, Any]) -> Any:
    """A `model_init` without arguments that makes the model of this trial."""
    of_model = {name.removeprefix(MODEL): value for name, value in params.items() if name.startswith(MODEL)}
    of_adapter = {name.removeprefix(ADAPTER): value for name, value in params.items() if name.startswith(ADAPTER)}

    def make() -> Any:
        model = model_init(trial) if takes_trial else model_init()
        if of_adapter:
            return adapted(model, of_adapter, of_model)
        return reconfigured(model, of_model) if of_model else model

    return make


def reconfigured(model: Any, values: Mapping[str, Any]) -> Any:
    """The model with these values in its configuration, and the same weights.

    Raises:
        ValueError: Where the configuration has no such value, or the weights do not fit.
    """
    config = copy.deepcopy(model.config)
    for name, value in values.items():
        if not hasattr(config, name):
            near = difflib.get_close_matches(name, vars(config), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"the config of {type(model).__name__} has no {name}{hint}")
        setattr(config, name, value)
    again = type(model)(config)
    try:
        again.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {type(model).__name__} do not fit {dict(values)}; change the shape of a model in model_init, "
            f"which gets the trial: {error}"
        ) from None
    return again.to(next(model.parameters()).dtype)


def adapted(model: Any, values: Mapping[str, Any], of_model: Mapping[str, Any]) -> Any:
    """The model with a LoRA adapter of these values; a model that has one gets it anew.

    Raises:
        ValueError: Where LoraConfig has no such value.
        ImportError: Where peft is not installed.
    """
    try:
        from peft import LoraConfig, PeftModel, get_peft_model
    except ImportError:
        raise ImportError("hyperparameters `lora.…` need PEFT: pip install peft") from None
    config: Any = LoraConfig(task_type="SEQ_CLS")
    if isinstance(model, PeftModel):
        config = copy.deepcopy(model.peft_config[model.active_adapter])
        model = model.unload()
    for name, value in values.items():
        if name not in LoraConfig.__dataclass_fields__:
            near = difflib.get_close_matches(name, LoraConfig.__dataclass_fields__, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"LoraConfig has no {name}{hint}")
        setattr(config, name, list(value) if isinstance(value, tuple) else value)
    return get_peft_model(reconfigured(model, of_model) if of_model else model, config)
