//! The one loop through which everything changes a study: decide, append, apply; and again where another writer was
//! first.
//!
//! Refuses to wait or to retry faults: only a conflict is decided again, a limited number of times.

use thiserror::Error;

use crate::command::{Command, Rejection};
use crate::decide::decide;
use crate::event::{Event, Revision};
use crate::policy::Policy;
use crate::storage::{AppendError, ReadError, Storage, StudyId};
use crate::study::{ApplyError, Study};
use crate::timestamp::{Timestamp, Writer};

/// How often a command is decided again because another writer was first.
pub const MOST_CONFLICTS: u32 = 100;
/// How many events are read at once.
const READ_AT_ONCE: u32 = 4_096;

/// Why a study could not be brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatchUpError {
    /// The storage failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log is damaged.
    #[error("the log of the study is damaged: {0}")]
    Apply(#[from] ApplyError),
}

/// Why a command did not become true.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The study refused it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The storage did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The study could not be brought up to date.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// Other writers were first, again and again.
    #[error("other writers were first {MOST_CONFLICTS} times; try again")]
    Contended,
}

/// Reads a study from its storage.
///
/// # Errors
/// Where the storage fails or the log is damaged.
pub fn load(storage: &dyn Storage, id: StudyId) -> Result<Study, CatchUpError> {
    let events = storage.read(id, Revision(0), READ_AT_ONCE)?;
    let mut study = Study::fold(&events)?;
    catch_up(storage, id, &mut study)?;
    Ok(study)
}

/// Applies what others appended since.
///
/// # Errors
/// Where the storage fails or the log is damaged.
pub fn catch_up(storage: &dyn Storage, id: StudyId, study: &mut Study) -> Result<(), CatchUpError> {
    loop {
        let events = storage.read(id, study.revision(), READ_AT_ONCE)?;
        for event in &events {
            study.apply(event)?;
        }
        if events.len() < READ_AT_ONCE as usize {
            return Ok(());
        }
    }
}

/// Decides, appends and applies one command; returns its events. Where another writer was first, catches up and
/// decides again.
///
/// # Errors
/// With the study's refusal or the storage's fault. After a fault nothing of the command is true, unless the storage
/// says otherwise at the next [`catch_up`].
pub fn submit(
    storage: &dyn Storage,
    id: StudyId,
    study: &mut Study,
    policy: &Policy,
    by: &Writer,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, SubmitError> {
    for _ in 0..MOST_CONFLICTS {
        let events = decide(study, policy, by, command.clone(), now)?;
        if events.is_empty() {
            return Ok(events);
        }
        match storage.append(id, &events) {
            Ok(revision) if revision.0 == study.revision().0 + events.len() as u64 => {
                for event in &events {
                    study.apply(event).map_err(CatchUpError::from)?;
                }
                return Ok(events);
            }
            // Others appended to other streams meanwhile.
            Ok(_) => {
                catch_up(storage, id, study)?;
                return Ok(events);
            }
            Err(AppendError::Conflict { .. }) => catch_up(storage, id, study)?,
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(SubmitError::Contended)
}
