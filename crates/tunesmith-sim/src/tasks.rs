//! The tasks of the benchmark in one table, and which of them are for tuning.
//!
//! Families are split, not tasks: what is tuned on one task of a family fits the others. Refuses to leave a task out
//! without saying so.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::analytic::branin::Branin;
use crate::analytic::finetune::FineTuning;
use crate::analytic::hartmann::Hartmann6;
use crate::analytic::rotated::{Rotated, Shape};
use crate::misled::Misled;
use crate::noise::Noise;
use crate::objective::Objective;
use crate::tables::ReadError;
use crate::tables::nmt::Nmt;
use crate::tables::opda::Opda;
use crate::tables::taskset::TaskSet;

/// What a family is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Methods may be tuned on it.
    Development,
    /// Tasks of development with priors that are wrong: what believing costs. Methods may be tuned on it.
    Misled,
    /// Nothing is chosen by it.
    Validation,
}

impl Group {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Misled => "wrong priors",
            Self::Validation => "validation",
        }
    }
}

/// Tasks that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub group: Group,
    /// What it is, and why it is in that group.
    pub reason: &'static str,
}

const fn family(name: &'static str, group: Group, reason: &'static str) -> Family {
    Family { name, group, reason }
}

/// The families.
pub const FAMILIES: [Family; 10] = [
    family(
        "deberta",
        Group::Development,
        "1,024 fine-tunings of DeBERTa on MNLI; the recipe of `auto` and its priors were made on it",
    ),
    family("lora", Group::Development, "162 LoRA fine-tunings on a grid; what the product is for"),
    family(
        "finetuning",
        Group::Development,
        "a formula of our own in the shape of fine-tuning, and its conditional twin",
    ),
    family("classic", Group::Development, "Branin and Hartmann 6: everybody tunes on them"),
    family(
        "learners",
        Group::Development,
        "YAHPO's trees and linear models: small, cheap, with a categorical",
    ),
    family(
        "misled",
        Group::Misled,
        "tasks of deberta, lora and finetuning whose study declares every shipped prior ten times too high or too low",
    ),
    family(
        "taskset",
        Group::Validation,
        "Adam on six text classifiers: real curves, and nothing of ours was made on them",
    ),
    family("lcbench", Group::Validation, "YAHPO's neural networks on tabular data"),
    family("xgboost", Group::Validation, "YAHPO's boosted trees: conditional, 13 parameters"),
    family("bbob", Group::Validation, "rotated functions in 5, 10 and 20 dimensions"),
];

/// A simulated task.
#[derive(Debug)]
pub struct Task {
    /// Its name.
    pub name: &'static str,
    /// Its family.
    pub family: &'static Family,
    /// How its values are measured.
    pub noise: Noise,
    /// What is searched.
    pub objective: Box<dyn Objective>,
}

/// Where tasks get their data.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The directory that holds `hpo`.
    pub data: Option<PathBuf>,
}

