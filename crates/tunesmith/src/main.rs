//! The command line of tunesmith, and the one place where its parts are put together. It refuses
//! to hold logic of its own: commands parse, plug and print.

mod artefacts;
mod cli;
mod commands;
mod exit;
mod findings;
mod front;
mod interrupt;
mod progress;
mod table;

use std::process::ExitCode;

use clap::Parser;

use cli::{Command, CommandLine};
use commands::{
    agent, bench, best, compare, completions, enqueue, export, import, importance, init, replay,
    report, rerun, run, schema, serve, show, sweep, token, trainer, trials, ui,
};
use exit::{Class, Failure};
use tunesmith_file::LoadError;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    if let Command::Trainer = line.command {
        return trainer::run();
    }
    match dispatch(&line) {
        Ok(class) => class.into(),
        Err(failure) => {
            tell(&failure);
            failure.class.into()
        }
    }
}

fn dispatch(line: &CommandLine) -> Result<Class, Failure> {
    let done = |()| Class::Success;
    match &line.command {
        Command::Run(arguments) => run::run(line, arguments),
        Command::Sweep(arguments) => sweep::run(line, arguments).map(done),
        Command::Agent(arguments) => agent::run(line, arguments),
        Command::Rerun(arguments) => rerun::run(&line.storage, arguments).map(done),
        Command::Show(arguments) => show::run(&line.storage, arguments).map(done),
        Command::Trials(arguments) => trials::run(&line.storage, arguments).map(done),
        Command::Best(arguments) => best::run(&line.storage, &line.runs, arguments).map(done),
        Command::Importance(arguments) => importance::run(&line.storage, arguments).map(done),
        Command::Enqueue(arguments) => enqueue::run(&line.storage, arguments).map(done),
        Command::Compare(arguments) => compare::run(line, arguments),
        Command::Export(arguments) => export::run(&line.storage, arguments).map(done),
        Command::Import(arguments) => import::run(&line.storage, arguments).map(done),
        Command::Ui(arguments) => ui::run(line, arguments).map(done),
        Command::Report(arguments) => report::run(line, arguments).map(done),
        Command::Serve(arguments) => serve::run(line, arguments).map(done),
        Command::Token(arguments) => token::run(arguments).map(done),
        Command::Replay(arguments) => replay::run(line, arguments),
        Command::Bench(arguments) => bench::run(arguments, line.quiet).map(done),
        Command::Init(arguments) => init::run(arguments, line.quiet).map(done),
        Command::Schema => schema::run().map(done),
        Command::Completions { shell } => {
            completions::run(*shell);
            Ok(Class::Success)
        }
        Command::Trainer => Ok(Class::Success),
    }
}

/// Shows an error on standard error. Those of study files show their lines themselves.
fn tell(failure: &Failure) {
    match failure.error.downcast_ref::<LoadError>() {
        Some(LoadError::Content(content)) => anstream::eprintln!("{}", content.render(true)),
        _ => anstream::eprintln!("error: {failure}"),
    }
}
