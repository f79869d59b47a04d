//! `method`, `scheduler` and W&B's `early_terminate` to a sampler and a scheduler. Some methods are both at once and
//! take the options of their scheduler. It refuses two words on who stops trials.

use tunesmith_core::{Component, Metric};
use tunesmith_search::Method;
use tunesmith_train::protocol::Model;

use super::Task;
use super::dialect::{EARLY_TERMINATE, METHOD, SCHEDULER};
use super::problem::{Problem, ProblemKind};
use super::yaml::Node;

/// The name of the method that a file without one has, and of its scheduler.
const DEFAULT: &str = "auto";

/// A sampler and a scheduler.
pub(super) struct Search {
    pub(super) sampler: Component,
    pub(super) scheduler: Component,
}

/// What the checked file says of who proposes and who stops.
pub(super) fn read(
    root: &Node,
    metrics: &[Metric],
    task: &Task,
    problems: &mut Vec<Problem>,
) -> Option<Search> {
    let method = match root.get("method") {
        Some(method) => METHOD.read(method)?,
        None => Component::named(DEFAULT),
    };
    let own = scheduler(root, problems);
    let pair = tunesmith_search::methods().iter().find(|pair| pair.name == method.name);
    let search = match pair {
        Some(pair) => both(pair, method, own.is_some(), root, problems),
        None => Search {
            scheduler: own.unwrap_or_else(|| default_for(&method, metrics, task)),
            sampler: method,
        },
    };
    if matches!(search.scheduler.name.as_str(), "pbt" | "pb2") {
        refuse_final(root, problems);
    }
    if let Task::Program(spec) = task {
        refuse_for_program(root, &search.scheduler, spec.progress.is_some(), problems);
    }
    Some(Search { sampler: with_default_prior(search.sampler, task), ..search })
}

/// What a program cannot do, or not without saying how far it is.
fn refuse_for_program(
    root: &Node,
    scheduler: &Component,
    tells_length: bool,
    problems: &mut Vec<Problem>,
) {
    let name = scheduler.name.clone();
    let kind = match name.as_str() {
        "pbt" | "pb2" => ProblemKind::NoExchange { method: name },
        "none" | "wandb-hyperband" => return,
        _ if tells_length => return,
        _ => ProblemKind::NoLength { scheduler: name },
    };
    let node = root.get("scheduler").or_else(|| root.get("method"));
    problems.push(Problem::new(node.map_or(root.span.clone(), |node| node.span.clone()), kind));
}

/// The scheduler that the file names, by its own word or by W&B's.
fn scheduler(root: &Node, problems: &mut Vec<Problem>) -> Option<Component> {
    let (own, theirs) = (root.get("scheduler"), root.get("early_terminate"));
    if let (Some(_), Some(theirs)) = (own, theirs) {
        let kind = ProblemKind::Both { first: "scheduler", second: "early_terminate" };
        problems.push(Problem::new(theirs.span.clone(), kind));
    }
    let theirs = || theirs.and_then(|node| EARLY_TERMINATE.read(node));
    own.map_or_else(theirs, |node| SCHEDULER.read(node))
}

/// A method that is a sampler and a scheduler; its options are the scheduler's.
fn both(
    pair: &Method,
    method: Component,
    has_scheduler: bool,
    root: &Node,
    problems: &mut Vec<Problem>,
) -> Search {
    if has_scheduler {
        let key = if root.get("scheduler").is_some() { "scheduler" } else { "early_terminate" };
        let span = root.get(key).map_or(root.span.clone(), |node| node.span.clone());
        let kind = ProblemKind::SchedulerTwice { method: pair.name, scheduler: pair.scheduler };
        problems.push(Problem::new(span, kind));
    }
    Search {
        sampler: Component::named(pair.sampler),
        scheduler: Component { name: pair.scheduler.to_owned(), options: method.options },
    }
}

/// `auto` stops trials early by itself; it goes by one metric.
fn default_for(method: &Component, metrics: &[Metric], task: &Task) -> Component {
    let stops = method.name == DEFAULT && metrics.len() == 1;
    let mut scheduler = Component::named(DEFAULT);
    match task {
        Task::Trained(_) if stops => scheduler,
        // Nobody knows whether it can go on from a checkpoint.
        Task::Program(spec) if stops && spec.progress.is_some() => {
            scheduler.options.insert("pause", false);
            scheduler
        }
        _ => Component::named("none"),
    }
}

/// A population's winner is a schedule of hyperparameters, which no fresh seed repeats.
fn refuse_final(root: &Node, problems: &mut Vec<Problem>) {
    if let Some(entry) = root.entries().iter().find(|entry| entry.key == "final") {
        problems.push(Problem::new(entry.key_span.clone(), ProblemKind::FinalOfPopulation));
    }
}

/// What is known of fine-tuning is known of pretrained models: there a method that takes `prior` uses it, unless the
/// file says otherwise.
fn with_default_prior(mut sampler: Component, task: &Task) -> Component {
    let pretrained =
        matches!(task, Task::Trained(open) if matches!(open.model, Model::Pretrained(_)));
    let entry = tunesmith_search::samplers().iter().find(|entry| entry.name == sampler.name);
    let takes = entry.is_some_and(|entry| entry.options.iter().any(|one| one.name == "prior"));
    if pretrained && takes && sampler.options.get("prior").is_none() {
        sampler.options.insert("prior", "known");
    }
    sampler
}
