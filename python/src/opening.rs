//! From an address and a description to a study that is open. It refuses a description that differs from the study that
//! has its name.

use pyo3::prelude::*;
use tunesmith_core::{
    Command, CreateError, Storage, Study, StudyHeader, StudyId, SubmitError, Timestamp, Writer,
};
use tunesmith_file::{StudyFile, difference, warm};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_store::open::{Location, open};
use tunesmith_store::sqlite::{Durability, Presence};

use crate::errors;

/// A study in its storage.
pub(crate) struct Opened {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) is_shared: bool,
    pub(crate) id: StudyId,
    pub(crate) study: Study,
}

/// Why a study cannot be opened, beside the faults of storages and descriptions.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("there is no study named {name} in {address}; there are: {known}")]
    Unknown { name: String, address: String, known: String },
    #[error("there is no study in {address}")]
    None { address: String },
    #[error("there are several studies in {address}; name one of: {known}")]
    Several { address: String, known: String },
    #[error(
        "there is already a study named {name} in {address}; give `resume=True` to go on with it"
    )]
    Exists { name: String, address: String },
}

/// Opens a storage.
pub(crate) fn storage(address: &str, presence: Presence) -> PyResult<(Location, Box<dyn Storage>)> {
    let location: Location = address.parse().map_err(|error| errors::value(&error))?;
    let storage = open(&location, presence, Durability::default())
        .map_err(|error| errors::storage(&error))?;
    Ok((location, storage))
}

fn named<'a>(headers: &'a [StudyHeader], name: &str) -> Option<&'a StudyHeader> {
    headers.iter().find(|header| header.name == name)
}

/// The study of that name, or the only one there is.
pub(crate) fn existing(address: &str, name: Option<&str>) -> PyResult<Opened> {
    let (location, storage) = storage(address, Presence::Existing)?;
    let headers = storage.studies().map_err(|error| errors::storage(&error))?;
    let header = choose(&headers, name, &location).map_err(|error| errors::value(&error))?;
    let study = tunesmith_core::load(&*storage, header.id);
    let study = study.map_err(|error| errors::storage(&error))?;
    let id = header.id;
    Ok(Opened { is_shared: location != Location::Memory, storage, id, study })
}

fn choose<'a>(
    headers: &'a [StudyHeader],
    name: Option<&str>,
    location: &Location,
) -> Result<&'a StudyHeader, OpenError> {
    let address = location.to_string();
    let known = || headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>().join(", ");
    match (headers, name) {
        ([], None) => Err(OpenError::None { address }),
        (_, Some(name)) => named(headers, name).ok_or_else(|| OpenError::Unknown {
            name: name.to_owned(),
            address,
            known: known(),
        }),
        ([only], None) => Ok(only),
        (_, None) => Err(OpenError::Several { address, known: known() }),
    }
}

/// Creates the described study, or goes on with the one that has its name where `resume` says so.
pub(crate) fn described(
    address: &str,
    description: String,
    resume: bool,
    writer: &Writer,
) -> PyResult<Opened> {
    let mut file =
        StudyFile::parse_for_caller(description).map_err(|error| errors::value(&error))?;
    let (location, storage) = storage(address, Presence::CreateIfMissing)?;
    warm::apply(&*storage, &mut file).map_err(|error| {
        if error.is_of_storage() { errors::storage(&error) } else { errors::value(&error) }
    })?;
    let now = SystemClock.now();
    let is_shared = location != Location::Memory;
    let (id, study) = match storage.create(&file.config, writer, now) {
        Ok(id) => {
            let study = tunesmith_core::load(&*storage, id);
            (id, study.map_err(|error| errors::storage(&error))?)
        }
        Err(CreateError::NameTaken { name }) if !resume => {
            let address = location.to_string();
            return Err(errors::value(&OpenError::Exists { name, address }));
        }
        Err(CreateError::NameTaken { .. }) => resumed(&*storage, &file, writer, now)?,
        Err(error) => return Err(errors::storage(&error)),
    };
    let mut opened = Opened { storage, is_shared, id, study };
    opened.enqueue(&file, writer, now)?;
    Ok(opened)
}

/// The study that has the name of the described one, where it is the same but for its budget, which is replaced.
fn resumed(
    storage: &dyn Storage,
    file: &StudyFile,
    writer: &Writer,
    now: Timestamp,
) -> PyResult<(StudyId, Study)> {
    let headers = storage.studies().map_err(|error| errors::storage(&error))?;
    let Some(header) = named(&headers, &file.config.name) else {
        return Err(errors::StorageError::new_err("the study was deleted while it was opened"));
    };
    let study = tunesmith_core::load(storage, header.id);
    let mut study = study.map_err(|error| errors::storage(&error))?;
    difference::check(study.config(), &file.config).map_err(|error| errors::value(&error))?;
    if *study.budget() != file.config.budget {
        let command = Command::SetBudget { budget: file.config.budget };
        submit(storage, header.id, &mut study, &command, writer, now)
            .map_err(|error| errors::submission(&error))?;
    }
    Ok((header.id, study))
}

/// Submits a command that no policy has a say in.
fn submit(
    storage: &dyn Storage,
    id: StudyId,
    study: &mut Study,
    command: &Command,
    writer: &Writer,
    now: Timestamp,
) -> Result<(), SubmitError> {
    let policy = tunesmith_core::Policy {
        sampler: Box::new(tunesmith_search::Sobol),
        scheduler: Box::new(tunesmith_search::NoScheduler),
    };
    tunesmith_core::submit(storage, id, study, &policy, writer, command, now).map(|_| ())
}

impl Opened {
    /// Queues what the description wants tried first and the study does not have yet.
    fn enqueue(&mut self, file: &StudyFile, writer: &Writer, now: Timestamp) -> PyResult<()> {
        for params in file.missing_from(&self.study) {
            let command = Command::Enqueue { params };
            submit(&*self.storage, self.id, &mut self.study, &command, writer, now)
                .map_err(|error| errors::submission(&error))?;
        }
        Ok(())
    }
}
