//! The dialect: every key a study file may have. A superset of W&B's sweep schema (sweeps 0.3.0,
//! `config/schema.json`). Keys of theirs that this version cannot honour are named here too, so
//! that they are refused with a reason instead of being ignored or called unknown.

mod parameter;
mod train;

pub(super) use parameter::PARAMETER;
use train::TRAIN;

use tunesmith_search::Objectives;

use super::component::{Choice, Components};
use super::shape::{Bounds, Key, Shape, Table};

const WANDB_LAUNCH: Shape =
    Shape::Refused { reason: "tunesmith does not start jobs on W&B's cloud", instead: "remove it" };

const COMPARED: Shape = Shape::Refused {
    reason: "it belongs to a file that compares several searches",
    instead: "run the file by `tunesmith compare`",
};

/// What a file that compares several searches has besides.
pub(crate) static COMPARISON: Table = Table {
    place: "a comparison",
    keys: &[
        Key::new(
            "compare",
            Shape::Each(&Shape::Each(&Shape::Anything)),
            "What is compared, by name: for each the keys of a study file that differ from the rest of the file.",
        ),
        Key::new(
            "seeds",
            Shape::Whole { least: 1 },
            "How often each study is repeated, each time with another seed.",
        ),
    ],
};

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
            Shape::Component(&METHOD),
            "How hyperparameters are proposed: the method's name, or a mapping of its name and its options; auto where left out.",
        ),
        Key::new("metric", Shape::Map(&METRIC), "What is searched for.")
            .required("add `metric: {name: eval_accuracy, goal: maximize}`")
            .or("metrics"),
        Key::new(
            "metrics",
            Shape::List { of: &Shape::Map(&METRIC), least: 1 },
            "Several things to search for at once, instead of `metric`: the study finds the trials that no other beats in all of them, and keeps the model of each. Where one number is needed, the first decides.",
        ),
        Key::new(
            "parameters",
            Shape::Each(&Shape::Map(&PARAMETER)),
            "The hyperparameters to search, by name.",
        )
        .required("add `parameters: {learning_rate: {values: [2e-5, 3e-5, 5e-5]}}`"),
        Key::new(
            "scheduler",
            Shape::Component(&SCHEDULER),
            "How training budget is given out between trials: who is stopped early, paused and gone on with. Where left out, `auto` stops trials by the scheduler `auto` and any other method lets all run to their end.",
        ),
        Key::new(
            "early_terminate",
            Shape::Component(&EARLY_TERMINATE),
            "W&B's word for a scheduler that stops trials early, with W&B's rules.",
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
            "How the winner is chosen: the best trials run again on fresh seeds, and those runs decide. A fifth of a budget of time or money is kept for them; they come on top of budget.trials. Without it the best value wins as it was measured. For studies of one metric.",
        ),
        Key::new(
            "enqueue",
            Shape::List { of: &Shape::Each(&Shape::Anything), least: 1 },
            "Hyperparameters to try first, a mapping for each trial; what one leaves out is drawn from the priors. Those added later are tried next.",
        ),
        Key::new(
            "warm_start",
            Shape::List { of: &Shape::Text, least: 1 },
            "Earlier studies of the same storage, by name: where a parameter has no prior of its own, their best trials give it one.",
        ),
        Key::new(
            "seed",
            Shape::Whole { least: 0 },
            "The seed of the search, 0 where left out. The same file and seed propose the same trials.",
        ),
        Key::new(
            "train",
            Shape::Map(&TRAIN),
            "What is fine-tuned, on what. A study that runs a program has `program` or `command` instead.",
        ),
        Key::new("compare", COMPARED, ""),
        Key::new("seeds", COMPARED, ""),
        Key::new(
            "program",
            Shape::Text,
            "The program that is run for each trial, what `${program}` of the command stands for.",
        ),
        Key::new(
            "command",
            Shape::List { of: &Shape::Scalar, least: 1 },
            "The words of the command, with W&B's macros; `[${env}, ${interpreter}, ${program}, ${args}]` where left out.",
        ),
        Key::new(
            "directory",
            Shape::Text,
            "Where the program runs; the folder of this file where left out.",
        ),
        Key::new(
            "env",
            Shape::Each(&Shape::Scalar),
            "Variables of the program's environment besides those of the agent.",
        ),
        Key::new(
            "capture",
            Shape::Word { what: "capture", words: || vec!["output", "report", "wandb"] },
            "Where metrics are read: lines of output that are dictionaries as the Trainer prints them or JSON objects (where left out), `tunesmith.report` alone, or calls of wandb, whose place a module of tunesmith's takes. `tunesmith.report` always counts.",
        ),
        Key::new(
            "progress",
            Shape::Map(&PROGRESS),
            "How far a trial is; where left out, `epoch` of the parameter num_train_epochs, epochs, num_epochs or max_epochs if there is one.",
        ),
        Key::new(
            "grace",
            Shape::Duration,
            "How long a program may take to end when it is asked to; 30s where left out.",
        ),
        Key::new("time_limit", Shape::Duration, "How long a trial may run; pauses do not count."),
        Key::new(
            "retries",
            Shape::Whole { least: 0 },
            "How often a trial whose program fails is started again, with growing pauses; never where left out.",
        ),
        Key::new(
            "resources",
            Shape::Map(&RESOURCES),
            "What each trial needs of the machine. An agent runs as many at once as there are places for, and shows each only its own GPUs.",
        ),
        Key::new(
            "parallel",
            Shape::Whole { least: 1 },
            "How many trials an agent runs at once at most; as many as `resources` leave places for where left out, or one.",
        ),
        Key::new(
            "lenient",
            Shape::Bool,
            "Whether to drop what W&B drops without a word: macros that it does not know, variables that are not set.",
        ),
        Key::new("job", WANDB_LAUNCH, ""),
        Key::new("image_uri", WANDB_LAUNCH, ""),
        Key::new("project", Shape::Text, "W&B's project, kept with the study as a label."),
        Key::new("entity", Shape::Text, "W&B's entity, kept with the study as a label."),
        Key::new(
            "apiVersion",
            Shape::Text,
            "W&B's marker of the file's version, kept with the study as a label.",
        ),
        Key::new(
            "kind",
            Shape::Word {
                what: "kind of W&B file that describes a study",
                words: || vec!["sweep"],
            },
            "W&B's marker of the file's kind, kept with the study as a label.",
        ),
        Key::new(
            "controller",
            Shape::Map(&CONTROLLER),
            "W&B's choice of who proposes, kept with the study as a label; here it is always tunesmith.",
        ),
    ],
};

