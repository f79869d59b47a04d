"""Writes what transformers says of the all-MiniLM-L6-v2 checkpoint under a fixed random head.

    python tools/golden/minilm.py MODEL_DIRECTORY RTE_DEV_TSV

Sentences written for this file are kept with their token ids. Of RTE, which is
not ours to copy, only positions, lengths, a checksum of the ids and the logits
are kept: the test reads the rows from the data set itself.
"""

import argparse
import csv
import zlib
from pathlib import Path

import torch
from files import GOLDEN, made_with, write_json, write_tensors
from transformers import AutoModelForSequenceClassification, AutoTokenizer

MAX_LENGTH = 128
RTE_ROWS = 8
HEAD_STD = 0.5
PAIRS = [
    ("The ferry leaves at noon.", "The boat departs at 12 o'clock.", 0),
    ("A red kite circled above the barn.", "No bird was seen near the farm.", 1),
    ("Überraschend kam der naïve café-owner to Zürich.", "The owner travelled to Switzerland.", 0),
    ("Prices rose 3.5% in 2019, then fell by €1,200.", "Prices never fell.", 1),
    ("Wait -- what?!", "", 1),
    ("東京 is the capital of Japan; 大阪 is not.", "Osaka is a city.", 0),
    ("unbelievablyhyperparameterised tokenisation", "A long, invented word.", 0),
    (" ".join(["Every morning the baker counts the loaves on the shelf."] * 14), "The baker counts loaves.", 0),
]


def loaded(directory):
    """The tokenizer and a float64 classifier of two labels, its head drawn from a seed."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForSequenceClassification.from_pretrained(directory, num_labels=2, dtype=torch.float32)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        model.classifier.weight.normal_(0.0, HEAD_STD, generator=generator)
        model.classifier.bias.normal_(0.0, HEAD_STD, generator=generator)
    return tokenizer, model.double().eval()


def encoded(tokenizer, pairs):
    first, second = [a for a, _, _ in pairs], [b for _, b, _ in pairs]
    return tokenizer(
        first, second, truncation="longest_first", max_length=MAX_LENGTH, padding=True, return_tensors="pt"
    )


def rte_rows(path):
    """The first rows of GLUE's RTE dev file: tab separated, never quoted."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        labels = {"entailment": 0, "not_entailment": 1}
        return [(r["sentence1"], r["sentence2"], labels[r["label"]]) for r, _ in zip(rows, range(RTE_ROWS))]


def gradient_norms(model, inputs, labels):
    """`(loss, {name: Euclidean norm of the gradient})` of the pairs as one batch."""
    loss = model(**inputs, labels=torch.tensor(labels)).loss
    loss.backward()
    return loss.item(), {name: p.grad.norm().item() for name, p in model.named_parameters()}


def ragged(inputs):
    lengths = inputs["attention_mask"].sum(1).tolist()
    return [
        {"ids": ids[:length], "type_ids": types[:length]}
        for ids, types, length in zip(
            inputs["input_ids"].tolist(), inputs["token_type_ids"].tolist(), lengths, strict=True
        )
    ]


def checksum(ids):
    """CRC-32 of the ids as little-endian 32-bit integers."""
    return zlib.crc32(b"".join(number.to_bytes(4, "little") for number in ids))


def main():
    parser = argparse.ArgumentParser(description="Write the MiniLM goldens of tunesmith-train.")
    parser.add_argument("model", type=Path)
    parser.add_argument("rte_dev", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    tokenizer, model = loaded(arguments.model)
    own, real = encoded(tokenizer, PAIRS), encoded(tokenizer, rte_rows(arguments.rte_dev))
    with torch.no_grad():
        own_logits, real_logits = model(**own).logits, model(**real).logits
    labels = [label for _, _, label in PAIRS]
    loss, norms = gradient_norms(model, own, labels)
    pairs = [{"text": [a, b], "label": label} for a, b, label in PAIRS]
    report = {
        "made_with": made_with(),
        "max_length": MAX_LENGTH,
        "pairs": [pair | row for pair, row in zip(pairs, ragged(own), strict=True)],
        "loss": loss,
        "gradient_norms": norms,
        "rte_dev": [{"length": len(r["ids"]), "crc32": checksum(r["ids"])} for r in ragged(real)],
    }
    write_json(GOLDEN / "minilm/golden.json", report)
    tensors = {"logits": own_logits, "rte_dev.logits": real_logits}
    tensors |= {f"classifier.{name}": value.detach() for name, value in model.classifier.named_parameters()}
    write_tensors(GOLDEN / "minilm/golden.safetensors", tensors)


if __name__ == "__main__":
    main()
