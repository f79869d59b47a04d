"""Accuracy of one configuration over several seeds with transformers' Trainer.

    python tools/parity/trainer.py --model DIR --task rte --train train.tsv --dev dev.tsv --seeds 1 2 3 4 5

It prints one JSON line a seed and, after each, brings `--results` up to date when
that is given. It chooses nothing: every hyperparameter is an argument, and the last epoch counts.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from finetune import TASKS, Finetuning, Settings, read_rows  # noqa: E402

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate")


def run_seed(finetuning, settings):
    """Trains and evaluates once; returns what is printed for the seed."""
    trainer = finetuning.trainer(settings)
    start = time.perf_counter()
    trainer.train()
    trained = time.perf_counter()
    metrics = trainer.evaluate()
    return {
        "seed": settings.seed,
        "eval_accuracy": metrics["eval_accuracy"],
        "eval_loss": metrics["eval_loss"],
        "steps": trainer.state.global_step,
        "train_seconds": round(trained - start, 1),
    }


def summary(runs):
    """Mean, sample standard deviation and standard error of the accuracy."""
    found = [run["eval_accuracy"] for run in runs]
    deviation = statistics.stdev(found) if len(found) > 1 else 0.0
    return {"mean": statistics.mean(found), "deviation": deviation, "standard_error": deviation / len(found) ** 0.5}


def add_to(path, name, facts):
    """Sets `name` in the results file, the others kept."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[name] = facts
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description="Fine-tune over seeds with transformers' Trainer.")
    usual = Settings()
    parser.add_argument("--model", required=True, help="a Hugging Face directory or hub id")
    parser.add_argument("--name", help="what the results call the model; the directory's name when absent")
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--dev", required=True, type=Path)
    parser.add_argument("--rows", type=int, help="use the first ROWS training rows; all of them when absent")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate)
    parser.add_argument("--batch", type=int, default=usual.batch)
    parser.add_argument("--epochs", type=float, default=usual.epochs)
    parser.add_argument("--warmup", type=float, default=usual.warmup, help="steps from 1 up, a share of the run below")
    parser.add_argument("--weight-decay", type=float, default=usual.weight_decay)
    parser.add_argument("--max-length", type=int, default=usual.max_length)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, help="a JSON file that keeps the run under the task's name")
    return parser.parse_args()


def main():
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    settings = Settings(
        epochs=chosen.epochs,
        batch=chosen.batch,
        learning_rate=chosen.learning_rate,
        warmup=chosen.warmup,
        weight_decay=chosen.weight_decay,
        max_length=chosen.max_length,
    )
    task = TASKS[chosen.task]
    train_rows, dev_rows = read_rows(chosen.train, task, chosen.rows), read_rows(chosen.dev, task)
    finetuning = Finetuning(chosen.model, task, train_rows, dev_rows, settings)
    facts = {"train_rows": len(train_rows), "dev_rows": len(dev_rows), "model": chosen.name or Path(chosen.model).name}
    facts |= {name: value for name, value in asdict(settings).items() if name != "seed"}
    facts |= {"versions": {package: version(package) for package in PACKAGES}}
    runs = []
    for seed in chosen.seeds:
        runs.append(run_seed(finetuning, replace(settings, seed=seed)))
        print(json.dumps(runs[-1]), flush=True)
        if chosen.results:
            add_to(chosen.results, chosen.task, facts | summary(runs) | {"runs": runs})


if __name__ == "__main__":
    main()
