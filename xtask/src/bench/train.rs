//! `cargo x bench train`: our trainer process and PyTorch's step, in turn on the same work.
//!
//! Both sides wait between rounds (ours for a verdict, theirs for `go N`), so that never two train
//! at once and a drift of the machine meets both. Ours is the whole trainer, batches and clipping
//! included; theirs is the bare step. This file judges no ratio.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

/// Where PyTorch, the checkpoint and the data are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Train {
    /// A Python that has tools/requirements.txt
    #[arg(long, default_value = ".venv/bin/python")]
    python: PathBuf,
    /// Rounds that each side runs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Steps of a round
    #[arg(long, default_value_t = 3)]
    steps: usize,
    /// Cases to run; all when none is named: minilm, bert-base, rte-epoch
    cases: Vec<String>,
    /// The MiniLM checkpoint, for rte-epoch
    #[arg(long, env = "TUNESMITH_MINILM")]
    minilm: Option<PathBuf>,
    /// The folder with glue/RTE, for rte-epoch
    #[arg(long, env = "TUNESMITH_DATA")]
    data: Option<PathBuf>,
}

/// A process that answers lines with lines.
struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("no pipes")
        };
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.to, "{line}").context("the process no longer listens")
    }

    fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("the process ended: {}", self.child.wait()?);
        }
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))
    }

    /// The next message of a type; others are passed over, a failure ends the case.
    fn hear_type(&mut self, wanted: &str) -> Result<Value> {
        loop {
            let message = self.hear()?;
            match message["type"].as_str() {
                Some(kind) if kind == wanted => return Ok(message),
                Some("fatal" | "failed") => bail!("the trainer says {message}"),
                _ => {}
            }
        }
    }

    /// Peak resident memory so far, in MB of 1e6 bytes.
    fn peak_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
        Ok(kib.parse::<f64>()? * 1024.0 / 1e6)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer that is gone already cannot be killed; nothing depends on it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One comparison.
struct Case<'a> {
    name: &'a str,
    open: Value,
    params: Value,
    theirs: Vec<String>,
    steps: usize,
    /// How theirs is told to run a round, and where its milliseconds stand.
    go: String,
    read: fn(&Value) -> Option<f64>,
}

/// Runs the cases; gives one figure a case.
pub(crate) fn measure(root: &Path, options: &Train) -> Result<Vec<Map<String, Value>>> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--package", "tunesmith"])
        .current_dir(root)
        .status()?;
    if !built.success() {
        bail!("tunesmith does not build");
    }
    let wanted =
        |name: &str| options.cases.is_empty() || options.cases.iter().any(|case| case == name);
    let target = crate::quickstart::target_directory(root)?;
    let folder = target.join("bench");
    let mut figures = Vec::new();
    for (shape, batch) in [("minilm", 16), ("bert-base", 8)] {
        if wanted(shape) {
            let fixture = folder.join(shape);
            step_fixture(root, options, shape, &fixture)?;
            figures.push(compare(
                root,
                &target,
                options,
                &step_case(shape, batch, options, &fixture),
            )?);
        }
    }
    if wanted("rte-epoch") {
        let (Some(minilm), Some(data)) = (&options.minilm, &options.data) else {
            bail!("rte-epoch needs --minilm and --data (or TUNESMITH_MINILM and TUNESMITH_DATA)");
        };
        figures.push(compare(root, &target, options, &epoch_case(minilm, &data.join("glue/RTE")))?);
    }
    Ok(figures)
}

/// A model directory and rows of exactly 128 tokens, made once.
fn step_fixture(root: &Path, options: &Train, shape: &str, folder: &Path) -> Result<()> {
    if folder.join("dev.tsv").exists() {
        return Ok(());
    }
    let mut command = Command::new(&options.python);
    command.arg(root.join("tools/bench/fixture.py")).args(["--shape", shape]).arg(folder);
    let made =
        command.status().with_context(|| format!("cannot run {command:?}; see tools/README.md"))?;
    if made.success() { Ok(()) } else { bail!("{command:?} failed") }
}

