"""Run by torchrun on two ranks: the Trainer's own search, whose first trial Optuna prunes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import optuna
from tests.transformers import tiny


class First(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.number == 0


trainer = tiny.trainer(sys.argv[1], ddp_backend="gloo", ddp_timeout=10, eval_steps=2)
trainer.hyperparameter_search(
    hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)},
    n_trials=3,
    backend="optuna",
    pruner=First(),
    compute_objective=lambda metrics: metrics["eval_loss"],
)
print(f"rank {trainer.args.process_index} done", flush=True)
