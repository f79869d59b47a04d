"""The accuracy of a fixed configuration over five seeds with tunesmith, beside the Trainer's in results.json.

    python tools/parity/ours.py --tunesmith target/release/tunesmith --task sst2 --model DIR \
        --train SST-2/train_20k.tsv --dev SST-2/dev.tsv

It writes a grid over `seed` into a temporary directory with the hyperparameters
that results.json holds for the task, runs it, and prints both means, their
difference, and two standard errors of it. It needs no PyTorch.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TEXT = {"sst2": "sentence", "rte": ["sentence1", "sentence2"]}
SEEDS = [1, 2, 3, 4, 5]


def study(chosen, theirs):
    """A study file, as JSON, which is YAML."""
    fixed = {
        "learning_rate": theirs["learning_rate"],
        "per_device_train_batch_size": theirs["batch"],
        "num_train_epochs": theirs["epochs"],
        "warmup_ratio": theirs["warmup"],
        "weight_decay": theirs["weight_decay"],
        "lr_scheduler_type": theirs["schedule"],
        "max_seq_length": theirs["max_length"],
    }
    task = {
        "train": str(chosen.train.resolve()),
        "validation": str(chosen.dev.resolve()),
        "text": TEXT[chosen.task],
        "label": "label",
        "limit": {"train": theirs["train_rows"]},
    }
    return {
        "name": f"parity-{chosen.task}",
        "method": "grid",
        "metric": {"name": "eval_accuracy", "goal": "maximize"},
        "parameters": {"seed": {"values": SEEDS}} | {name: {"value": value} for name, value in fixed.items()},
        "train": {"model": str(chosen.model.resolve()), "task": task},
    }


def scores(program, folder):
    subprocess.run([program, "run", "study.yaml"], cwd=folder, check=True)
    listing = subprocess.run([program, "trials", "--json"], cwd=folder, check=True, capture_output=True)
    return [trial["value"] for trial in json.loads(listing.stdout)]


def summary(values):
    deviation = statistics.stdev(values)
    return {"mean": statistics.mean(values), "standard_error": deviation / len(values) ** 0.5, "values": values}


def arguments():
    parser = argparse.ArgumentParser(description="Compare tunesmith's accuracy with the Trainer's.")
    parser.add_argument("--tunesmith", required=True, type=Path)
    parser.add_argument("--task", required=True, choices=TEXT)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--dev", required=True, type=Path)
    return parser.parse_args()


def main():
    chosen = arguments()
    results = Path(__file__).with_name("results.json")
    theirs = json.loads(results.read_text(encoding="utf-8"))[chosen.task]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "study.yaml").write_text(json.dumps(study(chosen, theirs)), encoding="utf-8")
        ours = summary(scores(chosen.tunesmith.resolve(), folder))
    difference = ours["mean"] - theirs["mean"]
    allowed = 2 * (ours["standard_error"] ** 2 + theirs["standard_error"] ** 2) ** 0.5
    print(json.dumps({"task": chosen.task, "ours": ours, "theirs_mean": theirs["mean"], "difference": difference,
                      "two_standard_errors": allowed}))
    return 0 if abs(difference) <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())
