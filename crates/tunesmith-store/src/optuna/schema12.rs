//! Optuna's tables in SQLite, schema 12. It refuses other schemas: Optuna itself brings them up to date.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, params};
use serde_json::Value as Json;
use tunesmith_core::{Goal, Timestamp};

use super::ReadError;
use super::journal::plain;
use super::model::{Distribution, Oddity, Param, State, Study, Trial, time, time_of};

/// The schema of Optuna 5.0.
pub(super) const VERSION: i64 = 12;

const TABLES: &str = include_str!("schema12.sql");

/// The studies of a database.
pub(super) fn read(path: &Path) -> Result<Vec<Study>, ReadError> {
    let wrong = |source| ReadError::Database { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(wrong)?;
    let found: i64 = database
        .query_row("SELECT schema_version FROM version_info", [], |row| row.get(0))
        .map_err(wrong)?;
    if found != VERSION {
        return Err(ReadError::Schema { path: path.to_owned(), found });
    }
    let studies =
        rows(&database, "SELECT study_id, study_name FROM studies ORDER BY study_id", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        });
    let one = |(id, name): (i64, String)| study(&database, id, name, path);
    studies.map_err(wrong)?.into_iter().map(one).collect()
}

fn rows<T, P: rusqlite::Params>(
    database: &Connection,
    query: &str,
    of: P,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    database.prepare_cached(query)?.query_map(of, read)?.collect()
}

fn study(database: &Connection, id: i64, name: String, path: &Path) -> Result<Study, ReadError> {
    let wrong = |source| ReadError::Database { path: path.to_owned(), source };
    let directions = "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective";
    let goal = |row: &Row<'_>| {
        let direction: String = row.get(0)?;
        Ok(if direction == "MAXIMIZE" { Goal::Maximize } else { Goal::Minimize })
    };
    let trials = "SELECT trial_id, state, datetime_start, datetime_complete FROM trials \
                  WHERE study_id = ? ORDER BY number";
    let head = |row: &Row<'_>| {
        let (id, state): (i64, String) = (row.get(0)?, row.get(1)?);
        Ok((id, state, row.get::<_, Option<String>>(2)?, row.get::<_, Option<String>>(3)?))
    };
    let mut study = Study {
        directions: rows(database, directions, [id], goal).map_err(wrong)?,
        user_attributes: attributes(database, "study_user", "study", id).map_err(wrong)?,
        system_attributes: attributes(database, "study_system", "study", id).map_err(wrong)?,
        name,
        trials: Vec::new(),
    };
    for (number, (id, state, started, finished)) in
        rows(database, trials, [id], head).map_err(wrong)?.into_iter().enumerate()
    {
        let odd = |problem| ReadError::Row {
            path: path.to_owned(),
            study: study.name.clone(),
            trial: number as i64,
            problem,
        };
        let state = State::of_name(&state).ok_or(Oddity::Field { field: "state" }).map_err(odd)?;
        let values =
            "SELECT value, value_type FROM trial_values WHERE trial_id = ? ORDER BY objective";
        let values = rows(database, values, [id], |row| value(row, 0)).map_err(wrong)?;
        let steps = "SELECT step, intermediate_value, intermediate_value_type \
                     FROM trial_intermediate_values WHERE trial_id = ?";
        let steps = rows(database, steps, [id], |row| Ok((row.get(0)?, value(row, 1)?)));
        let trial = Trial {
            state,
            params: parameters(database, id).map_err(wrong)?.map_err(odd)?,
            values: (!values.is_empty()).then_some(values),
            intermediate: steps.map_err(wrong)?.into_iter().collect(),
            user_attributes: attributes(database, "trial_user", "trial", id).map_err(wrong)?,
            system_attributes: attributes(database, "trial_system", "trial", id).map_err(wrong)?,
            started_at: started.as_deref().and_then(time_of),
            finished_at: finished.as_deref().and_then(time_of),
        };
        study.trials.push(trial);
    }
    Ok(study)
}

/// The value in a column, with its type in the next: SQLite keeps neither NaN nor infinity.
fn value(row: &Row<'_>, column: usize) -> rusqlite::Result<f64> {
    Ok(match row.get::<_, String>(column + 1)?.as_str() {
        "INF_POS" => f64::INFINITY,
        "INF_NEG" => f64::NEG_INFINITY,
        "NAN" => f64::NAN,
        _ => row.get(column)?,
    })
}

