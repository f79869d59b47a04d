//! `tunesmith report`: a study as one page that needs no network and no server. It changes nothing in the study.

use tunesmith_core::{Storage, Study, StudyId};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_store::atomic;
use tunesmith_view::Album;

use super::{print, studies};
use crate::artefacts::Artefacts;
use crate::cli::{CommandLine, ReportArguments};
use crate::exit::{Class, Classified, Failure};

/// The file's name in a study's folder.
pub(crate) const FILE: &str = "report.html";

/// Writes the page and says where it is.
pub(crate) fn run(line: &CommandLine, arguments: &ReportArguments) -> Result<(), Failure> {
    let (storage, id, study) = studies::opened(&line.storage, arguments.study.as_deref())?;
    let page = page(&*storage, id, &study)?;
    let file = if let Some(file) = &arguments.output {
        file.clone()
    } else {
        let folder = Artefacts::of(&line.runs, &study.config().name).root().to_owned();
        std::fs::create_dir_all(&folder).class(Class::Storage)?;
        folder.join(FILE)
    };
    atomic::write(&file, page.as_bytes()).class(Class::Storage)?;
    print(&format!("the report is {}\n", file.display()))
}

/// The page of a study.
pub(crate) fn page(storage: &dyn Storage, id: StudyId, study: &Study) -> Result<String, Failure> {
    let mut album = Album::default();
    album.catch_up(storage, id, study).class(Class::Storage)?;
    let picture = tunesmith_view::picture(study, &album, None, SystemClock.now());
    tunesmith_view::report(&tunesmith_server::report_page(), study, &picture)
        .ok_or_else(|| {
            anyhow::anyhow!("this build has no page for reports; build the dashboard first")
        })
        .class(Class::Unexpected)
}
