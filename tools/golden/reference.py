"""What PyTorch computes for one case: logits, loss, gradients and ten AdamW steps.

The sums run in float64, so that a golden number is the true one and not one
rounding among several; how far PyTorch's own float32 strays from it is kept
beside it. It keeps to transformers' Trainer where that has a rule (who decays,
how a norm is clipped, when the schedule advances) and never calls it.
"""

import copy
from dataclasses import dataclass, field

import torch
from fixtures import model_inputs, random_batch
from torch import nn
from transformers import get_scheduler
from transformers.trainer_pt_utils import LabelSmoother, get_parameter_names

STEPS = 10
WARMUP_STEPS = 2
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.01
BETAS = (0.9, 0.999)
EPSILON = 1e-8
MAX_GRAD_NORM = 1.0

# transformers 5.23, Trainer.get_decay_parameter_names.
NOT_DECAYED = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]


@dataclass
class Settings:
    """What a case does differently from plain fine-tuning."""

    label_smoothing: float = 0.0
    class_weights: list[float] | None = None
    frozen: list[str] = field(default_factory=list)
    layer_decay: float = 1.0
    accumulation: int = 1


def plain_name(name):
    """A parameter's name as the Hugging Face checkpoint has it, without peft's wrapping."""
    for wrapping in ("base_model.model.", ".modules_to_save", ".default"):
        name = name.replace(wrapping, "")
    return name


def trained(model):
    """The trained parameters by plain name, in the model's order."""
    return {plain_name(name): p for name, p in model.named_parameters() if p.requires_grad}


def freeze(model, prefixes):
    for name, parameter in model.named_parameters():
        if any(name.startswith(prefix) for prefix in prefixes):
            parameter.requires_grad_(False)


def loss_and_logits(model, batch, settings):
    """One forward pass: `(loss, logits)` in the model's own dtype."""
    dtype = next(model.parameters()).dtype
    inputs, labels = model_inputs(model.config, batch, dtype)
    if settings.label_smoothing > 0.0:
        output = model(**inputs)
        return LabelSmoother(settings.label_smoothing)(output, labels), output.logits
    if settings.class_weights is not None:
        logits = model(**inputs).logits
        weights = torch.tensor(settings.class_weights, dtype=dtype)
        return nn.functional.cross_entropy(logits, labels, weight=weights), logits
    output = model(**inputs, labels=labels)
    return output.loss, output.logits


def gradients(model, batch, settings):
    """`(loss, logits, {name: gradient})` of one batch."""
    model.zero_grad()
    loss, logits = loss_and_logits(model, batch, settings)
    loss.backward()
    found = {name: p.grad.detach().clone() for name, p in trained(model).items()}
    model.zero_grad()
    return loss.item(), logits.detach(), found


def layer_factor(name, layers, decay):
    """Layer-wise decay: head and pooler 1, last layer `decay`, embeddings `decay^(layers + 1)`."""
    if ".embeddings." in name:
        return decay ** (layers + 1)
    if ".layer." in name:
        return decay ** (layers - int(name.split(".layer.")[1].split(".")[0]))
    return 1.0


def parameter_groups(model, settings):
    """One group a parameter: its decay by the Trainer's rule, its rate by its depth."""
    decayed = {plain_name(name) for name in get_parameter_names(model, [nn.LayerNorm], NOT_DECAYED)}
    layers = model.config.num_hidden_layers
    groups = []
    for name, parameter in trained(model).items():
        factor = layer_factor(name, layers, settings.layer_decay)
        decay = WEIGHT_DECAY if name in decayed else 0.0
        groups.append({"name": name, "params": [parameter], "lr": LEARNING_RATE * factor, "weight_decay": decay})
    return groups


def accumulate(model, batches, settings):
    """Adds the gradient of the mean loss over equally large `batches`; returns that loss."""
    total = 0.0
    for batch in batches:
        loss, _ = loss_and_logits(model, batch, settings)
        loss = loss / len(batches)
        loss.backward()
        total += loss.item()
    return total


def train(model, batches_by_step, settings):
    """Ten steps of AdamW under a linear schedule; returns what each step saw."""
    groups = parameter_groups(model, settings)
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, foreach=False)
    schedule = get_scheduler("linear", optimizer, WARMUP_STEPS, STEPS)
    steps = []
    for batches in batches_by_step:
        optimizer.zero_grad()
        loss = accumulate(model, batches, settings)
        norm = nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], MAX_GRAD_NORM)
        factor = optimizer.param_groups[0]["lr"] / optimizer.param_groups[0]["initial_lr"]
        optimizer.step()
        schedule.step()
        steps.append({"loss": loss, "grad_norm": norm.item(), "learning_rate": LEARNING_RATE * factor})
    return steps, groups


def training_batches(config, seed, settings, regression):
    generator = torch.Generator().manual_seed(seed)
    return [
        [random_batch(config, generator, regression) for _ in range(settings.accumulation)] for _ in range(STEPS)
    ]


def relative(found, wanted):
    """The largest difference over the largest wanted magnitude."""
    scale = wanted.double().abs().max().item()
    gap = (found.double() - wanted.double()).abs().max().item()
    return gap / scale if scale > 0 else gap


def deviation(model, batch, batches_by_step, settings, exact):
    """How far a float32 run of PyTorch, on the fused attention, is from the float64 one."""
    single = copy.deepcopy(model).float()
    single.config._attn_implementation = "sdpa"
    _, logits, found = gradients(single, batch, settings)
    steps, _ = train(single, batches_by_step, settings)
    largest = max(gradient.abs().max().item() for gradient in exact["gradients"].values())
    return {
        "logits": relative(logits, exact["logits"]),
        "gradients_to_largest": max(
            (found[name].double() - wanted).abs().max().item() / largest
            for name, wanted in exact["gradients"].items()
        ),
        "losses": max(abs(a["loss"] - b["loss"]) / abs(b["loss"]) for a, b in zip(steps, exact["steps"], strict=True)),
    }
