"""Writes what W&B's agent makes of a sweep's command, for `tunesmith-runtime`'s tests.

    python tools/golden/wandb_argv.py

Needs the package `wandb`; made with 0.31.0. Its own agent expands every command, with a process in the
place of the one it would start. No network is used.
"""

import copy
import json
import os
import random
import tempfile
from pathlib import Path

import wandb
from wandb import wandb_agent

GOLDEN = Path(__file__).parents[2] / "crates/tunesmith-runtime/tests/golden/wandb_argv.json"

COMMANDS = [
    ["${env}", "${interpreter}", "${program}", "${args}"],
    ["${env}", "python3", "${program}", "${args_no_equals}", "--fixed"],
    ["${interpreter}", "${program}", "${args_no_hyphens}"],
    ["${program}", "${args_no_boolean_flags}", "x-${args}", "${args"],
    ["${program}", "${args_append_hydra}", "${args_override_hydra}"],
    ["${program}", "${args_json}"],
    ["${program}", "--config", "${args_json_file}"],
    ["${program}", "--data=${envvar:DATA_DIR}/x", "${envvar:GPU}${envvar:DATA_DIR}", "${envvar:lower}", "$HOME"],
    ["${program}", "${bogus}", "--rest=${envvar:NOT_SET}"],
]

PARAMS = [
    {"lr": 3e-5, "fp16": True, "ckpt": False, "tags": ["a", "b"], "none": None, "batch": 16},
    {"text": "it's", "quoted": 'say "hi" & \'bye\'', "space": "a b", "umlaut": "Größe 🤗", "line": "a\nb\\c\t"},
    {"opt": {"name": "adam", "betas": [0.9, 0.999], "nested": {"deep": 1e-8, "on": True}}, "lora.r": 2, "z": 0},
    {"list": [1, 2.0, None, [True, "x'y"]], "empty": [], "word": ""},
]


def floats():
    """Floats of every size, by name."""
    generator = random.Random(3)
    edges = [0.0, -0.0, 1.0, 0.1 + 0.2, 1e-4, 9.999e-5, 1e15, 1e16, 123456789012345680.0, 1e22, 5e-324, 1.7976931348623157e308]
    drawn = [generator.uniform(-1, 1) * 10.0 ** generator.randint(-20, 25) for _ in range(60)]
    return {f"f{index:02}": value for index, value in enumerate(edges + drawn)}


class Captured:
    """In the place of the process that the agent would start."""

    words = None

    def __init__(self, env=None, command=None, **others):
        Captured.words = command


def expand(command, params):
    agent = object.__new__(wandb_agent.Agent)
    agent._sweep_command = copy.deepcopy(command)
    agent._in_jupyter = False
    agent._function = None
    agent._forward_signals = False
    agent._run_processes = {}
    agent._command_run({
        "run_id": "r1",
        "program": "train.py",
        "args": {name: {"value": value} for name, value in params.items()},
    })
    return Captured.words


def groups(params, prefix=""):
    """The names that hold others."""
    found = []
    for name, value in params.items():
        if isinstance(value, dict):
            found += [prefix + name] + groups(value, f"{prefix}{name}.")
    return found


def flat(params, prefix=""):
    values = {}
    for name, value in params.items():
        values.update(flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return values


def by_name(params):
    return {name: by_name(value) if isinstance(value, dict) else value for name, value in sorted(params.items())}


def main():
    wandb_agent.AgentProcess = Captured
    environment = {"DATA_DIR": "/data", "GPU": "1"}
    os.environ.update(environment, WANDB_SWEEP_ID="s1")
    os.environ.pop("NOT_SET", None)
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for params in PARAMS + [floats()]:
            for command in COMMANDS:
                # The agent gets them in the order of the sweep; a study keeps them by name.
                params = by_name(params)
                cases.append({
                    "command": command,
                    "params": flat(params),
                    "groups": groups(params),
                    "argv": expand(command, params),
                })
    made = {"made_with": {"wandb": wandb.__version__}, "environment": environment,
            "json_file": "wandb/sweep-s1/config-r1.json", "cases": cases}
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
