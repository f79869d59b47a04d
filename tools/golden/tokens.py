"""Writes what transformers' fast tokenizer makes of RTE with the all-MiniLM-L6-v2 vocabulary.

    python tools/golden/tokens.py MODEL_DIRECTORY RTE_DIRECTORY

RTE is not ours to copy: kept are only counts and an FNV-1a hash over every row's
length, ids and type ids, for several lengths.
"""

import argparse
import csv
from pathlib import Path

from files import GOLDEN, made_with, write_json
from transformers import AutoTokenizer

LENGTHS = [512, 128, 48, 9]
OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def pairs(path):
    """The sentence pairs of a GLUE file: tabs, a header, no quoting."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["sentence1"], row["sentence2"]) for row in rows]


def digest(rows):
    """FNV-1a, 64 bits, over the little-endian 32-bit words of all rows."""
    value = OFFSET
    for row in rows:
        for word in row:
            for byte in word.to_bytes(4, "little"):
                value = ((value ^ byte) * PRIME) & MASK
    return f"{value:016x}"


def measured(tokenizer, texts, length):
    """Rows, tokens and hash of a split at a length."""
    first, second = zip(*texts)
    made = tokenizer(list(first), list(second), truncation=True, max_length=length)
    whole = tokenizer(list(first), list(second), truncation=False)
    rows = [[len(ids), *ids, *types] for ids, types in zip(made["input_ids"], made["token_type_ids"])]
    return {
        "rows": len(rows),
        "tokens": sum(row[0] for row in rows),
        "truncated": sum(len(ids) > length for ids in whole["input_ids"]),
        "hash": digest(rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("rte", type=Path)
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    lengths = []
    for length in LENGTHS:
        case = {"length": length}
        for split in ("train", "dev"):
            case[split] = measured(tokenizer, pairs(arguments.rte / f"{split}.tsv"), length)
        lengths.append(case)
    write_json(GOLDEN / "tokens.json", {"made_with": made_with(), "lengths": lengths})


if __name__ == "__main__":
    main()
