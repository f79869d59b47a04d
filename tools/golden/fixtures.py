"""Small random encoders and ragged batches, the same on every run.

Every weight, bias and LayerNorm included, gets a large random value, so that a
swapped tensor or a forgotten bias shows in the first logit. Nothing here reads
a data set or a published checkpoint.
"""

from dataclasses import dataclass

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

VOCABULARY = 120
HIDDEN = 32
HEADS = 4
INTERMEDIATE = 64
POSITIONS = 64
LABELS = 3
WEIGHT_STD = 0.1
ROWS = 5
LONGEST_ROW = 20

# Ids below this one are special tokens in all three fixtures.
FIRST_WORD = 5


@dataclass
class Batch:
    """Rows of different lengths; `labels` are classes, or targets of a regression."""

    rows: list[dict]
    labels: list

    def as_json(self):
        return {"rows": self.rows, "labels": self.labels}


def bert_config(labels=LABELS):
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        intermediate_size=INTERMEDIATE,
        max_position_embeddings=POSITIONS,
        type_vocab_size=2,
        num_labels=labels,
        attn_implementation="eager",
    )


def distilbert_config():
    return DistilBertConfig(
        vocab_size=VOCABULARY,
        dim=HIDDEN,
        n_layers=2,
        n_heads=HEADS,
        hidden_dim=INTERMEDIATE,
        max_position_embeddings=POSITIONS,
        num_labels=LABELS,
        attn_implementation="eager",
    )


def roberta_config():
    return RobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        intermediate_size=INTERMEDIATE,
        max_position_embeddings=POSITIONS + 2,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        num_labels=LABELS,
        attn_implementation="eager",
    )


MODEL_CLASSES = {
    "bert": BertForSequenceClassification,
    "distilbert": DistilBertForSequenceClassification,
    "roberta": RobertaForSequenceClassification,
}


def random_model(config, seed):
    """A float32 classifier in evaluation mode (no dropout) with random weights."""
    model = MODEL_CLASSES[config.model_type](config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.normal_(0.0, WEIGHT_STD, generator=generator)
            if "LayerNorm.weight" in name or "layer_norm.weight" in name:
                parameter.add_(1.0)
    return model.eval()


def random_batch(config, generator, regression=False):
    """`ROWS` rows of 2 to `LONGEST_ROW` tokens; the second part of a row has type 1 where types exist."""
    types = getattr(config, "type_vocab_size", 1)
    lengths = torch.randint(2, LONGEST_ROW + 1, (ROWS,), generator=generator).tolist()
    rows = []
    for length in lengths:
        ids = torch.randint(FIRST_WORD, VOCABULARY, (length,), generator=generator).tolist()
        border = int(torch.randint(1, length, (1,), generator=generator))
        type_ids = [0] * border + [1 if types > 1 else 0] * (length - border)
        rows.append({"ids": ids, "type_ids": type_ids})
    if regression:
        labels = torch.rand(ROWS, generator=generator, dtype=torch.float32).mul(5).tolist()
    else:
        labels = torch.randint(0, LABELS, (ROWS,), generator=generator).tolist()
    return Batch(rows, labels)


def model_inputs(config, batch, dtype):
    """The padded tensors that transformers wants for `batch`."""
    longest = max(len(row["ids"]) for row in batch.rows)
    shape = (len(batch.rows), longest)
    ids = torch.full(shape, config.pad_token_id, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    types = torch.zeros(shape, dtype=torch.long)
    for index, row in enumerate(batch.rows):
        length = len(row["ids"])
        ids[index, :length] = torch.tensor(row["ids"])
        mask[index, :length] = 1
        types[index, :length] = torch.tensor(row["type_ids"])
    inputs = {"input_ids": ids, "attention_mask": mask}
    if config.model_type != "distilbert":
        inputs["token_type_ids"] = types
    is_class = isinstance(batch.labels[0], int)
    labels = torch.tensor(batch.labels, dtype=torch.long if is_class else dtype)
    return inputs, labels
