"""Writes a case's folder: `golden.json` for numbers, `golden.safetensors` for tensors.

Tensors are rounded to float32 on the way out. It never writes a time or a path
of this machine, so that the same versions write the same bytes.
"""

import json
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-train/tests/golden"
MADE_WITH = ("torch", "transformers", "peft")


def made_with():
    return {package: version(package).split("+")[0] for package in MADE_WITH}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(formatted(value) + "\n", encoding="utf-8")


def write_tensors(path, tensors):
    save_file({name: tensor.to(torch.float32).contiguous() for name, tensor in tensors.items()}, path)


def is_flat(value):
    """Whether `value` reads best on one line."""
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, (dict, list)) and not is_numbers(item) for item in items)


def is_numbers(value):
    return isinstance(value, list) and all(isinstance(item, (int, float)) for item in value)


def formatted(value, depth=0):
    """JSON with one row of numbers, or one flat object, a line."""
    if not isinstance(value, (dict, list)) or not value or (depth > 1 and is_flat(value)) or is_numbers(value):
        return json.dumps(value, ensure_ascii=False)
    inner = " " * (depth + 1)
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {formatted(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    lines = [inner + formatted(item, depth + 1) for item in value]
    return "[\n" + ",\n".join(lines) + "\n" + " " * depth + "]"