fn parameters(database: &Connection, trial: i64) -> rusqlite::Result<Result<Vec<Param>, Oddity>> {
    let query = "SELECT param_name, param_value, distribution_json FROM trial_params \
                 WHERE trial_id = ? ORDER BY param_id";
    let kept = rows(database, query, [trial], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?, row.get::<_, String>(2)?))
    })?;
    let param = |(name, internal, text): (String, f64, String)| {
        let distribution = Distribution::of_text(&name, &text)?;
        Ok(Param { name, internal, distribution })
    };
    Ok(kept.into_iter().map(param).collect())
}

fn attributes(
    database: &Connection,
    table: &str,
    of: &str,
    id: i64,
) -> rusqlite::Result<BTreeMap<String, Json>> {
    let query = format!("SELECT \"key\", value_json FROM {table}_attributes WHERE {of}_id = ?");
    let kept = rows(database, &query, [id], |row| {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        // One that is no JSON is carried as text.
        Ok((name, serde_json::from_str(&plain(&text)).unwrap_or(Json::String(text))))
    })?;
    Ok(kept.into_iter().collect())
}

/// Writes a study to a new database.
pub(super) fn write(path: &Path, study: &Study) -> rusqlite::Result<()> {
    let mut database = Connection::open(path)?;
    let all = database.transaction()?;
    all.execute_batch(TABLES)?;
    all.execute("INSERT INTO studies VALUES (1, ?)", [&study.name])?;
    for (objective, goal) in study.directions.iter().enumerate() {
        let direction = match goal {
            Goal::Minimize => "MINIMIZE",
            Goal::Maximize => "MAXIMIZE",
        };
        let query =
            "INSERT INTO study_directions (direction, study_id, objective) VALUES (?, 1, ?)";
        all.execute(query, params![direction, objective as i64])?;
    }
    write_attributes(&all, "study_user", "study", 1, &study.user_attributes)?;
    write_attributes(&all, "study_system", "study", 1, &study.system_attributes)?;
    for (number, trial) in study.trials.iter().enumerate() {
        write_trial(&all, number as i64, trial)?;
    }
    all.commit()
}

fn write_trial(database: &Connection, number: i64, trial: &Trial) -> rusqlite::Result<()> {
    let id = number + 1;
    let moment = |at: Option<Timestamp>| at.map(|at| time(at, false));
    let (started, finished) = (moment(trial.started_at), moment(trial.finished_at));
    database.prepare_cached("INSERT INTO trials VALUES (?, ?, 1, ?, ?, ?)")?.execute(params![
        id,
        number,
        trial.state.name(),
        started,
        finished
    ])?;
    for Param { name, internal, distribution } in &trial.params {
        let query = "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) \
                     VALUES (?, ?, ?, ?)";
        let row = params![id, name, internal, distribution.to_text()];
        database.prepare_cached(query)?.execute(row)?;
    }
    for (objective, value) in trial.values.iter().flatten().enumerate() {
        let query = "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, 'FINITE')";
        database.prepare_cached(query)?.execute(params![id, objective as i64, value])?;
    }
    for (step, value) in &trial.intermediate {
        let query = "INSERT INTO trial_intermediate_values \
                     (trial_id, step, intermediate_value, intermediate_value_type) VALUES (?, ?, ?, 'FINITE')";
        database.prepare_cached(query)?.execute(params![id, step, value])?;
    }
    write_attributes(database, "trial_user", "trial", id, &trial.user_attributes)?;
    write_attributes(database, "trial_system", "trial", id, &trial.system_attributes)
}

fn write_attributes(
    database: &Connection,
    table: &str,
    of: &str,
    id: i64,
    attributes: &BTreeMap<String, Json>,
) -> rusqlite::Result<()> {
    let query =
        format!("INSERT INTO {table}_attributes ({of}_id, \"key\", value_json) VALUES (?, ?, ?)");
    for (name, value) in attributes {
        database.prepare_cached(&query)?.execute(params![id, name, value.to_string()])?;
    }
    Ok(())
}
