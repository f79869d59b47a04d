"""Writes the learning rates of transformers' schedules, step by step.

    python tools/golden/schedules.py

It asks transformers for every number and holds no formula of its own.
"""

import torch
from files import GOLDEN, made_with, write_json
from transformers import TrainingArguments, get_scheduler

TOTAL_STEPS = 20
LEARNING_RATE = 1e-3
SCHEDULES = [
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.25}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"power": 2.0, "lr_end": 1e-5}),
    ("constant", {}),
    ("constant_with_warmup", {}),
]
# A step count from 1 up, or a share of the run below 1, as TrainingArguments.warmup_steps reads it.
WARMUPS = [0, 5, 0.1, 0.33]


def rates(name, options, warmup):
    """`(warm-up steps, learning rate of step 0 to TOTAL_STEPS)`."""
    steps = TrainingArguments(output_dir="unused", warmup_steps=warmup).get_warmup_steps(TOTAL_STEPS)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATE)
    schedule = get_scheduler(name, optimizer, steps, TOTAL_STEPS, options)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(TOTAL_STEPS):
        optimizer.step()
        schedule.step()
        found.append(optimizer.param_groups[0]["lr"])
    return steps, found


def main():
    curves = []
    for name, options in SCHEDULES:
        for warmup in WARMUPS:
            steps, found = rates(name, options, warmup)
            curves.append(
                {"schedule": name, "options": options, "warmup": warmup, "warmup_steps": steps, "rates": found}
            )
    facts = {"made_with": made_with(), "total_steps": TOTAL_STEPS, "learning_rate": LEARNING_RATE, "curves": curves}
    write_json(GOLDEN / "schedules.json", facts)


if __name__ == "__main__":
    main()
