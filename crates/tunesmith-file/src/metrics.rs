//! `metric` and `metrics` of a study file. It refuses what several metrics cannot have: one name twice, one winner, and
//! the best of evaluations that belong to different models.

use std::collections::BTreeSet;

use tunesmith_core::{Goal, Metric, Summary};

use super::parameters::Remarks;
use super::problem::{Note, Problem, ProblemKind};
use super::yaml::Node;

/// What is searched for, in the file's order; at least one.
pub(super) fn read(root: &Node, remarks: &mut Remarks<'_>) -> Option<Vec<Metric>> {
    let nodes = match root.get("metrics") {
        Some(several) => several.elements(),
        None => std::slice::from_ref(root.get("metric")?),
    };
    nodes.iter().for_each(|node| note_imputation(node, remarks));
    check_names(nodes, remarks.problems);
    if nodes.len() > 1 {
        check_several(root, nodes, remarks.problems);
    }
    nodes.iter().map(metric).collect()
}

fn metric(node: &Node) -> Option<Metric> {
    let word = |key: &str| node.get(key).and_then(Node::text);
    Some(Metric {
        name: word("name")?.to_owned(),
        goal: if word("goal") == Some("maximize") { Goal::Maximize } else { Goal::Minimize },
        target: node.get("target").and_then(Node::number),
        summary: if word("summary") == Some("best") { Summary::Best } else { Summary::Last },
    })
}

fn note_imputation(node: &Node, remarks: &mut Remarks<'_>) {
    for entry in node.entries().iter().filter(|entry| entry.key.starts_with("impute")) {
        let message = format!(
            "`{}` has no effect: the methods of this version assume nothing of other trials",
            entry.key
        );
        remarks.notes.push(Note { span: entry.key_span.clone(), message });
    }
}

fn check_names(nodes: &[Node], problems: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for name in nodes.iter().filter_map(|node| node.get("name")) {
        let text = name.text().unwrap_or_default();
        if !names.insert(text) {
            let kind = ProblemKind::RepeatedMetric { name: text.to_owned() };
            problems.push(Problem::new(name.span.clone(), kind));
        }
    }
}

/// What a study of one metric may ask for, and one of several may not.
fn check_several(root: &Node, nodes: &[Node], problems: &mut Vec<Problem>) {
    for summary in nodes.iter().filter_map(|node| node.get("summary")) {
        if summary.text() == Some("best") {
            problems.push(Problem::new(summary.span.clone(), ProblemKind::BestOfSeveral));
        }
    }
    if let Some(entry) = root.entries().iter().find(|entry| entry.key == "final") {
        problems.push(Problem::new(entry.key_span.clone(), ProblemKind::FinalOfSeveral));
    }
}
