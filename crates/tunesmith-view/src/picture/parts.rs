//! The parts of a picture that have shapes of their own: parameters, importance, takeovers. It refuses to order what the
//! study has ordered.

use serde_json::{Value as Json, json};
use tunesmith_core::{Domain, Exploited, Metric, Parameter, Params, Prior, Rule, Scale, Study};
use tunesmith_search::importance::{Bin, Importance, Method, ParameterImportance};

use crate::album::Album;
use crate::importance::{caveats, region, sentence, shape};
use crate::values::scalar;

/// The parameters of the space.
pub(super) fn parameters(study: &Study) -> Vec<Json> {
    study.space().parameters().iter().map(parameter).collect()
}

fn parameter(parameter: &Parameter) -> Json {
    let finite = |bound: f64| bound.is_finite().then_some(bound);
    let is_log_prior = matches!(&parameter.rule, Rule::Free { prior: Prior::LogNormal { .. }, .. });
    let (kind, is_log, low, high, choices, is_ordered) = match parameter.domain() {
        Some(Domain::Float { low, high, scale, .. }) => (
            "float",
            *scale == Scale::Log || is_log_prior,
            finite(*low),
            finite(*high),
            None,
            false,
        ),
        Some(Domain::Int { low, high, scale, .. }) => {
            let (low, high) = (*low as f64, *high as f64);
            ("int", *scale == Scale::Log, Some(low), Some(high), None, false)
        }
        Some(Domain::Categorical { choices, ordered }) => {
            let choices: Vec<Json> = choices.iter().map(scalar).collect();
            ("categorical", false, None, None, Some(choices), *ordered)
        }
        // A tied parameter follows from others: what it came to is drawn as it is.
        None => ("float", false, None, None, None, false),
        Some(Domain::Fixed(_)) => ("fixed", false, None, None, None, false),
    };
    json!({
        "name": parameter.name,
        "kind": kind,
        "log": is_log,
        "low": low,
        "high": high,
        "choices": choices,
        "ordered": is_ordered,
        "condition": parameter.condition.as_ref().map(ToString::to_string),
    })
}

/// What mattered for a metric, or why that cannot be said.
pub(super) fn importance(study: &Study, metric: &Metric) -> Json {
    match tunesmith_search::importance::importance(study, metric, Method::PedAnova) {
        Err(refusal) => json!({ "refusal": refusal.to_string() }),
        Ok(found) => json!({
            "method": "PED-ANOVA",
            "trials": found.trials,
            "sentence": found.parameters.first().map_or(String::new(), |one| sentence(one, &found)),
            "caveats": caveats(&found),
            "parameters": found.parameters.iter().map(|one| measured(one, &found)).collect::<Vec<_>>(),
        }),
    }
}

fn measured(parameter: &ParameterImportance, found: &Importance) -> Json {
    json!({
        "name": parameter.name,
        "share": parameter.share,
        "low": parameter.interval.0,
        "high": parameter.interval.1,
        "shown": parameter.is_shown(),
        "shape": shape(parameter.effect.shape),
        "sentence": sentence(parameter, found),
        "bins": parameter.effect.bins.iter().map(bin).collect::<Vec<_>>(),
    })
}

fn bin(bin: &Bin) -> Json {
    let (lower, upper) = bin.interval.unwrap_or((bin.mean, bin.mean));
    let is_choice = bin.from.same_as(&bin.to);
    json!({
        "label": region(bin),
        "low": bin.from.as_f64(),
        "high": bin.to.as_f64(),
        "choice": if is_choice { scalar(&bin.from) } else { Json::Null },
        "mean": bin.mean,
        "lower": lower,
        "upper": upper,
        "trials": bin.trials,
    })
}

/// The takeovers of population-based training, in the order of the log.
pub(super) fn takeovers(study: &Study, album: &Album) -> Vec<Json> {
    let mut seen = vec![0; study.trials().len()];
    let entry = |(trial, at): &(u32, i64)| {
        let known = study.trial(*trial)?;
        let place = seen[*trial as usize];
        seen[*trial as usize] += 1;
        let taken = known.exploits.get(place)?;
        let after = known.exploits.get(place + 1).map_or(&known.params, |next| &next.replaced);
        Some(json!({
            "trial": trial,
            "from": taken.donor,
            "at": at,
            "step": taken.donor_step,
            "fraction": fraction(study, taken),
            "changed": changed(&taken.replaced, after),
        }))
    };
    album.takeovers.iter().filter_map(entry).collect()
}

/// How far the donor was at the state that was taken.
fn fraction(study: &Study, taken: &Exploited) -> Option<f64> {
    let donor = study.trial(taken.donor)?;
    let at_state = donor.reports.iter().rfind(|report| report.step == taken.donor_step);
    at_state.map(|report| report.fraction)
}

fn changed(before: &Params, after: &Params) -> Vec<Json> {
    let differs = |name: &str| before.get(name) != after.get(name);
    let of = |params: &Params, name: &str| params.get(name).map_or(Json::Null, scalar);
    let names = after.iter().map(|(name, _)| name).filter(|name| differs(name));
    names
        .map(|name| json!({ "name": name, "before": of(before, name), "after": of(after, name) }))
        .collect()
}
