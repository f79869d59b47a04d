//! The dialect: every key a study file may have. A superset of W&B's sweep schema (sweeps 0.3.0,
//! `config/schema.json`). Keys of theirs that this version cannot honour are named here too, so
//! that they are refused with a reason instead of being ignored or called unknown.

mod parameter;
mod train;

pub(super) use parameter::PARAMETER;
use train::TRAIN;

use super::shape::{Bounds, Key, Shape, Table};

const LATER_PROGRAM: Shape = Shape::Refused {
    reason: "studies that run a program are not part of this version",
    instead: "describe the fine-tuning under `train: {model: …, task: …}`",
};
const WANDB_LAUNCH: Shape =
    Shape::Refused { reason: "tunesmith does not start jobs on W&B's cloud", instead: "remove it" };

/// The whole file.
pub(crate) static STUDY: Table = Table {
    place: "the study file",
    keys: &[
        Key::new(
            "name",
            Shape::Text,
            "The study's name, and that of its folder under ./runs. The file's own name without its ending where left out.",
        ),
        Key::new("description", Shape::Text, "A description, kept with the study."),
        Key::new(
            "method",
            Shape::Word { what: "method of this version", words: methods },
            "How hyperparameters are proposed.",
        )
        .required("add `method: random`, or `grid`, or `sobol`"),
        Key::new("metric", Shape::Map(&METRIC), "What is searched for.")
            .required("add `metric: {name: eval_accuracy, goal: maximize}`"),
        Key::new(
            "metrics",
            Shape::Refused {
                reason: "searching for several metrics at once is not part of this version",
                instead: "name the one to search for under `metric`; the others are recorded with every trial",
            },
            "",
        ),
        Key::new(
            "parameters",
            Shape::Each(&Shape::Map(&PARAMETER)),
            "The hyperparameters to search, by name.",
        )
        .required("add `parameters: {learning_rate: {values: [2e-5, 3e-5, 5e-5]}}`"),
        Key::new(
            "scheduler",
            Shape::Map(&SCHEDULER),
            "How training budget is given out between trials.",
        ),
        Key::new(
            "early_terminate",
            Shape::Refused {
                reason: "stopping trials early is not part of this version",
                instead: "remove it: every trial is trained to its end",
            },
            "",
        ),
        Key::new(
            "budget",
            Shape::Map(&BUDGET),
            "What ends the search: whichever limit is reached first.",
        ),
        Key::new("run_cap", Shape::Whole { least: 1 }, "W&B's word for budget.trials."),
        Key::new("price", Shape::Map(&PRICE), "What the device costs."),
        Key::new(
            "final",
            Shape::Map(&FINAL),
            "How the winner is chosen: the best trials run again on fresh seeds, and those runs decide. A fifth of a budget of time or money is kept for them; they come on top of budget.trials. Without it the best value wins as it was measured.",
        ),
        Key::new(
            "seed",
            Shape::Whole { least: 0 },
            "The seed of the search, 0 where left out. The same file and seed propose the same trials.",
        ),
        Key::new("train", Shape::Map(&TRAIN), "What is fine-tuned, on what.")
            .required("add `train: {model: bert-base-uncased, task: glue/rte}`"),
        Key::new("program", LATER_PROGRAM, ""),
        Key::new("command", LATER_PROGRAM, ""),
        Key::new("capture", LATER_PROGRAM, ""),
        Key::new("job", WANDB_LAUNCH, ""),
        Key::new("image_uri", WANDB_LAUNCH, ""),
        Key::new("project", Shape::Text, "W&B's project, kept with the study as a label."),
        Key::new("entity", Shape::Text, "W&B's entity, kept with the study as a label."),
        Key::new("apiVersion", Shape::Text, "W&B's marker of the file's version."),
        Key::new(
            "kind",
            Shape::Word {
                what: "kind of W&B file that describes a study",
                words: || vec!["sweep"],
            },
            "W&B's marker of the file's kind.",
        ),
        Key::new(
            "controller",
            Shape::Map(&CONTROLLER),
            "W&B's choice of who proposes; here it is always tunesmith.",
        ),
    ],
};

