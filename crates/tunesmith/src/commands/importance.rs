//! `tunesmith importance`: which hyperparameters mattered, as a table and in words. It changes nothing, and it refuses
//! to call an effect what noise would show as well.

use serde_json::{Value as Json, json};
use tunesmith_core::{Metric, Study};
use tunesmith_search::importance::{
    Bin, Importance, Method, ParameterImportance, Shape, importance,
};
use tunesmith_view::importance::{caveats, region, sentence, shape};

use super::{print, studies};
use crate::cli::ImportanceArguments;
use crate::exit::{Class, Classified, Failure};
use crate::table::Table;

/// Why a metric cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[error("`{study}` does not search for `{metric}`; it searches for {}", known.join(", "))]
struct UnknownMetric {
    study: String,
    metric: String,
    known: Vec<String>,
}

/// Shows what mattered.
pub(crate) fn run(address: &str, arguments: &ImportanceArguments) -> Result<(), Failure> {
    let study = studies::study(address, arguments.study.as_deref())?;
    let metric = metric(&study, arguments.metric.as_deref()).class(Class::Usage)?;
    let found = importance(&study, metric, arguments.method.into()).class(Class::Fruitless)?;
    let name = &study.config().name;
    if arguments.json {
        return print(&format!("{:#}\n", as_json(name, &found)));
    }
    let trials = found.trials;
    let heading = format!(
        "{name}: what moved {} over {trials} completed trials, by {}",
        found.metric.name,
        method_name(found.method)
    );
    let mut lines = vec![heading, String::new(), table(&found).render()];
    lines.extend(found.parameters.iter().map(|parameter| sentence(parameter, &found)));
    let caveats = caveats(&found);
    if !caveats.is_empty() {
        lines.push(String::new());
        lines.extend(caveats);
    }
    print(&(lines.join("\n") + "\n"))
}

/// The metric of that name, or the first.
fn metric<'a>(study: &'a Study, name: Option<&str>) -> Result<&'a Metric, UnknownMetric> {
    let metrics = study.metrics();
    let found = match name {
        Some(name) => metrics.iter().find(|metric| metric.name == name),
        None => metrics.first(),
    };
    found.ok_or_else(|| UnknownMetric {
        study: study.config().name.clone(),
        metric: name.unwrap_or_default().to_owned(),
        known: metrics.iter().map(|metric| metric.name.clone()).collect(),
    })
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::PedAnova => "PED-ANOVA",
        Method::Fanova => "fANOVA",
    }
}

fn table(found: &Importance) -> Table {
    let mut table = Table::default()
        .text("parameter")
        .number("importance")
        .text("interval")
        .text(&found.metric.name)
        .text("best region");
    for parameter in &found.parameters {
        let (low, high) = parameter.interval;
        let shown = parameter.is_shown();
        let best = parameter.effect.best(found.metric.goal).filter(|_| shown);
        table.row(vec![
            parameter.name.clone(),
            format!("{:.2}", parameter.share),
            format!("{low:.2} to {high:.2}"),
            if shown { shape(parameter.effect.shape) } else { "no effect shown" }.to_owned(),
            best.map_or("-".to_owned(), region),
        ]);
    }
    table
}

fn as_json(study: &str, found: &Importance) -> Json {
    let parameters: Vec<Json> =
        found.parameters.iter().map(|parameter| parameter_json(parameter, found)).collect();
    json!({
        "study": study,
        "metric": found.metric.name,
        "goal": match found.metric.goal {
            tunesmith_core::Goal::Minimize => "minimize",
            tunesmith_core::Goal::Maximize => "maximize",
        },
        "method": match found.method {
            Method::PedAnova => "ped-anova",
            Method::Fanova => "fanova",
        },
        "trials": found.trials,
        "parameters": parameters,
    })
}

fn parameter_json(parameter: &ParameterImportance, found: &Importance) -> Json {
    let best = parameter.effect.best(found.metric.goal).filter(|_| parameter.is_shown());
    let shape = match parameter.effect.shape {
        Shape::Rising => "rising",
        Shape::Falling => "falling",
        Shape::Peak => "peak",
        Shape::Valley => "valley",
        Shape::Choices => "choices",
        Shape::Constant => "constant",
    };
    json!({
        "name": parameter.name,
        "trials": parameter.trials,
        "importance": parameter.share,
        "interval": [parameter.interval.0, parameter.interval.1],
        "value": parameter.value,
        "p_value": parameter.p_value,
        "shown": parameter.is_shown(),
        "shape": shape,
        "best_region": best.map(bin_json),
        "bins": parameter.effect.bins.iter().map(bin_json).collect::<Vec<_>>(),
    })
}

fn bin_json(bin: &Bin) -> Json {
    json!({
        "from": tunesmith_runtime::params::json(&bin.from),
        "to": tunesmith_runtime::params::json(&bin.to),
        "trials": bin.trials,
        "mean": bin.mean,
        "interval": bin.interval.map(|(low, high)| [low, high]),
    })
}
