//! From what the command line says to an open storage and a study. It refuses to guess where
//! several studies could be meant.

use tunesmith_core::{Storage, Study, StudyHeader, StudyId};
use tunesmith_store::open::{Location, open};
use tunesmith_store::sqlite::{Durability, Presence};

use crate::exit::{Class, Classified, Failure};

/// Why there is no study to speak of.
#[derive(Debug, thiserror::Error)]
enum StudyError {
    #[error("there is no study in {storage}; `tunesmith run FILE` creates one")]
    None { storage: String },
    #[error("there is no study `{name}` in {storage}; there are: {known}")]
    Unknown { name: String, storage: String, known: String },
    #[error("there are several studies in {storage}; name one of: {known}")]
    Several { storage: String, known: String },
}

/// Opens the storage; creates it only where `presence` says so.
pub(super) fn storage(address: &str, presence: Presence) -> Result<Box<dyn Storage>, Failure> {
    let location: Location = address.parse().class(Class::Usage)?;
    open(&location, presence, Durability::default()).class(Class::Storage)
}

/// An address as it may be shown: without a password.
pub(super) fn shown(address: &str) -> String {
    match address.parse() {
        Ok(database @ Location::Postgres(_)) => database.to_string(),
        _ => address.to_owned(),
    }
}

/// The study of that name, or the only one there is.
pub(super) fn study(address: &str, name: Option<&str>) -> Result<Study, Failure> {
    opened(address, name).map(|(_, _, study)| study)
}

/// As [`study`], with the storage that it lies in and its address there.
pub(super) fn opened(
    address: &str,
    name: Option<&str>,
) -> Result<(Box<dyn Storage>, StudyId, Study), Failure> {
    let storage = storage(address, Presence::Existing)?;
    let headers = storage.studies().class(Class::Storage)?;
    let header = choose(&headers, name, address).class(Class::Usage)?;
    let study = tunesmith_core::load(&*storage, header.id).class(Class::Storage)?;
    Ok((storage, header.id, study))
}

fn choose<'a>(
    headers: &'a [StudyHeader],
    name: Option<&str>,
    address: &str,
) -> Result<&'a StudyHeader, StudyError> {
    let storage = shown(address);
    let known = || headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>().join(", ");
    match (headers, name) {
        ([], _) => Err(StudyError::None { storage }),
        (_, Some(name)) => headers
            .iter()
            .find(|header| header.name == name)
            .ok_or_else(|| StudyError::Unknown { name: name.to_owned(), storage, known: known() }),
        ([only], None) => Ok(only),
        (_, None) => Err(StudyError::Several { storage, known: known() }),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_as_it_was_given_but_for_a_password() {
        assert_eq!(shown("postgres://me:secret@host/db"), "postgres://me@host/db");
        for address in ["postgres://me@host/db", "sqlite:///studies.db", "http://host:1", "memory:"]
        {
            assert_eq!(shown(address), address);
        }
    }
}
