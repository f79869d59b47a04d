"""Writes the encoder, loss, LoRA and optimiser goldens of tunesmith-train.

    python tools/golden/encoders.py [case ...]

Each case is a folder under crates/tunesmith-train/tests/golden; README.md says
what is in it. It refuses to write a case whose float32 run strays far from its
float64 one: such numbers would test rounding and nothing else.
"""

import argparse
import copy
from dataclasses import asdict, dataclass, field

import torch
from files import GOLDEN, made_with, write_json, write_tensors
from fixtures import WEIGHT_STD, bert_config, distilbert_config, random_batch, random_model, roberta_config
from peft import LoraConfig, TaskType, get_peft_model
from reference import (
    BETAS,
    EPSILON,
    LEARNING_RATE,
    MAX_GRAD_NORM,
    STEPS,
    WARMUP_STEPS,
    WEIGHT_DECAY,
    Settings,
    deviation,
    freeze,
    gradients,
    layer_factor,
    plain_name,
    train,
    trained,
    training_batches,
)

# A float32 run may differ from the float64 one by this much, relative.
FLOAT32_LIMIT = 2e-5


@dataclass
class Case:
    """One folder of goldens. `model` names the folder that holds its checkpoint.

    Gradients that would repeat those of `bert`, and final weights that would
    show no more than the losses, are left out.
    """

    name: str
    model: str
    config: object
    settings: Settings = field(default_factory=Settings)
    lora: dict | None = None
    regression: bool = False
    with_gradients: bool = True
    with_final: bool = True
    shard_size: str = "50GB"


def lora(**changes):
    return {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "use_rslora": False} | changes


def cases():
    bert = bert_config()
    lower_half = ["bert.embeddings.", "bert.encoder.layer.0."]
    attention = ["query", "value"]
    return [
        Case("bert", "bert", bert),
        Case("distilbert", "distilbert", distilbert_config(), shard_size="60KB"),
        Case("roberta", "roberta", roberta_config()),
        Case("bert-label-smoothing", "bert", bert, Settings(label_smoothing=0.1), with_final=False),
        Case("bert-class-weights", "bert", bert, Settings(class_weights=[0.5, 1.0, 2.5]), with_final=False),
        Case("bert-regression", "bert-regression", bert_config(labels=1), regression=True, with_final=False),
        Case("bert-frozen", "bert", bert, Settings(frozen=lower_half)),
        Case("bert-accumulation", "bert", bert, Settings(accumulation=2), with_gradients=False),
        Case("bert-layer-decay", "bert", bert, Settings(layer_decay=0.8), with_gradients=False),
        Case("bert-lora", "bert", bert, lora=lora(target_modules=attention)),
        Case("bert-lora-rank-stabilised", "bert", bert, lora=lora(target_modules=attention, use_rslora=True)),
        Case("bert-lora-all-linear", "bert", bert, lora=lora(target_modules="all-linear")),
    ]


def seed_of(case):
    """Cases that share a checkpoint share its weights and batches."""
    return {"bert": 1, "distilbert": 2, "roberta": 3, "bert-regression": 4}[case.model]


def with_adapters(model, settings):
    """`model` with peft's adapters, A and B both random: B starts at zero, which would hide A's gradient."""
    adapted = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, **settings))
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in sorted(adapted.named_parameters()):
            if ".lora_" in name:
                parameter.normal_(0.0, WEIGHT_STD, generator=generator)
    return adapted.eval()


def build(case):
    """The float64 model of `case`; its checkpoint is written where the case owns one."""
    model = random_model(case.config, seed_of(case))
    if case.model == case.name:
        model.save_pretrained(GOLDEN / case.name, max_shard_size=case.shard_size)
    freeze(model, case.settings.frozen)
    if case.lora:
        model = with_adapters(model, case.lora)
    return model.double()


def adapter_facts(case, model):
    """The LoRA settings, with the modules that peft picked for them."""
    picked = sorted({name.rsplit(".lora_A", 1)[0] for name in trained(model) if ".lora_A" in name})
    return case.lora | {"adapted_modules": [plain_name(name) for name in picked]}


def rate_factors(model, settings):
    layers = model.config.num_hidden_layers
    return {name: layer_factor(name, layers, settings.layer_decay) for name in trained(model)}


def training_facts(model, groups, settings):
    facts = {
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "betas": list(BETAS),
        "epsilon": EPSILON,
        "max_grad_norm": MAX_GRAD_NORM,
        "schedule": "linear",
        "warmup_steps": WARMUP_STEPS,
        "total_steps": STEPS,
        "decayed": [group["name"] for group in groups if group["weight_decay"] > 0],
    }
    if settings.layer_decay != 1.0:
        facts["rate_factors"] = rate_factors(model, settings)
    return facts


def write(case, initial, batch, exact, report):
    """Writes the two files of a case."""
    tensors = {"logits": exact["logits"]}
    if case.with_gradients:
        tensors |= {f"gradient.{name}": value for name, value in exact["gradients"].items()}
    if case.with_final:
        tensors |= {f"final.{name}": value.detach() for name, value in exact["final"].items()}
    if case.lora:
        tensors |= {f"initial.{name}": value for name, value in initial.items()}
    write_json(GOLDEN / case.name / "golden.json", report)
    write_tensors(GOLDEN / case.name / "golden.safetensors", tensors)


def make(case):
    """Computes and writes one case; returns how far float32 strays from it."""
    torch.manual_seed(0)
    model = build(case)
    initial = {name: p.detach().clone() for name, p in trained(model).items()}
    seed = seed_of(case)
    batch = random_batch(case.config, torch.Generator().manual_seed(100 + seed), case.regression)
    by_step = training_batches(case.config, 200 + seed, case.settings, case.regression)
    untouched = copy.deepcopy(model)
    loss, logits, found = gradients(model, batch, case.settings)
    steps, groups = train(model, by_step, case.settings)
    exact = {"logits": logits, "gradients": found, "steps": steps, "final": trained(model)}
    strayed = deviation(untouched, batch, by_step, case.settings, exact)
    if max(strayed.values()) > FLOAT32_LIMIT:
        raise SystemExit(f"{case.name}: float32 strays by {strayed}; choose another seed or a smaller weight")
    report = {
        "case": case.name,
        "model": case.model,
        "made_with": made_with(),
        "settings": asdict(case.settings) | {"lora": adapter_facts(case, model) if case.lora else None},
        "float32_deviation": strayed,
        "batch": batch.as_json(),
        "loss": loss,
        "training": training_facts(model, groups, case.settings),
        "steps": [
            step | {"batches": [each.as_json() for each in batches]}
            for step, batches in zip(steps, by_step, strict=True)
        ],
    }
    write(case, initial, batch, exact, report)
    return strayed


def main():
    parser = argparse.ArgumentParser(description="Write the goldens of tunesmith-train.")
    known = {case.name: case for case in cases()}
    parser.add_argument("case", nargs="*", choices=[[], *known], help="all of them when none is named")
    torch.set_num_threads(2)
    for name in parser.parse_args().case or known:
        strayed = make(known[name])
        print(name, {key: f"{value:.1e}" for key, value in strayed.items()})


if __name__ == "__main__":
    main()
