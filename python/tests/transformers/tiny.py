"""A BERT of one layer on numbers that it can learn, so that a training takes a fraction of a second."""

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments

torch.set_num_threads(1)
CONFIG = BertConfig(
    vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=2
)


class Rows(torch.utils.data.Dataset):
    def __init__(self, rows=64):
        generator = torch.Generator().manual_seed(0)
        self.tokens = torch.randint(0, 64, (rows, 8), generator=generator)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, index):
        return {"input_ids": self.tokens[index], "labels": int(self.tokens[index, 0] % 2)}


class Optimizers(TrainerCallback):
    """What the optimiser has at each step, and what the arguments say."""

    def __init__(self):
        self.rows = []

    def on_step_begin(self, args, state, control, optimizer=None, **rest):
        group = optimizer.param_groups[0]
        self.rows.append((state.global_step, group["lr"], group["weight_decay"], args.learning_rate, args.weight_decay))


def model_init():
    return BertForSequenceClassification(CONFIG)


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def trainer(folder, model_init=model_init, callbacks=(), **arguments):
    settings = {
        "use_cpu": True,
        "report_to": [],
        "disable_tqdm": True,
        "eval_strategy": "steps",
        "eval_steps": 4,
        "save_strategy": "no",
        "logging_strategy": "no",
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 32,
        "num_train_epochs": 1,
        **arguments,
    }
    return Trainer(
        model_init=model_init,
        args=TrainingArguments(str(folder), **settings),
        train_dataset=Rows(),
        eval_dataset=Rows(32),
        compute_metrics=accuracy,
        callbacks=list(callbacks),
    )
