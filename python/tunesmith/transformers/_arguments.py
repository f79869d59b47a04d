"""Hyperparameters to the arguments of a Trainer. Refuses what transformers bends or drops: an unknown name, a text where
a number belongs, a fraction where a whole number belongs.
"""

import copy
import dataclasses
import difflib
import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any

MODEL, ADAPTER = "model.", "lora."
"""The prefixes of hyperparameters of the model's configuration and of a LoRA adapter."""


def check_names(arguments: Any, names: Iterable[str]) -> None:
    """Refuses names that nothing has.

    Raises:
        ValueError: With the nearest names.
    """
    for name in names:
        if name.startswith((MODEL, ADAPTER)):
            continue
        field, _, inner = name.partition(".")
        known = fields(arguments)
        if field not in known:
            near = difflib.get_close_matches(field, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the fields of TrainingArguments"
            raise ValueError(
                f"{name} is no field of {type(arguments).__name__}; {hint} Hyperparameters of the model are "
                "`model.…` as in its config, those of an adapter `lora.…` as in LoraConfig."
            )
        if inner and "dict" not in known[field]:
            raise ValueError(f"{name} names a part of {field}, which is {known[field]} and has no parts")


def fields(arguments: Any) -> dict[str, str]:
    """The fields that can be set, with their types as they are written."""
    return {
        field.name: field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
        for field in dataclasses.fields(arguments)
        if field.init
    }


def with_params(arguments: Any, params: Mapping[str, Any]) -> Any:
    """A copy of the arguments with these params; those of the model and the adapter are left out.

    Raises:
        ValueError: For a name that there is not, or a value of the wrong type.
    """
    check_names(arguments, params)
    known = fields(arguments)
    changed = copy.copy(arguments)
    for name, value in params.items():
        if name.startswith((MODEL, ADAPTER)):
            continue
        field, _, inner = name.partition(".")
        if inner:
            parts = dict(getattr(changed, field) or {})
            parts[inner] = value
            setattr(changed, field, parts)
        else:
            setattr(changed, field, converted(name, value, known[field], getattr(arguments, field)))
    return changed


def converted(name: str, value: Any, annotation: str, before: Any) -> Any:
    """The value as the field takes it.

    Raises:
        ValueError: Where it does not.
    """
    wrong = ValueError(f"{name} takes {annotation}, not {value!r}")
    if isinstance(before, enum.Enum):
        try:
            return type(before)(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    kinds = set(re.findall(r"\b(bool|int|float|str|dict|list|None|Optional)\b", annotation))
    if value is None:
        if kinds & {"None", "Optional"}:
            return None
        raise wrong
    if isinstance(value, bool):
        if "bool" in kinds:
            return value
        raise wrong
    if isinstance(value, int):
        if kinds & {"int", "float"}:
            return value if "int" in kinds else float(value)
        raise wrong
    if isinstance(value, float):
        if "float" in kinds:
            return value
        if "int" in kinds and value.is_integer():
            return int(value)
        raise wrong
    if isinstance(value, str):
        if "str" in kinds:
            return [value] if isinstance(before, list) else value
        raise wrong
    if isinstance(value, (list, tuple)) and "list" in kinds:
        return list(value)
    if isinstance(value, dict) and "dict" in kinds:
        return dict(value)
    raise wrong
