//! Optuna's journal: a line of JSON for each operation, replayed from the first. It refuses a line that it does not
//! understand, but for one that was torn off at the end, which Optuna drops too. Optuna writes an operation before it
//! knows whether it may be done; those that it passes over when it replays them are passed over here as well.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Goal, Timestamp};

use super::model::{Distribution, Oddity, Param, State, Study, Trial, direction, time, time_of};

/// The studies of a journal. On an error the line, from 1.
pub(super) fn read(text: &str) -> Result<Vec<Study>, (usize, Oddity)> {
    let mut replay = Replay::default();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let is_last = lines.peek().is_none();
        match serde_json::from_str::<Json>(&plain(line)) {
            // Optuna takes a line for written when it has its end.
            Ok(_) if is_last && !text.ends_with('\n') => {}
            Ok(json) => replay.apply(&json).map_err(|oddity| (index + 1, oddity))?,
            Err(_) if is_last => {}
            Err(error) => return Err((index + 1, Oddity::Json { message: error.to_string() })),
        }
    }
    Ok(replay.studies.into_iter().flatten().collect())
}

/// Python writes numbers that are none in JSON; here they become texts.
pub(super) fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut rest, mut quoted) = (line, false);
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            quoted = !quoted;
        }
        let word = ["NaN", "-Infinity", "Infinity"];
        let word = word.iter().find(|word| !quoted && rest.starts_with(**word));
        let taken = match word {
            Some(word) => {
                let _ = write!(out, "\"{word}\"");
                word.len()
            }
            None if quoted && next == '\\' => {
                let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
                out.push_str(&rest[..=escaped]);
                1 + escaped
            }
            None => {
                out.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// A number as it came through [`plain`].
fn number(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => json.as_f64(),
    }
}

#[derive(Default)]
struct Replay {
    /// By their number; none where one was deleted.
    studies: Vec<Option<Study>>,
    /// For each trial of the journal its study and its number there.
    trials: Vec<(usize, usize)>,
}

impl Replay {
    fn apply(&mut self, line: &Json) -> Result<(), Oddity> {
        let code = line["op_code"].as_i64().ok_or(Oddity::Field { field: "op_code" })?;
        match code {
            0 => self.create_study(line),
            1 => {
                if let Some((index, _)) = self.study(line)? {
                    self.studies[index] = None;
                }
                Ok(())
            }
            2 | 3 => {
                let Some((_, study)) = self.study(line)? else { return Ok(()) };
                let (field, to) = match code {
                    2 => ("user_attr", &mut study.user_attributes),
                    _ => ("system_attr", &mut study.system_attributes),
                };
                take(line, field, to)
            }
            4 => self.create_trial(line),
            5 => self.set_param(line),
            6 => self.set_state(line),
            7 => {
                let step = line["step"].as_i64().ok_or(Oddity::Field { field: "step" })?;
                let value = number(&line["intermediate_value"]);
                let value = value.ok_or(Oddity::Field { field: "intermediate_value" })?;
                if let Some(trial) = self.trial(line)? {
                    trial.intermediate.insert(step, value);
                }
                Ok(())
            }
            8 | 9 => {
                let Some(trial) = self.trial(line)? else { return Ok(()) };
                match code {
                    8 => take(line, "user_attr", &mut trial.user_attributes),
                    _ => take(line, "system_attr", &mut trial.system_attributes),
                }
            }
            // Rustuna's, of trials to forget; Optuna does not.
            10 => Ok(()),
            code => Err(Oddity::Operation { code }),
        }
    }

    fn create_study(&mut self, line: &Json) -> Result<(), Oddity> {
        let wrong = Oddity::Field { field: "directions" };
        let directions = line["directions"].as_array().ok_or(wrong.clone())?;
        let goal = |direction: &Json| match direction.as_i64() {
            Some(0 | 1) => Some(Goal::Minimize),
            Some(2) => Some(Goal::Maximize),
            _ => None,
        };
        let directions: Option<Vec<Goal>> = directions.iter().map(goal).collect();
        let name = text(line, "study_name")?.to_owned();
        // A search that is resumed tries to create its study again (`load_if_exists`); no number is spent on that.
        if self.studies.iter().flatten().any(|known| known.name == name) {
            return Ok(());
        }
        self.studies.push(Some(Study {
            name,
            directions: directions.filter(|goals| !goals.is_empty()).ok_or(wrong)?,
            ..Study::default()
        }));
        Ok(())
    }

    /// Most are created running and empty; one that is enqueued or added comes with what it has.
    fn create_trial(&mut self, line: &Json) -> Result<(), Oddity> {
        let mut trial = Trial {
            state: match &line["state"] {
                Json::Null => State::Running,
                state => state_of(state)?,
            },
            started_at: line["datetime_start"].as_str().and_then(time_of),
            finished_at: line["datetime_complete"].as_str().and_then(time_of),
            values: values(line)?,
            ..Trial::default()
        };
        for (name, distribution) in line["distributions"].as_object().into_iter().flatten() {
            let text = distribution.as_str().ok_or(Oddity::Field { field: "distributions" })?;
            let distribution = Distribution::of_text(name, text)?;
            let internal =
                number(&line["params"][name]).ok_or(Oddity::Field { field: "params" })?;
            trial.params.push(Param { name: name.clone(), internal, distribution });
        }
        take(line, "user_attrs", &mut trial.user_attributes)?;
        take(line, "system_attrs", &mut trial.system_attributes)?;
        for (step, value) in line["intermediate_values"].as_object().into_iter().flatten() {
            let wrong = Oddity::Field { field: "intermediate_values" };
            let (Ok(step), Some(value)) = (step.parse(), number(value)) else { return Err(wrong) };
            trial.intermediate.insert(step, value);
        }
        let Some((index, study)) = self.study(line)? else { return Ok(()) };
        study.trials.push(trial);
        let place = study.trials.len() - 1;
        self.trials.push((index, place));
        Ok(())
    }

    /// Not where an earlier trial has the parameter with a distribution of another kind: Optuna's program was told so.
    fn set_param(&mut self, line: &Json) -> Result<(), Oddity> {
        let name = text(line, "param_name")?.to_owned();
        let distribution = Distribution::of_text(&name, text(line, "distribution")?)?;
        let internal = number(&line["param_value_internal"]);
        let internal = internal.ok_or(Oddity::Field { field: "param_value_internal" })?;
        let Some((study, place)) = self.place(line)? else { return Ok(()) };
        let Some(study) = self.studies[study].as_mut() else { return Ok(()) };
        let mut all = study.trials.iter().flat_map(|trial| &trial.params);
        let first = all.find(|known| known.name == name);
        if first.is_some_and(|known| !known.distribution.goes_with(&distribution)) {
            return Ok(());
        }
        let params = &mut study.trials[place].params;
        params.retain(|known| known.name != name);
        params.push(Param { name, internal, distribution });
        Ok(())
    }

    fn set_state(&mut self, line: &Json) -> Result<(), Oddity> {
        let (state, values) = (state_of(&line["state"])?, values(line)?);
        let Some(trial) = self.trial(line)? else { return Ok(()) };
        if state == State::Running && trial.state == State::Running {
            return Ok(());
        }
        trial.state = state;
        trial.started_at = line["datetime_start"].as_str().and_then(time_of).or(trial.started_at);
        let finished = line["datetime_complete"].as_str().and_then(time_of);
        trial.finished_at = finished.or(trial.finished_at);
        if values.is_some() {
            trial.values = values;
        }
        Ok(())
    }

    /// None where there is no such study, or none any more.
    fn study(&mut self, line: &Json) -> Result<Option<(usize, &mut Study)>, Oddity> {
        let number = line["study_id"].as_i64().ok_or(Oddity::Field { field: "study_id" })?;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let study = self.studies.get_mut(index).and_then(Option::as_mut);
        Ok(study.map(|study| (index, study)))
    }

    /// A trial's study and its number there; none where there is none or it has ended: it stays as it ended.
    fn place(&self, line: &Json) -> Result<Option<(usize, usize)>, Oddity> {
        let number = line["trial_id"].as_i64().ok_or(Oddity::Field { field: "trial_id" })?;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(self.trials.get(index).copied().filter(|(study, place)| {
            let study = self.studies.get(*study).and_then(Option::as_ref);
            let trial = study.and_then(|study| study.trials.get(*place));
            trial.is_some_and(|trial| !trial.state.is_finished())
        }))
    }

    fn trial(&mut self, line: &Json) -> Result<Option<&mut Trial>, Oddity> {
        let Some((study, place)) = self.place(line)? else { return Ok(None) };
        let study = self.studies.get_mut(study).and_then(Option::as_mut);
        Ok(study.and_then(|study| study.trials.get_mut(place)))
    }
}

fn text<'a>(line: &'a Json, field: &'static str) -> Result<&'a str, Oddity> {
    line[field].as_str().ok_or(Oddity::Field { field })
}

fn take(line: &Json, field: &'static str, to: &mut BTreeMap<String, Json>) -> Result<(), Oddity> {
    match &line[field] {
        Json::Null => Ok(()),
        Json::Object(attributes) => {
            to.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
            Ok(())
        }
        _ => Err(Oddity::Field { field }),
    }
}

fn state_of(json: &Json) -> Result<State, Oddity> {
    json.as_i64().and_then(State::of_number).ok_or(Oddity::Field { field: "state" })
}

fn values(line: &Json) -> Result<Option<Vec<f64>>, Oddity> {
    let wrong = Oddity::Field { field: "values" };
    match (&line["values"], &line["value"]) {
        (Json::Array(values), _) => {
            let values: Option<Vec<f64>> = values.iter().map(number).collect();
            values.map(Some).ok_or(wrong)
        }
        (Json::Null, Json::Null) => Ok(None),
        (Json::Null, value) => number(value).map(|value| Some(vec![value])).ok_or(wrong),
        _ => Err(wrong),
    }
}

/// A study as a journal of its own.
pub(super) fn write(study: &Study) -> String {
    let mut out = String::new();
    let directions: Vec<i64> = study.directions.iter().map(|goal| direction(*goal)).collect();
    line(&mut out, 0, json!({ "study_name": study.name, "directions": directions }));
    for (name, value) in &study.system_attributes {
        line(&mut out, 3, json!({ "study_id": 0, "system_attr": { name: value } }));
    }
    for (name, value) in &study.user_attributes {
        line(&mut out, 2, json!({ "study_id": 0, "user_attr": { name: value } }));
    }
    for (number, trial) in study.trials.iter().enumerate() {
        write_trial(&mut out, number, trial);
    }
    out
}

fn write_trial(out: &mut String, number: usize, trial: &Trial) {
    let moment = |at: Option<Timestamp>| at.map(|at| time(at, true));
    let waits = trial.state == State::Waiting;
    let created = if waits {
        json!({
            "study_id": 0, "datetime_start": null, "state": State::Waiting.number(), "value": null, "values": null,
            "distributions": {}, "params": {}, "user_attrs": {}, "system_attrs": {}, "intermediate_values": {},
        })
    } else {
        json!({ "study_id": 0, "datetime_start": moment(trial.started_at) })
    };
    line(out, 4, created);
    for Param { name, internal, distribution } in &trial.params {
        let internal = match distribution {
            Distribution::Categorical { .. } => json!(*internal as i64),
            _ => json!(internal),
        };
        line(
            out,
            5,
            json!({
                "trial_id": number, "param_name": name, "param_value_internal": internal,
                "distribution": distribution.to_text(),
            }),
        );
    }
    for (name, value) in &trial.user_attributes {
        line(out, 8, json!({ "trial_id": number, "user_attr": { name: value } }));
    }
    for (name, value) in &trial.system_attributes {
        line(out, 9, json!({ "trial_id": number, "system_attr": { name: value } }));
    }
    for (step, value) in &trial.intermediate {
        line(out, 7, json!({ "trial_id": number, "step": step, "intermediate_value": value }));
    }
    if trial.state.is_finished() {
        let at = moment(trial.finished_at);
        let state = trial.state.number();
        let end = json!({ "trial_id": number, "state": state, "values": trial.values, "datetime_complete": at });
        line(out, 6, end);
    }
}

fn line(out: &mut String, code: i64, fields: Json) {
    let mut line = Map::new();
    line.insert("op_code".to_owned(), code.into());
    line.insert("worker_id".to_owned(), "tunesmith-0".into());
    if let Json::Object(fields) = fields {
        line.extend(fields);
    }
    let _ = writeln!(out, "{}", Json::Object(line));
}
