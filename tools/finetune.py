"""Fine-tuning with transformers' Trainer, as the benchmark and the parity run share it.

Rows come from tab-separated files as GLUE has them: a header, no quoting. Every
setting that is not an argument here is TrainingArguments' own default; nothing
is written to disk but what the Trainer insists on, in a temporary folder.
"""

import csv
import tempfile
from dataclasses import dataclass

import numpy
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)


@dataclass
class Task:
    """The columns of a file, and its label names in the order of their numbers."""

    text: list[str]
    label: str
    names: list[str]


TASKS = {
    "rte": Task(["sentence1", "sentence2"], "label", ["entailment", "not_entailment"]),
    "sst2": Task(["sentence"], "label", ["0", "1"]),
}


@dataclass
class Settings:
    """The hyperparameters of a run; the rest is the Trainer's."""

    epochs: float = 1.0
    batch: int = 16
    eval_batch: int = 16
    learning_rate: float = 5e-5
    warmup: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "linear"
    max_length: int = 128
    seed: int = 42


def read_rows(path, task, limit=None):
    """`[(texts, label number)]`, the first `limit` of them."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [([row[column] for column in task.text], task.names.index(row[task.label])) for row in rows]
    return found[:limit]


class Encoded(torch.utils.data.Dataset):
    """Tokenised rows, cut at the maximum length and not padded: the collator pads each batch."""

    def __init__(self, rows, tokenizer, max_length):
        texts = list(zip(*(texts for texts, _ in rows), strict=True))
        fields = tokenizer(*map(list, texts), truncation=True, max_length=max_length)
        self.rows = [
            {name: values[index] for name, values in fields.items()} | {"labels": label}
            for index, (_, label) in enumerate(rows)
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def accuracy(prediction):
    return {"accuracy": float(numpy.mean(prediction.predictions.argmax(-1) == prediction.label_ids))}


def training_arguments(settings, folder):
    return TrainingArguments(
        output_dir=folder,
        use_cpu=True,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.eval_batch,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        lr_scheduler_type=settings.schedule,
        seed=settings.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


class Finetuning:
    """One model, its tokenised data, and a fresh Trainer for every run."""

    def __init__(self, model, task, train_rows, dev_rows, settings):
        self.model = model
        self.task = task
        self.settings = settings
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.train = Encoded(train_rows, self.tokenizer, settings.max_length)
        self.dev = Encoded(dev_rows, self.tokenizer, settings.max_length)

    def trainer(self, settings):
        """A Trainer on a freshly loaded model; the seed draws the head, the order and the dropout."""
        set_seed(settings.seed)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.model, num_labels=len(self.task.names), attn_implementation="sdpa", dtype=torch.float32
        )
        with tempfile.TemporaryDirectory() as folder:
            arguments = training_arguments(settings, folder)
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=self.train,
            eval_dataset=self.dev,
            data_collator=DataCollatorWithPadding(self.tokenizer),
            compute_metrics=accuracy,
        )
        # Standard output is for what the scripts say.
        trainer.remove_callback(PrinterCallback)
        return trainer
