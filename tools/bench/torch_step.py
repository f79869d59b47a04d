"""Times PyTorch's training step of a BERT classifier, in turn with another program.

    python tools/bench/torch_step.py --model minilm --batch 16 --length 128

A step is forward, cross entropy, backward and fused AdamW in float32, with
dropout, fused attention and full rows. It prints one JSON line when it is warm
and then, for every line `go N` on its standard input, runs N steps and prints
one JSON line; it ends with its input. It times nothing but the step: the data
are random ids, made beforehand.
"""

import argparse
import json
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification
from transformers.trainer_pt_utils import get_parameter_names

# The shape of sentence-transformers/all-MiniLM-L6-v2; time does not depend on the weights.
MINILM = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}
# BertConfig's defaults are bert-base-uncased.
SHAPES = {"minilm": MINILM, "bert-base": {}}
NOT_DECAYED = [r"bias", r"layernorm"]
LEARNING_RATE = 2e-5
WEIGHT_DECAY = 0.01


def memory_mb(field):
    """A size from /proc/self/status, in MB of 1e6 bytes: VmHWM is the peak, VmRSS what is held now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit(f"/proc/self/status has no {field}: run this on Linux")


def built(name):
    """A shape by name with random weights, or the classifier of a Hugging Face directory; both in training mode."""
    torch.manual_seed(0)
    if name in SHAPES:
        config = BertConfig(**SHAPES[name], num_labels=2, attn_implementation="sdpa")
        return BertForSequenceClassification(config).train()
    return AutoModelForSequenceClassification.from_pretrained(
        name, num_labels=2, attn_implementation="sdpa", dtype=torch.float32
    ).train()


def optimiser(model):
    """Fused AdamW with the Trainer's two groups."""
    decayed = set(get_parameter_names(model, [nn.LayerNorm], NOT_DECAYED))
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decayed], "weight_decay": WEIGHT_DECAY},
        {"params": [p for n, p in model.named_parameters() if n not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, fused=True)


def random_rows(config, batch, length):
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1000, config.vocab_size, (batch, length), generator=generator)
    labels = torch.randint(0, 2, (batch,), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


def step(model, optimizer, rows, clip):
    """One training step; returns its loss. Zeroing the gradients is part of it."""
    loss = model(**rows).loss
    loss.backward()
    if clip > 0:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def timed(count, run):
    """Runs `count` steps; returns what the benchmark reads."""
    times, loss = [], 0.0
    for _ in range(count):
        start = time.perf_counter()
        loss = run()
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "steps": count,
        "mean_ms": statistics.fmean(times),
        "median_ms": statistics.median(times),
        "min_ms": min(times),
        "times_ms": [round(each, 3) for each in times],
        "loss": loss,
        "peak_mb": memory_mb("VmHWM"),
    }


def say(value):
    print(json.dumps(value), flush=True)


def serve(run):
    """Answers every `go N` until the input ends."""
    for line in sys.stdin:
        words = line.split()
        if len(words) != 2 or words[0] != "go" or not words[1].isdigit() or int(words[1]) == 0:
            raise SystemExit(f"expected `go N` with N from 1 up, got {line.strip()!r}")
        say(timed(int(words[1]), run))


def arguments():
    parser = argparse.ArgumentParser(description="Time PyTorch's training step.")
    parser.add_argument("--model", default="minilm", help="minilm, bert-base or a Hugging Face directory")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--clip", type=float, default=0.0, help="largest gradient norm; 0 leaves it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=2, help="steps before the first timed one")
    return parser.parse_args()


def main():
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    imported_mb = memory_mb("VmRSS")
    model = built(chosen.model)
    optimizer = optimiser(model)
    rows = random_rows(model.config, chosen.batch, chosen.length)
    for _ in range(chosen.warmup):
        step(model, optimizer, rows, chosen.clip)
    say(
        {
            "ready": True,
            "engine": f"torch {version('torch')}, transformers {version('transformers')}, sdpa, fused AdamW",
            "parameters": sum(p.numel() for p in model.parameters()),
            "threads": chosen.threads,
            "imported_mb": imported_mb,
        }
    )
    serve(lambda: step(model, optimizer, rows, chosen.clip))


if __name__ == "__main__":
    main()
