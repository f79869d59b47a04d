//! The command line as data: clap derives parser, help and completions from it. It decides nothing
//! and refuses only what is no command line of tunesmith.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tunesmith_search::importance::Method;
use tunesmith_server::Scope;

use crate::exit::Class;

/// Finds the best fine-tuning hyperparameters of a transformer.
#[derive(Debug, Parser)]
#[command(name = "tunesmith", version, after_help = Class::listing(), max_term_width = 100)]
pub(crate) struct CommandLine {
    /// Where studies are kept: a path, `sqlite:///PATH`, `postgres://USER@HOST/DATABASE`, `http://HOST:PORT` or
    /// `memory:`.
    #[arg(
        long,
        global = true,
        env = "TUNESMITH_STORAGE",
        default_value = "./tunesmith.db",
        value_name = "STORAGE"
    )]
    pub storage: String,
    /// Where the artefacts of studies are: `DIR/<study>/`.
    #[arg(
        long,
        global = true,
        env = "TUNESMITH_RUNS",
        default_value = "./runs",
        value_name = "DIR"
    )]
    pub runs: PathBuf,
    /// Says nothing but results and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Creates the study that a file describes, or resumes it, and works until its budget is spent.
    Run(RunArguments),
    /// Creates the study that a file describes, and says how agents work on it.
    Sweep(SweepArguments),
    /// Works on a study, beside any number of other agents on this or other machines.
    Agent(AgentArguments),
    /// Queues trials again, with the same hyperparameters.
    Rerun(RerunArguments),
    /// Shows how a study stands, or lists the studies.
    Show(StudyArguments),
    /// Lists the trials of a study.
    Trials(StudyArguments),
    /// Shows the best trial of a study, or its front, and where the models lie.
    Best(StudyArguments),
    /// Shows which hyperparameters mattered, and how sure that is.
    Importance(ImportanceArguments),
    /// Adds a trial with chosen hyperparameters to a study.
    Enqueue(EnqueueArguments),
    /// Runs several studies on one task and compares what they come to.
    Compare(CompareArguments),
    /// Writes a study to a file for Optuna, optuna-dashboard and optuna.visualization.
    Export(ExportArguments),
    /// Takes over the studies of a file that Optuna wrote: a journal or a SQLite database.
    Import(ImportArguments),
    /// Opens the dashboard: serves it on this machine and says where.
    Ui(UiArguments),
    /// Writes a page with everything about a study into one file.
    Report(ReportArguments),
    /// Serves the storage over HTTP, for agents that may not reach it and for programs that ask about studies.
    Serve(ServeArguments),
    /// Makes, lists and removes the tokens that a server knows.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Derives a study's decisions again from its log, or trains its winner again.
    Replay(ReplayArguments),
    /// Compares methods of search on simulated tasks.
    Bench(BenchArguments),
    /// Writes a commented study file to begin with.
    Init(InitArguments),
    /// Prints the JSON Schema of the study file.
    Schema,
    /// Prints the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Trains packs of trials for a worker, which talks to it over standard input and output.
    #[command(hide = true)]
    Trainer,
}

/// What `run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The study file.
    pub file: PathBuf,
    /// Prints one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
    /// Drops what W&B drops without a word: macros that it does not know, variables that are not set.
    #[arg(long)]
    pub lenient: bool,
    /// Goes on however many trials of a program fail at once.
    #[arg(long)]
    pub keep_going: bool,
}

/// What `sweep` takes.
#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// The study file, or W&B's `sweep.yaml`.
    pub file: PathBuf,
    /// Drops what W&B drops without a word: macros that it does not know, variables that are not set.
    #[arg(long)]
    pub lenient: bool,
}

/// What `agent` takes.
#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// How many trials to take at most.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// How many trials to run at once; as the study says where left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// Where the program runs; where the study says so when left out.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Goes on however many trials of a program fail at once.
    #[arg(long)]
    pub keep_going: bool,
    /// Prints one JSON object per line instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What `rerun` takes.
#[derive(Debug, Args)]
pub(crate) struct RerunArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// Every trial that failed and was not queued again since.
    #[arg(long, required_unless_present = "trial", conflicts_with = "trial")]
    pub failed: bool,
    /// This trial.
    #[arg(long, value_name = "NUMBER")]
    pub trial: Option<u32>,
}

/// What `show`, `trials` and `best` take.
#[derive(Debug, Args)]
pub(crate) struct StudyArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What `importance` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportanceArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// The metric, of those that the study searches for; the first where left out.
    #[arg(long, value_name = "NAME")]
    pub metric: Option<String>,
    /// How importance is measured.
    #[arg(long, value_enum, default_value_t = Measure::PedAnova)]
    pub method: Measure,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// How importance can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// What sets the best trials apart from all of them.
    PedAnova,
    /// The share of the metric's variance that hangs on each hyperparameter by itself.
    Fanova,
}

impl From<Measure> for Method {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::PedAnova => Self::PedAnova,
            Measure::Fanova => Self::Fanova,
        }
    }
}

/// What `enqueue` takes.
#[derive(Debug, Args)]
pub(crate) struct EnqueueArguments {
    /// The study's name.
    pub study: String,
    /// Hyperparameters as `name=value`, values written as in a study file; what is left out is drawn from the priors.
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Queues values that a trial of the study has already.
    #[arg(long)]
    pub again: bool,
}