fn methods() -> Vec<&'static str> {
    tunesmith_search::samplers().iter().map(|entry| entry.name).collect()
}

/// `metric`.
pub(crate) static METRIC: Table = Table {
    place: "`metric`",
    keys: &[
        Key::new(
            "name",
            Shape::Text,
            "The metric as the trainer reports it, such as eval_accuracy or eval_loss.",
        )
        .required("add `name: eval_accuracy`"),
        Key::new(
            "goal",
            Shape::Word { what: "goal", words: || vec!["minimize", "maximize"] },
            "minimize, as in W&B, where left out.",
        ),
        Key::new("target", Shape::Number(Bounds::Any), "The search ends when a trial reaches it."),
        Key::new(
            "summary",
            Shape::Word { what: "summary", words: || vec!["last", "best"] },
            "Which evaluation of a trial counts: its last (where left out) or its best.",
        ),
        Key::new(
            "impute",
            Shape::Word { what: "imputation", words: || vec!["latest", "best", "worst"] },
            "W&B: what its Bayesian search assumes of failed runs. Without effect on the methods of this version.",
        ),
        Key::new(
            "impute_while_running",
            Shape::Either(&[
                Shape::Word {
                    what: "imputation",
                    words: || vec!["latest", "best", "worst", "false"],
                },
                Shape::Bool,
            ]),
            "W&B: what its Bayesian search assumes of unfinished runs. Without effect on the methods of this version.",
        ),
    ],
};

/// `controller`.
pub(crate) static CONTROLLER: Table = Table {
    place: "`controller`",
    keys: &[Key::new(
        "type",
        Shape::Word { what: "controller", words: || vec!["local", "cloud"] },
        "W&B's controller.",
    )],
};

/// `scheduler`.
pub(crate) static SCHEDULER: Table = Table {
    place: "`scheduler`",
    keys: &[
        Key::new(
            "type",
            Shape::Word { what: "scheduler of this version", words: schedulers },
            "The scheduler; none trains every trial to its end.",
        )
        .required("add `type: none`"),
        Key::new(
            "engine",
            Shape::Refused {
                reason: "W&B's sweep schedulers are not part of tunesmith",
                instead: "choose a `method`",
            },
            "",
        ),
    ],
};

fn schedulers() -> Vec<&'static str> {
    tunesmith_search::schedulers().iter().map(|entry| entry.name).collect()
}

/// `budget`.
pub(crate) static BUDGET: Table = Table {
    place: "`budget`",
    keys: &[
        Key::new("trials", Shape::Whole { least: 1 }, "How many trials to start."),
        Key::new(
            "gpu_minutes",
            Shape::Number(Bounds::Positive),
            "Minutes of the device that trains, whichever it is.",
        ),
        Key::new("cost", Shape::Number(Bounds::Positive), "Money, in the currency of `price`."),
        Key::new("wall", Shape::Duration, "Time since the study began: 90s, 45m, 1h30m, 2d."),
    ],
};

/// `final`.
pub(crate) static FINAL: Table = Table {
    place: "`final`",
    keys: &[
        Key::new("replicate", Shape::Whole { least: 1 }, "How many of the best trials run again.")
            .required("add `replicate: 3`"),
        Key::new(
            "seeds",
            Shape::Whole { least: 1 },
            "On how many fresh seeds each, 2 where left out.",
        ),
    ],
};

/// `price`.
pub(crate) static PRICE: Table = Table {
    place: "`price`",
    keys: &[Key::new(
        "gpu_hour",
        Shape::Number(Bounds::NotNegative),
        "The price of an hour of the device that trains, whichever it is.",
    )
    .required("add `gpu_hour: 3.06`")],
};