/// `method`.
pub(crate) static METHOD: Components = Components {
    what: "method of this version",
    place: "`method`",
    key: "name",
    word: true,
    help: "add `name: auto`",
    all: methods,
    aliases: &[("bayes", "gp")],
    refused: &[],
};

/// `scheduler`.
pub(crate) static SCHEDULER: Components = Components {
    what: "scheduler of this version",
    place: "`scheduler`",
    key: "type",
    word: false,
    help: "add `type: none`",
    all: || tunesmith_search::schedulers().iter().map(choice).collect(),
    aliases: &[],
    refused: &[Key::new(
        "engine",
        Shape::Refused {
            reason: "W&B's sweep schedulers are not part of tunesmith",
            instead: "choose a `method`",
        },
        "",
    )],
};

/// `early_terminate`.
pub(crate) static EARLY_TERMINATE: Components = Components {
    what: "kind of early termination",
    place: "`early_terminate`",
    key: "type",
    word: false,
    help: "add `type: hyperband`",
    all: || {
        let all = tunesmith_search::schedulers().iter();
        all.filter(|entry| entry.name == "wandb-hyperband").map(choice).collect()
    },
    aliases: &[("hyperband", "wandb-hyperband")],
    refused: &[],
};

/// Samplers, and methods that are a sampler and a scheduler; these take the options of their scheduler.
fn methods() -> Vec<Choice> {
    let pairs = tunesmith_search::methods();
    let options = |name: &str| {
        let scheduler = tunesmith_search::schedulers().iter().find(|entry| entry.name == name);
        scheduler.map_or(&[][..], |entry| entry.options)
    };
    let pair = |pair: &tunesmith_search::Method| Choice {
        name: pair.name,
        summary: pair.summary,
        options: options(pair.scheduler),
        objectives: Objectives::One,
    };
    let single = |name: &str| pairs.iter().all(|pair| pair.name != name);
    let samplers = tunesmith_search::samplers().iter().filter(|entry| single(entry.name));
    let mut choices: Vec<Choice> = samplers.map(choice).chain(pairs.iter().map(pair)).collect();
    choices.sort_by_key(|choice| choice.name);
    choices
}

fn choice<T>(entry: &'static tunesmith_search::Entry<T>) -> Choice {
    Choice {
        name: entry.name,
        summary: entry.summary,
        options: entry.options,
        objectives: entry.objectives,
    }
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
        Key::new(
            "target",
            Shape::Number(Bounds::Any),
            "The search ends when a trial reaches it; with several metrics, when a trial reaches the target of any of them.",
        ),
        Key::new(
            "summary",
            Shape::Word { what: "summary", words: || vec!["last", "best"] },
            "Which evaluation of a trial counts: its last (where left out) or its best; with several metrics its last.",
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

/// `progress`.
pub(crate) static RESOURCES: Table = Table {
    place: "`resources`",
    keys: &[
        Key::new(
            "cpu",
            Shape::Number(Bounds::Positive),
            "Cores; also what its OMP_NUM_THREADS is, rounded down.",
        ),
        Key::new(
            "gpu",
            Shape::Number(Bounds::NotNegative),
            "GPUs, whole ones or a fraction of one: 0.25 runs four trials on each. They are those of CUDA_VISIBLE_DEVICES, or all; 0 hides them.",
        ),
        Key::new("memory", Shape::Size, "The machine's memory, such as `8GiB` or `500MB`."),
    ],
};

pub(crate) static PROGRESS: Table = Table {
    place: "`progress`",
    keys: &[
        Key::new(
            "metric",
            Shape::Text,
            "What the program reports beside its metrics, such as epoch.",
        )
        .required("add `metric: epoch`"),
        Key::new(
            "total",
            Shape::Either(&[Shape::Number(Bounds::Positive), Shape::Text]),
            "What it is at the end: a number, or the parameter that says it.",
        )
        .required("add `total: num_train_epochs`"),
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
