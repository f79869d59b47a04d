"""Writes what a step is timed on: a random BERT of a real shape, and rows of exactly 128 tokens.

    python tools/bench/fixture.py --shape bert-base DIR

DIR/model is a Hugging Face directory with a word-level vocabulary of 30,522
entries. Each text of DIR/train.tsv has 126 of those words; the two of DIR/dev.tsv
have one, so that what the trainer evaluates costs next to nothing.
"""

import argparse
import random
from pathlib import Path

import torch
from torch_step import SHAPES
from transformers import BertConfig, BertForSequenceClassification

WORDS = 126
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_rows(path, rows, length, vocabulary, seed):
    chosen = random.Random(seed)
    lines = ["text\tlabel"]
    for row in range(rows):
        words = (f"w{chosen.randrange(1000, vocabulary)}" for _ in range(length))
        lines.append(" ".join(words) + f"\t{row % 2}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Write a model and rows to time a step on.")
    parser.add_argument("--shape", required=True, choices=SHAPES)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    config = BertConfig(**SHAPES[chosen.shape], num_labels=2)
    model = chosen.folder / "model"
    BertForSequenceClassification(config).save_pretrained(model)
    words = SPECIAL + [f"w{index}" for index in range(len(SPECIAL), config.vocab_size)]
    (model / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    write_rows(chosen.folder / "train.tsv", 512, WORDS, config.vocab_size, 1)
    write_rows(chosen.folder / "dev.tsv", 2, 1, config.vocab_size, 2)


if __name__ == "__main__":
    main()
