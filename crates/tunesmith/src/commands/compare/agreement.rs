//! Whether two of the things that are compared want the same hyperparameters: where both tried the same configurations,
//! how alike they rank them, and what the best of one loses with the other. It refuses to answer from fewer than five
//! configurations in common.

use std::collections::BTreeMap;

use tunesmith_core::{Goal, TrialState};

use super::outcome::{Contest, Contestant};
use crate::findings::varying_in;
use crate::progress::short_params;
use tunesmith_view::figures;

/// The fewest configurations in common that say anything.
const LEAST_SHARED: usize = 5;

/// Configurations by their canonical text, with the mean of what they came to and how they are written.
type Values = BTreeMap<String, (f64, String)>;

/// A sentence for each pair that can be compared.
pub(super) fn sentences(contest: &Contest) -> Vec<String> {
    let tables: Vec<Values> = contest.contestants.iter().map(values).collect();
    let mut sentences = Vec::new();
    for left in 0..tables.len() {
        for right in left + 1..tables.len() {
            let labels = [left, right].map(|index| contest.contestants[index].label.as_str());
            sentences.extend(sentence(contest.goal, labels, [&tables[left], &tables[right]]));
        }
    }
    sentences
}

fn values(contestant: &Contestant) -> Values {
    let mut all: BTreeMap<String, (Vec<f64>, String)> = BTreeMap::new();
    for score in &contestant.scores {
        let study = &score.study;
        let Some(metric) = study.metrics().first() else { continue };
        let names = varying_in(study.space());
        for trial in study.in_state(TrialState::Completed).filter(|trial| !study.is_replica(trial))
        {
            let Some(value) = trial.value(metric) else { continue };
            let shown = short_params(&trial.params, &names);
            // What is fixed differs from model to model and is not what is asked about.
            all.entry(shown.clone()).or_insert((Vec::new(), shown)).0.push(value);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    all.into_iter().map(|(key, (values, shown))| (key, (mean(&values), shown))).collect()
}

fn sentence(goal: Goal, labels: [&str; 2], tables: [&Values; 2]) -> Option<String> {
    let shared: Vec<(&str, f64, f64)> = tables[0]
        .iter()
        .filter_map(|(key, (left, shown))| Some((shown.as_str(), *left, tables[1].get(key)?.0)))
        .collect();
    if shared.len() < LEAST_SHARED {
        return None;
    }
    let left: Vec<f64> = shared.iter().map(|(_, left, _)| *left).collect();
    let right: Vec<f64> = shared.iter().map(|(_, _, right)| *right).collect();
    let best = |values: &[f64]| {
        (0..values.len()).reduce(|best, index| {
            if goal.is_better(values[index], values[best]) { index } else { best }
        })
    };
    let (first, second) = (best(&left)?, best(&right)?);
    let alike = rank_correlation(&left, &right)
        .map_or("no ranks to compare".to_owned(), |rank| format!("rank correlation {rank:.2}"));
    let count = shared.len();
    let [one, other] = labels;
    Some(if first == second {
        format!(
            "{one} and {other} want the same of {count} configurations, {} ({alike})",
            shared[first].0
        )
    } else {
        format!(
            "of {count} configurations {one} is best with {} and {other} with {} ({alike}); with the other's choice \
             {one} loses {} and {other} {}",
            shared[first].0,
            shared[second].0,
            figures::metric((left[first] - left[second]).abs()),
            figures::metric((right[second] - right[first]).abs()),
        )
    })
}

/// Spearman's, with mean ranks for equals; `None` where all of one side are equal.
fn rank_correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let middle = (left.len() as f64 - 1.0) / 2.0;
    let product = |one: &[f64], other: &[f64]| -> f64 {
        one.iter().zip(other).map(|(a, b)| (a - middle) * (b - middle)).sum()
    };
    let scale = (product(&left, &left) * product(&right, &right)).sqrt();
    (scale > 0.0).then(|| product(&left, &right) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |value: f64| values.iter().filter(|other| **other < value).count() as f64;
    let equal = |value: f64| values.iter().filter(|other| **other == value).count() as f64;
    values.iter().map(|value| below(*value) + (equal(*value) - 1.0) / 2.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: &[f64]) -> Values {
        let entry = |(index, value): (usize, &f64)| {
            let name = format!("x={index}");
            (name.clone(), (*value, name))
        };
        values.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn the_same_wish_is_told() {
        let (left, right) = (table(&[0.5, 0.6, 0.7, 0.8, 0.75]), table(&[0.4, 0.5, 0.6, 0.9, 0.8]));
        let told = sentence(Goal::Maximize, ["bert", "distilbert"], [&left, &right]);
        let expected =
            "bert and distilbert want the same of 5 configurations, x=3 (rank correlation 1.00)";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn different_wishes_cost_what_they_cost() {
        let (left, right) = (table(&[0.5, 0.6, 0.7, 0.8, 0.75]), table(&[0.9, 0.8, 0.7, 0.5, 0.6]));
        let told = sentence(Goal::Maximize, ["a", "b"], [&left, &right]).expect("five in common");
        assert!(told.contains("a is best with x=3 and b with x=0"), "{told}");
        assert!(told.ends_with("a loses 0.3000 and b 0.4000"), "{told}");
        assert!(told.contains("rank correlation -"), "{told}");
    }

    #[test]
    fn four_configurations_say_nothing() {
        let few = table(&[0.1, 0.2, 0.3, 0.4]);
        assert_eq!(sentence(Goal::Minimize, ["a", "b"], [&few, &few]), None);
    }

    #[test]
    fn equals_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 1.0, 2.0]), [3.0, 0.5, 0.5, 2.0]);
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
