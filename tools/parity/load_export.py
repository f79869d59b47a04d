"""Scores a directory that tunesmith exported, with transformers and nothing of ours.

    python tools/parity/load_export.py runs/rte/best dev.tsv --text sentence1 sentence2 --label label

It prints one JSON line: accuracy, the number of rows and the label names. It
fails when a weight is missing or left over, since transformers would only warn,
and when a row's label is not among the names in the exported config.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging


def loaded(directory):
    """The tokenizer and the model, every weight of which must come from the directory."""
    model, report = AutoModelForSequenceClassification.from_pretrained(
        directory, output_loading_info=True, local_files_only=True, dtype=torch.float32
    )
    wrong = {kind: sorted(report[kind]) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    if any(wrong.values()):
        raise SystemExit(f"{directory}: the weights do not fit the config: {wrong}")
    return AutoTokenizer.from_pretrained(directory, local_files_only=True), model.eval()


def read_rows(path, text, label, quoted):
    """`[(texts, label name)]` of a tab-separated file with a header."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        rows = csv.DictReader(file, delimiter="\t", quoting=quoting)
        absent = [column for column in [*text, label] if column not in (rows.fieldnames or [])]
        if absent:
            raise SystemExit(f"{path}: no column {absent}; it has {rows.fieldnames}")
        return [([row[column] for column in text], row[label]) for row in rows]


def label_numbers(model, rows):
    """The label of every row as the config numbers it."""
    unknown = sorted({label for _, label in rows} - set(model.config.label2id))
    if unknown:
        raise SystemExit(f"labels {unknown} are not in the exported config, which has {model.config.id2label}")
    return [model.config.label2id[label] for _, label in rows]


@torch.no_grad()
def predicted(tokenizer, model, rows, batch, max_length):
    found = []
    for start in range(0, len(rows), batch):
        columns = list(zip(*(texts for texts, _ in rows[start : start + batch]), strict=True))
        inputs = tokenizer(
            *map(list, columns), truncation=True, max_length=max_length, padding=True, return_tensors="pt"
        )
        found += model(**inputs).logits.argmax(-1).tolist()
    return found


def arguments():
    parser = argparse.ArgumentParser(description="Score an exported model with transformers.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("rows", type=Path, help="a tab-separated file with a header")
    parser.add_argument("--text", nargs="+", default=["sentence"], help="one or two column names")
    parser.add_argument("--label", default="label")
    parser.add_argument("--quoted", action="store_true", help='fields may be in "quotes"; GLUE\'s are not')
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--expect", type=float, help="fail unless the accuracy is this, to one row")
    return parser.parse_args()


def main():
    chosen = arguments()
    logging.set_verbosity_error()
    tokenizer, model = loaded(chosen.directory)
    rows = read_rows(chosen.rows, chosen.text, chosen.label, chosen.quoted)
    wanted = label_numbers(model, rows)
    found = predicted(tokenizer, model, rows, chosen.batch, chosen.max_length)
    accuracy = sum(a == b for a, b in zip(found, wanted, strict=True)) / len(rows)
    names = [model.config.id2label[number] for number in sorted(model.config.id2label)]
    print(json.dumps({"accuracy": accuracy, "rows": len(rows), "labels": names}))
    if chosen.expect is not None and abs(accuracy - chosen.expect) > 1.001 / len(rows):
        sys.exit(f"transformers scores {accuracy}, tunesmith reported {chosen.expect}")


if __name__ == "__main__":
    main()
