"""Times an epoch of transformers' Trainer with an evaluation after it, in turn with another program.

    python tools/bench/trainer_epoch.py --model DIR --train train.tsv --dev dev.tsv

Its collator is the Trainer's own: each batch padded to its longest row, batches
drawn at random. It prints one JSON line when the rows are tokenised and then,
for every line `go N` on its standard input, trains N times for one epoch from
the checkpoint and prints one JSON line each. Loading and tokenising are outside
the time; so is the first step, which warms nothing here and is not dropped.
"""

import argparse
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from finetune import TASKS, Finetuning, Settings, read_rows  # noqa: E402
from torch_step import memory_mb, say  # noqa: E402


def epoch(finetuning, settings):
    """One epoch and its evaluation, each in seconds."""
    trainer = finetuning.trainer(settings)
    start = time.perf_counter()
    trainer.train()
    trained = time.perf_counter()
    metrics = trainer.evaluate()
    return {
        "train_seconds": trained - start,
        "evaluate_seconds": time.perf_counter() - trained,
        "seconds": time.perf_counter() - start,
        "steps": trainer.state.global_step,
        "eval_accuracy": metrics["eval_accuracy"],
        "peak_mb": memory_mb("VmHWM"),
    }


def arguments():
    parser = argparse.ArgumentParser(description="Time an epoch of transformers' Trainer.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="rte", choices=TASKS)
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--dev", required=True, type=Path)
    parser.add_argument("--rows", type=int, help="use the first ROWS training rows; all of them when absent")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--eval-batch", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    settings = Settings(batch=chosen.batch, eval_batch=chosen.eval_batch, max_length=chosen.max_length)
    task = TASKS[chosen.task]
    train_rows, dev_rows = read_rows(chosen.train, task, chosen.rows), read_rows(chosen.dev, task)
    start = time.perf_counter()
    finetuning = Finetuning(chosen.model, task, train_rows, dev_rows, settings)
    say(
        {
            "ready": True,
            "engine": f"torch {version('torch')}, transformers {version('transformers')}, Trainer",
            "train_rows": len(train_rows),
            "dev_rows": len(dev_rows),
            "tokenise_seconds": time.perf_counter() - start,
        }
    )
    for line in sys.stdin:
        words = line.split()
        if len(words) != 2 or words[0] != "go" or not words[1].isdigit() or int(words[1]) == 0:
            raise SystemExit(f"expected `go N` with N from 1 up, got {line.strip()!r}")
        for _ in range(int(words[1])):
            say(epoch(finetuning, settings))


if __name__ == "__main__":
    main()