/// What `compare` takes.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// A study file whose `compare` names what differs between its studies, or several study files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How often each study is repeated, each time with another seed; as the file says, or once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: Option<u32>,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What `export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The study's name.
    pub study: String,
    /// The file to write; one that exists is left as it is.
    pub file: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value_t = Foreign::OptunaJournal)]
    pub to: Foreign,
}

/// The forms in which Optuna keeps studies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Foreign {
    /// A journal, as `JournalStorage` reads it.
    OptunaJournal,
    /// A SQLite database of schema 12, as `sqlite:///FILE` opens it.
    OptunaSqlite,
}

/// What `import` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file; what it is it says itself.
    pub file: PathBuf,
    /// Only the study of this name; all of the file where left out.
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// The name that the study gets here; its own where left out.
    #[arg(long, value_name = "NAME", requires = "study")]
    pub name: Option<String>,
}

/// What `serve` takes.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Where to listen. Addresses that other machines reach need tokens.
    #[arg(long, default_value = "127.0.0.1:8765", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// The file of tokens; whoever asks must then have one. Written by `tunesmith token add`.
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
}

/// What `ui` takes.
#[derive(Debug, Args)]
pub(crate) struct UiArguments {
    #[command(flatten)]
    pub serve: ServeArguments,
    /// Shows it in the browser at once.
    #[arg(long)]
    pub open: bool,
}

/// What `report` takes.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// The file to write, over one that is there; `report.html` in the study's folder where left out.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What `token` does.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token and prints it; it is not kept and cannot be shown again.
    Add {
        /// Whose it is.
        name: String,
        /// What it is good for: `read`, or `write`, which agents need.
        #[arg(long, default_value_t = Scope::Read)]
        scope: Scope,
        /// The file that keeps its hash.
        #[arg(long, default_value = "tunesmith.tokens", value_name = "FILE")]
        tokens: PathBuf,
    },
    /// Lists names and scopes.
    List {
        /// The file.
        #[arg(long, default_value = "tunesmith.tokens", value_name = "FILE")]
        tokens: PathBuf,
    },
    /// Removes a token; a server that runs knows it until it is started again.
    Remove {
        /// Whose it is.
        name: String,
        /// The file.
        #[arg(long, default_value = "tunesmith.tokens", value_name = "FILE")]
        tokens: PathBuf,
    },
}

/// What `replay` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The study's name; may be left out where the storage holds just one.
    pub study: Option<String>,
    /// Derives every suggestion, verdict and exchange of the log again, and trains nothing.
    #[arg(long, conflicts_with_all = ["trial", "output"])]
    pub verify: bool,
    /// The trial that is trained again, through all the hyperparameters that its weights had; the winner where left out.
    #[arg(long, value_name = "NUMBER")]
    pub trial: Option<u32>,
    /// Where the model goes; `replay/` in the study's folder where left out.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Prints JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What `bench` takes.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// The methods: samplers with options as `random:prior=known`, perhaps with a scheduler after a `+` as
    /// `auto+asha:eta=4`, or other tools' as `optuna-tpe`, `optuna-gp`, `optuna-auto`, `optuna-cmaes`, `catcmawm`,
    /// `rustuna-tpe` and `hyperopt`.
    #[arg(long, value_delimiter = ',', required = true, value_name = "METHOD,...")]
    pub methods: Vec<String>,
    /// The tasks: `dev`, `validation`, `all`, families (such as `misled`) or single tasks.
    #[arg(long, value_delimiter = ',', default_value = "dev", value_name = "TASK,...")]
    pub tasks: Vec<String>,
    /// The budget of each study.
    #[arg(long, default_value_t = 64)]
    pub trials: u32,
    /// Makes compute the budget of methods with a scheduler: this share, such as 0.4, of what --trials trials take on
    /// average, trained to their end. They may start more trials.
    #[arg(long, value_name = "SHARE")]
    pub compute: Option<f64>,
    /// How often each study is repeated.
    #[arg(long, default_value_t = 20)]
    pub seeds: u32,
    /// How many trials of a study run at once, on a virtual clock.
    #[arg(long, default_value_t = 1)]
    pub workers: u32,
    /// The methods that others are compared with, the marks and the compute being about the first; `random` or the
    /// first method where left out.
    #[arg(long, value_delimiter = ',', value_name = "METHOD,...")]
    pub baseline: Vec<String>,
    /// The directory that holds the recorded trainings, under `hpo`.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Keeps each study's result, and does not run again what is there.
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Runs nothing: reports what --results has, shorter studies as far as they go.
    #[arg(long, requires = "results")]
    pub kept: bool,
    /// A Python that has the other tools.
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// The script that runs the other tools.
    #[arg(long, default_value = "tools/bench/peers.py", value_name = "FILE")]
    pub driver: PathBuf,
    /// How many studies are simulated at once; as many as there are cores where left out.
    #[arg(long)]
    pub jobs: Option<u8>,
    /// Prints JSON instead of Markdown.
    #[arg(long)]
    pub json: bool,
}

/// What `init` takes.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The file to write; one that exists is left as it is.
    #[arg(default_value = "study.yaml")]
    pub file: PathBuf,
    /// The task to begin with.
    #[arg(long, value_enum, default_value_t = Template::Files)]
    pub task: Template,
}

/// The study files that `init` can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// One text a row, in files of your own.
    Files,
    /// Two texts a row, in files of your own.
    Pairs,
    /// Scores instead of classes, in files of your own.
    Regression,
    /// RTE of the GLUE benchmark.
    #[value(name = "glue/rte")]
    GlueRte,
}
