//! What a study used, saved and may use yet. It refuses to guess before a trial has ended.

use serde_json::{Value as Json, json};
use tunesmith_core::{Study, Timestamp};

use crate::figures;

/// What it used and what stopping early saved.
pub(super) fn cost(study: &Study) -> Json {
    let spent = study.spent(study.last_event_at());
    let saved = study.saved_device_seconds();
    let price = study.config().price_per_device_hour;
    json!({
        "device_seconds": spent.device_seconds,
        "money": spent.cost,
        "price_hour": price,
        "saved_seconds": saved,
        "saved_money": price.map(|price| price * saved / 3600.0),
    })
}

/// Its limits, what of them is spent, and what is expected to come.
pub(super) fn budget(study: &Study, now: Timestamp) -> Json {
    let (budget, spent) = (study.budget(), study.spent(now));
    let limit = |name: &str, unit: &str, spent: f64, limit: Option<f64>| {
        limit.map(|limit| json!({ "name": name, "spent": spent, "limit": limit, "unit": unit }))
    };
    let limits: Vec<Json> = [
        limit("trials", "trials", f64::from(study.searched_trials()), budget.trials.map(f64::from)),
        limit(
            "wall",
            "seconds",
            spent.wall_ms as f64 / 1e3,
            budget.wall_ms.map(|wall| wall as f64 / 1e3),
        ),
        limit("device", "seconds", spent.device_seconds, budget.device_seconds),
        limit("money", "money", spent.cost.unwrap_or(0.0), budget.cost),
    ]
    .into_iter()
    .flatten()
    .collect();
    json!({ "limits": limits, "forecast": forecast(study) })
}

fn forecast(study: &Study) -> Option<String> {
    let to_come = study.expected_device_seconds().filter(|seconds| *seconds > 0.0)?;
    let text = format!("about {} of training to come", figures::duration(to_come));
    Some(match study.config().price_per_device_hour {
        Some(price) => format!("{text}, cost {}", figures::money(price * to_come / 3600.0)),
        None => text,
    })
}