/// The tasks of a benchmark.
#[derive(Debug, Default)]
pub struct Selection {
    /// Those that run.
    pub tasks: Vec<Task>,
    /// Those of a group that this build cannot run, each with the reason.
    pub left_out: Vec<(&'static str, TaskError)>,
}

/// Why a task cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A word that names nothing.
    #[error("there is no task, family or group `{word}`; there are dev, validation, all, and: {}", known.join(", "))]
    Unknown {
        /// The word.
        word: String,
        /// Families and tasks.
        known: Vec<&'static str>,
    },
    /// It reads files, and no directory was given.
    #[error("{task} reads recorded trainings; give the directory that holds `hpo` with --data")]
    NoData {
        /// The task.
        task: &'static str,
    },
    /// It needs the ONNX engine.
    #[error("{task} is a YAHPO surrogate; build with `--features yahpo` to have it")]
    NoYahpo {
        /// The task.
        task: &'static str,
    },
    /// Its table cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its surrogate cannot be used.
    #[cfg(feature = "yahpo")]
    #[error(transparent)]
    Surrogate(#[from] crate::yahpo::SurrogateError),
}

/// Where the values of a task come from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Branin,
    Hartmann6,
    FineTuning,
    FineTuningAdapter,
    Rotated(Shape, usize),
    Opda,
    Nmt(&'static str),
    /// A task whose priors are moved by a factor.
    Misled(&'static Source, f64),
    TaskSet(&'static str),
    /// Scenario, instance and the metric that is searched.
    Yahpo(&'static str, &'static str, &'static str),
}

struct Row {
    name: &'static str,
    family: &'static str,
    noise: Noise,
    source: Source,
}

const fn row(name: &'static str, family: &'static str, noise: Noise, source: Source) -> Row {
    Row { name, family, noise, source }
}

/// The two dev sets of MultiNLI together.
const MNLI: Noise = Noise::DevSet { examples: 19_647, shared: 0.0 };
/// The dev set of RTE, of which every evaluation draws its errors anew: the worst case.
const RTE: Noise = Noise::DevSet { examples: 277, shared: 0.0 };
/// A middling dev set whose hard examples are hard for all trials, as real ones are.
const SHARED: Noise = Noise::DevSet { examples: 1_000, shared: 0.8 };
const THOUSAND: Noise = Noise::DevSet { examples: 1_000, shared: 0.0 };

const BLOOMZ: Source = Source::Nmt("bloomz");

const TASKS: [Row; 42] = [
    row("opda", "deberta", MNLI, Source::Opda),
    row("opda-277", "deberta", RTE, Source::Opda),
    row("nmt-bloomz", "lora", Noise::None, Source::Nmt("bloomz")),
    row("nmt-xglm", "lora", Noise::None, Source::Nmt("xglm")),
    row("finetune", "finetuning", SHARED, Source::FineTuning),
    row("finetune-adapter", "finetuning", SHARED, Source::FineTuningAdapter),
    row("branin", "classic", Noise::None, Source::Branin),
    row("hartmann6", "classic", Noise::None, Source::Hartmann6),
    row("rpart-14", "learners", THOUSAND, Source::Yahpo("rbv2_rpart", "14", "acc")),
    row("rpart-40499", "learners", THOUSAND, Source::Yahpo("rbv2_rpart", "40499", "acc")),
    row("glmnet-1067", "learners", THOUSAND, Source::Yahpo("iaml_glmnet", "1067", "mmce")),
    row("glmnet-1489", "learners", THOUSAND, Source::Yahpo("iaml_glmnet", "1489", "mmce")),
    row("opda-high", "misled", MNLI, Source::Misled(&Source::Opda, 10.0)),
    row("opda-low", "misled", MNLI, Source::Misled(&Source::Opda, 0.1)),
    row("nmt-bloomz-high", "misled", Noise::None, Source::Misled(&BLOOMZ, 10.0)),
    row("nmt-bloomz-low", "misled", Noise::None, Source::Misled(&BLOOMZ, 0.1)),
    row("finetune-high", "misled", SHARED, Source::Misled(&Source::FineTuning, 10.0)),
    row("finetune-low", "misled", SHARED, Source::Misled(&Source::FineTuning, 0.1)),
    row("adapter-high", "misled", SHARED, Source::Misled(&Source::FineTuningAdapter, 10.0)),
    row("adapter-low", "misled", SHARED, Source::Misled(&Source::FineTuningAdapter, 0.1)),
    row(
        "taskset-lstm-average",
        "taskset",
        Noise::None,
        Source::TaskSet("patch128_LSTM128_avg_bs64"),
    ),
    row(
        "taskset-lstm-embed",
        "taskset",
        Noise::None,
        Source::TaskSet("patch128_LSTM128_embed128_bs64"),
    ),
    row("taskset-gru", "taskset", Noise::None, Source::TaskSet("patch32_GRU64_avg_bs128")),
    row("taskset-irnn", "taskset", Noise::None, Source::TaskSet("patch32_IRNN64_relu_last_bs128")),
    row("taskset-lstm", "taskset", Noise::None, Source::TaskSet("patch32_LSTM128_bs128")),
    row("taskset-vrnn", "taskset", Noise::None, Source::TaskSet("patch32_VRNN64_relu_avg_bs128")),
    row("lcbench-167168", "lcbench", THOUSAND, Source::Yahpo("lcbench", "167168", "val_accuracy")),
    row("lcbench-189873", "lcbench", THOUSAND, Source::Yahpo("lcbench", "189873", "val_accuracy")),
    row("lcbench-189906", "lcbench", THOUSAND, Source::Yahpo("lcbench", "189906", "val_accuracy")),
    row("xgboost-12", "xgboost", THOUSAND, Source::Yahpo("rbv2_xgboost", "12", "acc")),
    row("xgboost-1501", "xgboost", THOUSAND, Source::Yahpo("rbv2_xgboost", "1501", "acc")),
    row("xgboost-40499", "xgboost", THOUSAND, Source::Yahpo("rbv2_xgboost", "40499", "acc")),
    row("sphere-5", "bbob", Noise::None, Source::Rotated(Shape::Sphere, 5)),
    row("sphere-20", "bbob", Noise::None, Source::Rotated(Shape::Sphere, 20)),
    row("ellipsoid-5", "bbob", Noise::None, Source::Rotated(Shape::Ellipsoid, 5)),
    row("ellipsoid-10", "bbob", Noise::None, Source::Rotated(Shape::Ellipsoid, 10)),
    row("ellipsoid-20", "bbob", Noise::None, Source::Rotated(Shape::Ellipsoid, 20)),
    row("rastrigin-5", "bbob", Noise::None, Source::Rotated(Shape::Rastrigin, 5)),
    row("rastrigin-10", "bbob", Noise::None, Source::Rotated(Shape::Rastrigin, 10)),
    row("rosenbrock-5", "bbob", Noise::None, Source::Rotated(Shape::Rosenbrock, 5)),
    row("rosenbrock-10", "bbob", Noise::None, Source::Rotated(Shape::Rosenbrock, 10)),
    row("rosenbrock-20", "bbob", Noise::None, Source::Rotated(Shape::Rosenbrock, 20)),
];

/// The tasks that words name: `dev`, `validation`, `all`, families or single tasks.
///
/// # Errors
/// Where a word names nothing, or a task cannot be run. Of a family or a group, surrogates that this build has no
/// engine for are left out.
pub fn select(words: &[String], sources: &Sources) -> Result<Selection, TaskError> {
    let mut selection = Selection::default();
    for word in words {
        let mut named = false;
        for row in TASKS.iter().filter(|row| row.is_meant_by(word)) {
            named = true;
            if selection.has(row.name) {
                continue;
            }
            match row.task(sources) {
                Ok(task) => selection.tasks.push(task),
                Err(error @ TaskError::NoYahpo { .. }) if word != row.name => {
                    selection.left_out.push((row.name, error));
                }
                Err(error) => return Err(error),
            }
        }
        if !named {
            let families = FAMILIES.iter().map(|family| family.name);
            let known = families.chain(TASKS.iter().map(|row| row.name)).collect();
            return Err(TaskError::Unknown { word: word.clone(), known });
        }
    }
    Ok(selection)
}

impl Selection {
    fn has(&self, name: &str) -> bool {
        self.tasks.iter().any(|task| task.name == name)
            || self.left_out.iter().any(|(left_out, _)| *left_out == name)
    }
}

impl Row {
    fn family(&self) -> &'static Family {
        FAMILIES
            .iter()
            .find(|family| family.name == self.family)
            .unwrap_or_else(|| unreachable!("every task's family is in the table"))
    }

    fn is_meant_by(&self, word: &str) -> bool {
        match word {
            "all" => true,
            "dev" => self.family().group == Group::Development,
            "validation" => self.family().group == Group::Validation,
            word => word == self.family || word == self.name,
        }
    }

    fn task(&self, sources: &Sources) -> Result<Task, TaskError> {
        let objective = self.objective(self.source, sources)?;
        Ok(Task { name: self.name, family: self.family(), noise: self.noise, objective })
    }

    fn objective(
        &self,
        source: Source,
        sources: &Sources,
    ) -> Result<Box<dyn Objective>, TaskError> {
        let data = || sources.data.as_deref().ok_or(TaskError::NoData { task: self.name });
        Ok(match source {
            Source::Branin => Box::new(Branin::new()),
            Source::Hartmann6 => Box::new(Hartmann6::new()),
            Source::FineTuning => Box::new(FineTuning::full()),
            Source::FineTuningAdapter => Box::new(FineTuning::with_adapter()),
            Source::Rotated(shape, dimension) => Box::new(Rotated::new(shape, dimension)),
            Source::Opda => Box::new(Opda::read(data()?)?),
            Source::Nmt(model) => Box::new(Nmt::read(data()?, model)?),
            Source::TaskSet(name) => Box::new(TaskSet::read(data()?, name)?),
            Source::Yahpo(scenario, instance, metric) => {
                surrogate(self.name, scenario, instance, metric, sources.data.as_deref())?
            }
            Source::Misled(inner, factor) => {
                Box::new(Misled::new(self.objective(*inner, sources)?, factor))
            }
        })
    }
}

#[cfg(feature = "yahpo")]
fn surrogate(
    task: &'static str,
    scenario: &str,
    instance: &str,
    metric: &str,
    data: Option<&Path>,
) -> Result<Box<dyn Objective>, TaskError> {
    let data = data.ok_or(TaskError::NoData { task })?;
    Ok(Box::new(crate::yahpo::Yahpo::read(data, scenario, instance, metric)?))
}

#[cfg(not(feature = "yahpo"))]
fn surrogate(
    task: &'static str,
    _scenario: &str,
    _instance: &str,
    _metric: &str,
    _data: Option<&Path>,
) -> Result<Box<dyn Objective>, TaskError> {
    Err(TaskError::NoYahpo { task })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_are_unique_and_every_family_has_tasks() {
        let names: BTreeSet<&str> = TASKS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TASKS.len());
        for family in FAMILIES {
            assert!(TASKS.iter().any(|row| row.family == family.name), "{}", family.name);
        }
        assert!(TASKS.iter().all(|row| row.family().name == row.family));
    }

    #[test]
    fn words_select_once_and_unknown_ones_are_refused() {
        let selected =
            select(&words(&["classic", "branin"]), &Sources::default()).expect("formulas");
        let names: Vec<&str> = selected.tasks.iter().map(|task| task.name).collect();
        assert_eq!(names, ["branin", "hartmann6"]);
        let error = select(&words(&["brannin"]), &Sources::default()).expect_err("no task");
        assert!(error.to_string().contains("hartmann6"), "{error}");
        let error = select(&words(&["dev"]), &Sources::default()).expect_err("no data");
        assert!(error.to_string().contains("--data"), "{error}");
    }
}
