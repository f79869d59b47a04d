//! `warm_start` of a study file: priors from earlier studies of the same storage when a study is created, and the
//! recorded ones when it is resumed, so that what those studies found since changes nothing. It refuses a study that is
//! not there.

use tunesmith_core::{
    CatchUpError, Parameter, Prior, ReadError, Rule, SearchSpace, SpaceError, Storage, StudyHeader,
};
use tunesmith_search::transfer::{WarmStartError, warm_start};

use crate::StudyFile;

/// The label of a study that names the studies which it started from.
pub const LABEL: &str = "warm_start";

/// Why a study cannot start warm.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarmError {
    /// No such study.
    #[error(
        "`warm_start` names `{name}`, and there is no such study in this storage; there are: {known}"
    )]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The earlier studies teach nothing that can be used.
    #[error("`warm_start`")]
    Learn(#[from] WarmStartError),
    /// The study was created with other parameters.
    #[error("the recorded priors do not fit the file's parameters")]
    Recorded(#[from] SpaceError),
    /// The storage cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A study in it cannot be read.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
}

impl WarmError {
    /// Whether the storage is to blame, and not what the file says.
    pub fn is_of_storage(&self) -> bool {
        matches!(self, Self::Read(_) | Self::CatchUp(_))
    }
}

/// Gives the file's space its priors; a sentence on what they rest on where they are new.
///
/// # Errors
/// [`WarmError`].
pub fn apply(storage: &dyn Storage, file: &mut StudyFile) -> Result<Option<String>, WarmError> {
    if file.warm_start.is_empty() {
        return Ok(None);
    }
    let headers = storage.studies()?;
    let load = |header: &StudyHeader| tunesmith_core::load(storage, header.id);
    let config = &mut file.config;
    if let Some(header) = headers.iter().find(|header| header.name == config.name) {
        let recorded = load(header)?;
        config.space = adopted(&config.space, &recorded.config().space)?;
        return Ok(None);
    }
    let mut earlier = Vec::new();
    for name in &file.warm_start {
        let header = find(&headers, name)?;
        earlier.push(load(header)?);
    }
    let several = config.metrics.len() > 1;
    let Some(metric) = config.metrics.first() else { return Ok(None) };
    let warmed = warm_start(&config.space, metric, &earlier)?;
    config.space = warmed.space;
    let by = if several { format!(" by {}", metric.name) } else { String::new() };
    let names = file.warm_start.join(", ") + &by;
    Ok(Some(if warmed.learned.is_empty() {
        format!(
            "warm start: {names} teach nothing here, as every parameter that they share has a prior of its own"
        )
    } else {
        let learned = warmed.learned.join(", ");
        format!(
            "warm start: the best {} trials of {names} give a prior to {learned}",
            warmed.trials
        )
    }))
}

fn find<'a>(headers: &'a [StudyHeader], name: &str) -> Result<&'a StudyHeader, WarmError> {
    headers.iter().find(|header| header.name == name).ok_or_else(|| {
        let known: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
        WarmError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

/// The described space with the recorded priors where it has none.
fn adopted(described: &SearchSpace, recorded: &SearchSpace) -> Result<SearchSpace, WarmError> {
    let adopt = |parameter: &Parameter| {
        let Rule::Free { domain, prior: Prior::Uniform } = &parameter.rule else {
            return parameter.clone();
        };
        match recorded.get(&parameter.name).map(|parameter| &parameter.rule) {
            Some(Rule::Free { domain: same, prior }) if same == domain => {
                parameter.clone().with_prior(prior.clone())
            }
            _ => parameter.clone(),
        }
    };
    Ok(SearchSpace::new(described.parameters().iter().map(adopt).collect())?)
}