fn open(model: &Path, task: &Value, evaluate: &Value) -> Value {
    json!({
        "type": "open", "version": 2, "model": model, "task": task, "base_directory": "/", "pack": 1,
        "threads": 2, "evaluate": evaluate, "eval_batch_size": 16, "data_seed": 1,
        "checkpoint_seconds": 1e9, "defaults": {},
    })
}

fn step_case<'a>(shape: &'a str, batch: usize, options: &Train, fixture: &Path) -> Case<'a> {
    let task = json!({
        "train": fixture.join("train.tsv"), "validation": fixture.join("dev.tsv"), "text": "text", "label": "label",
    });
    let script = "tools/bench/torch_step.py".to_owned();
    let model = fixture.join("model");
    Case {
        name: shape,
        open: open(&model, &task, &json!({"steps": options.steps})),
        params: json!({
            "per_device_train_batch_size": batch, "max_steps": 1_000_000, "max_grad_norm": 0, "weight_decay": 0.01,
            "learning_rate": 2e-5, "max_seq_length": 128,
        }),
        theirs: vec![
            script,
            "--model".into(),
            model.display().to_string(),
            "--batch".into(),
            batch.to_string(),
        ],
        steps: options.steps,
        go: format!("go {}", options.steps),
        read: |answer| answer["mean_ms"].as_f64(),
    }
}

fn epoch_case<'a>(minilm: &Path, rte: &Path) -> Case<'a> {
    let (train, dev) = (rte.join("train.tsv"), rte.join("dev.tsv"));
    let task = json!({"train": train, "validation": dev, "text": ["sentence1", "sentence2"], "label": "label"});
    let theirs = [
        "tools/bench/trainer_epoch.py",
        "--model",
        &minilm.display().to_string(),
        "--train",
        &train.display().to_string(),
        "--dev",
        &dev.display().to_string(),
    ];
    Case {
        name: "rte-epoch",
        open: open(minilm, &task, &json!({"epochs": 1.0})),
        params: json!({"per_device_train_batch_size": 16, "num_train_epochs": 1000, "max_seq_length": 128}),
        theirs: theirs.map(str::to_owned).into(),
        steps: 1,
        go: "go 1".into(),
        read: |answer| answer["seconds"].as_f64().map(|seconds| seconds * 1e3),
    }
}

fn compare(
    root: &Path,
    target: &Path,
    options: &Train,
    case: &Case<'_>,
) -> Result<Map<String, Value>> {
    let mut ours = Peer::start(Command::new(target.join("release/tunesmith")).arg("trainer"))?;
    ours.say(&case.open.to_string())?;
    ours.hear_type("ready")?;
    let start = json!({"type": "start", "trial": 0, "params": case.params, "seed": 1, "directory": target.join("bench/trial")});
    ours.say(&start.to_string())?;
    // The first round warms; then each side runs while the other waits.
    ours.hear_type("report")?;
    let mut theirs =
        Peer::start(Command::new(&options.python).args(&case.theirs).current_dir(root))?;
    let engine = theirs.hear()?["engine"].clone();
    let (mut our_ms, mut their_ms, mut ratios, mut their_peak) =
        (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for round in 0..options.rounds {
        theirs.say(&case.go)?;
        let answer = theirs.hear()?;
        let their = (case.read)(&answer).context("no time in the answer")?;
        their_peak = answer["peak_mb"].as_f64().unwrap_or(0.0);
        let began = Instant::now();
        ours.say(
            &json!({"type": "verdict", "trial": 0, "keep": false, "then": "continue"}).to_string(),
        )?;
        ours.hear_type("report")?;
        let our = began.elapsed().as_secs_f64() * 1e3 / case.steps as f64;
        eprintln!(
            "{} round {round}: ours {our:.0} ms, theirs {their:.0} ms, ratio {:.3}",
            case.name,
            our / their
        );
        our_ms.push(our);
        their_ms.push(their);
        ratios.push(our / their);
    }
    let figures = json!({
        "case": format!("train/{}", case.name), "ours_ms": median(our_ms), "theirs_ms": median(their_ms),
        "ratio": median(ratios), "ours_peak_mb": ours.peak_mb()?, "theirs_peak_mb": their_peak, "theirs": engine,
        "rounds": options.rounds,
    });
    figures.as_object().cloned().context("figures are an object")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
