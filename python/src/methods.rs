//! What there is to search and to schedule with, from the registry. It refuses a list of its own.

use pyo3::prelude::*;
use tunesmith_search::Entry;

/// Adds the tables to the module: name, summary and options of each.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let methods = tunesmith_search::methods().iter();
    let both: Vec<Row> = methods
        .map(|one| (one.name, one.summary, Vec::new()))
        .filter(|(name, ..)| !tunesmith_search::samplers().iter().any(|one| one.name == *name))
        .collect();
    let methods: Vec<Row> = rows(tunesmith_search::samplers()).chain(both).collect();
    module.add("METHODS", methods)?;
    module.add("SCHEDULERS", rows(tunesmith_search::schedulers()).collect::<Vec<_>>())
}

type Row = (&'static str, &'static str, Vec<(&'static str, &'static str)>);

fn rows<T>(entries: &'static [Entry<T>]) -> impl Iterator<Item = Row> {
    entries.iter().map(|entry| {
        let options = entry.options.iter().map(|option| (option.name, option.summary));
        (entry.name, entry.summary, options.collect())
    })
}
