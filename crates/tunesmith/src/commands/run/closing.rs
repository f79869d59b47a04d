//! What a run leaves when its worker has stopped: the winner measured on the test split, the table
//! of trials, the report, and what was found, in words. It refuses to touch the test split twice for one winner.

use serde_json::json;
use tunesmith_core::Study;
use tunesmith_runtime::session::Session;
use tunesmith_runtime::worker::{Finish, Work};
use tunesmith_train::protocol::SplitName;

use super::{Finished, Run, open_failure};
use crate::artefacts::Certificate;
use crate::cli::{CommandLine, RunArguments};
use crate::commands::{print, report};
use crate::exit::{Class, Classified, Failure};
use crate::findings;

/// Rows of the final table.
const SHOWN_TRIALS: usize = 20;

impl Run {
    /// Closes a run; the class of its ending.
    pub(super) fn conclude(
        &self,
        work: Work,
        line: &CommandLine,
        arguments: &RunArguments,
    ) -> Result<Class, Failure> {
        let finish = work.finish;
        let Finished { study, certificate } = self.leave(work)?;
        match finish {
            Finish::Interrupted => {
                if !line.quiet {
                    let (standing, file) =
                        (tunesmith_view::standing(&study), arguments.file.display());
                    anstream::eprintln!(
                        "{standing}; run the same command to go on: tunesmith run {file}"
                    );
                }
                Ok(Class::Interrupted)
            }
            Finish::Paused => {
                if !line.quiet {
                    anstream::eprintln!(
                        "{}; the study is paused",
                        tunesmith_view::standing(&study)
                    );
                }
                Ok(Class::Success)
            }
            // A run takes all trials that there are.
            Finish::Counted => Ok(Class::Success),
            Finish::Done(_) => {
                self.show(&study, certificate, arguments.json)?;
                Ok(if study.best().is_some() { Class::Success } else { Class::Fruitless })
            }
        }
    }

    /// What a run leaves on disk, whoever speaks of it: the table of trials, and at its end the winner's test.
    pub(super) fn leave(&self, work: Work) -> Result<Finished, Failure> {
        let Work { finish, study, session } = work;
        self.artefacts
            .write("trials.csv", findings::csv(&study).as_bytes())
            .class(Class::Storage)?;
        if let Finish::Done(_) = finish {
            self.test(&study, session)?;
        }
        let headers = self.storage.studies().class(Class::Storage)?;
        if let Some(header) = headers.iter().find(|header| header.name == study.config().name) {
            let page = report::page(&*self.storage, header.id, &study)?;
            self.artefacts.write(report::FILE, page.as_bytes()).class(Class::Storage)?;
        }
        Ok(Finished { certificate: self.certificate(&study)?, study })
    }

    /// The certificate of the study's best trial, if its model is there.
    fn certificate(&self, study: &Study) -> Result<Option<Certificate>, Failure> {
        let certificate = self.artefacts.certificate().class(Class::Storage)?;
        Ok(certificate
            .filter(|known| study.chosen().is_some_and(|chosen| chosen.number == known.trial)))
    }

    fn test(&self, study: &Study, session: Option<Session>) -> Result<(), Failure> {
        let (Some(mut certificate), Some(mut session)) = (self.certificate(study)?, session) else {
            return Ok(());
        };
        if session.ready.test_rows == 0 || certificate.test.is_some() {
            return Ok(());
        }
        let metrics = session
            .evaluate(&self.artefacts.best(), SplitName::Test, &self.stop)
            .map_err(open_failure)?;
        certificate.test = Some(json!(metrics));
        self.artefacts.recertify(&certificate).class(Class::Storage)
    }

    fn show(
        &self,
        study: &Study,
        certificate: Option<Certificate>,
        as_json: bool,
    ) -> Result<(), Failure> {
        if as_json {
            let mut json = findings::study_json(study);
            json["event"] = "finished".into();
            json["model"] = json!(certificate.as_ref().map(|_| self.artefacts.best()));
            json["test"] = certificate.and_then(|known| known.test).unwrap_or_default();
            return print(&format!("{json}\n"));
        }
        let mut lines = findings::ranking_lines(study, SHOWN_TRIALS);
        lines.push(format!("\n{}: {}", study.config().name, tunesmith_view::standing(study)));
        lines.extend(tunesmith_view::overrun(study));
        lines.extend(tunesmith_view::verdict(
            study,
            certificate.as_ref().map(|known| known.validation_rows),
        ));
        if let Some(certificate) = certificate {
            lines.extend(self.of_the_model(study, &certificate));
        }
        lines
            .push(format!("all trials: {}", shown_path(&self.artefacts.root().join("trials.csv"))));
        print(&(lines.join("\n") + "\n"))
    }
}

impl Run {
    /// How the winner's model does on the test split, and where it lies; with several metrics where the others lie.
    fn of_the_model(&self, study: &Study, certificate: &Certificate) -> Vec<String> {
        let test = certificate.test.as_ref();
        let mut lines: Vec<String> = test
            .map(|test| format!("on the test split: {}", findings::metrics(test)))
            .into_iter()
            .collect();
        let model = shown_path(&self.artefacts.best());
        if tunesmith_view::is_several(study) {
            let front = shown_path(&self.artefacts.front());
            lines.push(format!("models: {front}/<trial>; best by {}: {model}", certificate.metric));
        } else {
            lines.push(format!("model: {model}"));
        }
        lines
    }
}

/// A path as short as it can be written from here.
fn shown_path(path: &std::path::Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
