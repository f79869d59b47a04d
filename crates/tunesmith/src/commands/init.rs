//! `tunesmith init`: a commented study file to begin with. It refuses to overwrite a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::{InitArguments, Template};
use crate::exit::{Class, Classified, Failure};

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("{path} exists already; name another file, or move it away")]
    Exists { path: PathBuf },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
}

/// Writes the template to its file and says what to do with it.
pub(crate) fn run(arguments: &InitArguments, quiet: bool) -> Result<(), Failure> {
    write(&arguments.file, text(arguments.task)).class(Class::Usage)?;
    if !quiet {
        let path = arguments.file.display();
        anstream::eprintln!("wrote {path}; edit it, then: tunesmith run {path}");
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), InitError> {
    let failed = |source| InitError::Write { path: path.to_owned(), source };
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(InitError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(failed(error)),
    }
}

/// The text of a template.
pub(crate) fn text(template: Template) -> &'static str {
    match template {
        Template::Files => include_str!("init/files.yaml"),
        Template::Pairs => include_str!("init/pairs.yaml"),
        Template::Regression => include_str!("init/regression.yaml"),
        Template::GlueRte => include_str!("init/glue_rte.yaml"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::ValueEnum;
    use tunesmith_file::StudyFile;

    use super::{Template, text};

    #[test]
    fn every_template_is_accepted() {
        for template in Template::value_variants() {
            if let Err(error) = StudyFile::parse(Path::new("study.yaml"), text(*template).into()) {
                panic!("{error}");
            }
        }
    }
}
