//! Which hyperparameters mattered, in words: a sentence for each, and what a reader should know before believing it. It
//! refuses to call an effect what noise would show as well.

use tunesmith_search::importance::{Bin, Effect, Importance, ParameterImportance, Shape};

use crate::figures::{self, short_value};

/// Trials below which little can be told from noise.
const FEW_TRIALS: usize = 20;

/// How the metric goes with a parameter.
pub fn shape(of: Shape) -> &'static str {
    match of {
        Shape::Rising => "rises",
        Shape::Falling => "falls",
        Shape::Peak => "peaks inside",
        Shape::Valley => "dips inside",
        Shape::Choices => "differs by choice",
        Shape::Constant => "-",
    }
}

/// The values of a bin.
pub fn region(bin: &Bin) -> String {
    if bin.from.same_as(&bin.to) {
        return short_value(&bin.from);
    }
    format!("{} to {}", short_value(&bin.from), short_value(&bin.to))
}

/// What is known of a parameter, as a sentence.
pub fn sentence(parameter: &ParameterImportance, found: &Importance) -> String {
    let (name, metric) = (&parameter.name, &found.metric);
    let trials = match parameter.trials {
        1 => "1 trial".to_owned(),
        trials => format!("{trials} trials"),
    };
    if parameter.effect.shape == Shape::Constant {
        return format!("{name}: never varied, so nothing is known of it.");
    }
    if !parameter.is_shown() {
        return format!("{name}: no effect that {trials} could show.");
    }
    let goal = metric.goal;
    let best = parameter.effect.best(goal);
    let worst = best.and_then(|best| opposite(&parameter.effect, best, found));
    let (Some(best), Some(worst)) = (best, worst) else {
        return format!("{name}: it mattered ({}).", p_value(parameter.p_value));
    };
    format!(
        "{name}: it mattered ({}). {} averages {} at {}, and {} at {}.",
        p_value(parameter.p_value),
        metric.name,
        average(best),
        region(best),
        average(worst),
        region(worst),
    )
}

/// The bin with the worst mean, where it is not the best one.
fn opposite<'a>(effect: &'a Effect, best: &Bin, found: &Importance) -> Option<&'a Bin> {
    let goal = found.metric.goal;
    let others = effect.bins.iter().filter(|bin| *bin != best);
    others.reduce(|worst, bin| if goal.is_better(worst.mean, bin.mean) { bin } else { worst })
}

fn average(bin: &Bin) -> String {
    let mean = figures::metric(bin.mean);
    match bin.interval {
        Some((low, high)) => {
            format!("{mean} ({} to {})", figures::metric(low), figures::metric(high))
        }
        None => mean,
    }
}

fn p_value(value: f64) -> String {
    if value < 0.001 { "p below 0.001".to_owned() } else { format!("p = {value:.3}") }
}

/// What a reader should know before believing it, a sentence each.
pub fn caveats(found: &Importance) -> Vec<String> {
    let mut said = Vec::new();
    if let [only] = found.parameters.as_slice() {
        said.push(format!(
            "Only {} was searched, so its importance is 1 by definition; its effect is what counts.",
            only.name
        ));
    }
    if found.trials < FEW_TRIALS {
        said.push(format!(
            "{} trials are few: an effect that is not shown here may still be there.",
            found.trials
        ));
    }
    said
}
