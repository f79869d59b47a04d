"""Run by torchrun on two ranks: a search in which trials are pruned. Prints a line for each rank at its end."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tunesmith
from tests.transformers import tiny
from tunesmith.transformers import search

trainer = tiny.trainer(sys.argv[1], num_train_epochs=3, ddp_backend="gloo", ddp_timeout=25, eval_steps=2)
scheduler = {"type": "asha", "eta": 2, "grace": 0.1}
space = {"learning_rate": tunesmith.loguniform(1e-5, 1e-2)}
found = search(
    trainer, space, trials=6, method="random", scheduler=scheduler, metric="eval_accuracy", goal="maximize"
)
counts = "" if found is None else f"{found.study.counts['completed']} completed {found.study.counts['pruned']} pruned"
print(f"rank {trainer.args.process_index} done {counts}", flush=True)
