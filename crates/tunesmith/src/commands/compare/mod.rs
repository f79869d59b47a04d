//! `tunesmith compare`: several ways of searching, or several models, on one task with the same budget and seeds, each
//! a study of its own in the log; then a table, a plot, and what of it is more than noise. It refuses to compare what
//! has not been run to its end, and to call a difference inside the noise a difference.

mod agreement;
mod markdown;
mod outcome;
mod plan;
mod plot;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::print;
use super::run::complete;
use crate::artefacts::Artefacts;
use crate::cli::{CommandLine, CompareArguments};
use crate::exit::{Class, Classified, Failure};
use crate::{interrupt, table};
use outcome::{Contest, Contestant, Score};
use plan::Plan;

/// Runs every study of the comparison that is not finished, and compares them.
pub(crate) fn run(line: &CommandLine, arguments: &CompareArguments) -> Result<Class, Failure> {
    let plan = Plan::load(&arguments.files, arguments.seeds).class(Class::StudyFile)?;
    let stop = interrupt::listen(line.quiet)?;
    let Some(contest) = contest(line, &plan, &stop)? else {
        if !line.quiet {
            anstream::eprintln!("interrupted; run the same command to go on");
        }
        return Ok(Class::Interrupted);
    };
    let folder = Artefacts::of(&line.runs, &plan.name);
    std::fs::create_dir_all(folder.root()).class(Class::Storage)?;
    keep(&folder, &contest)?;
    if arguments.json {
        print(&format!("{:#}\n", contest.json()))?;
    } else {
        show(&contest, folder.root())?;
    }
    let any = contest.contestants.iter().any(|one| one.scores.iter().any(|it| it.value.is_some()));
    Ok(if any { Class::Success } else { Class::Fruitless })
}

/// All studies, run to their end; `None` where somebody stopped it. Seed by seed, so that what is there after an
/// interruption is balanced.
fn contest(
    line: &CommandLine,
    plan: &Plan,
    stop: &Arc<AtomicBool>,
) -> Result<Option<Contest>, Failure> {
    let mut contestants: Vec<Contestant> = plan.entries.iter().map(Contestant::new).collect();
    for seed in 0..plan.seeds {
        for (entry, contestant) in plan.entries.iter().zip(&mut contestants) {
            let file = entry.study(seed).class(Class::StudyFile)?;
            if !line.quiet {
                anstream::eprintln!("── {}", file.config.name);
            }
            let finished = complete(line, file, stop)?;
            if stop.load(Ordering::SeqCst) {
                return Ok(None);
            }
            contestant.scores.push(Score::of(seed, finished));
        }
    }
    Ok(Some(Contest::new(&plan.name, contestants)))
}

/// Writes the comparison beside the studies' folders.
fn keep(folder: &Artefacts, contest: &Contest) -> Result<(), Failure> {
    let files = [
        ("compare.md", markdown::page(contest)),
        ("compare.csv", contest.csv()),
        ("compare.svg", plot::svg(contest)),
        ("compare.json", format!("{:#}\n", contest.json())),
    ];
    for (name, text) in files {
        folder.write(name, text.as_bytes()).class(Class::Storage)?;
    }
    Ok(())
}

fn show(contest: &Contest, folder: &Path) -> Result<(), Failure> {
    let mut table = table::Table::default().text("");
    for title in contest.titles() {
        table = table.number(&title);
    }
    for (index, cells) in contest.rows().into_iter().enumerate() {
        table.row(cells);
        if contest.best() == Some(index) {
            table.mark(index);
        }
    }
    let mut lines = vec![table.render()];
    lines.extend(contest.sentences());
    lines.push(format!("\ntable and plot: {}\n", folder.join("compare.md").display()));
    print(&lines.join("\n"))
}

impl Contest {
    /// The comparison for programs.
    fn json(&self) -> serde_json::Value {
        let contestants: Vec<_> = self.contestants.iter().map(Contestant::json).collect();
        json!({
            "name": self.name,
            "metric": self.metric,
            "contestants": contestants,
            "sentences": self.sentences(),
        })
    }
}
