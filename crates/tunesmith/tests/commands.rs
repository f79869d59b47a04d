//! Transcripts of the commands: what they print, where, and their exit codes. Training is not
//! among them: `run` has tests of its own.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes its strings so")]

use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect, expect_file};
use tunesmith_core::{
    Budget, Command as Core, Component, Domain, Effective, FailureReason, Goal, Metric, Next,
    Outcome, Parameter, Params, Policy, Report, Rng, Sampler, Scheduler, SearchSpace, Storage,
    Study, StudyConfig, Suggestion, Timestamp, Trial, Values, Verdict, Writer,
};
use tunesmith_store::sqlite::{Durability, Presence, Sqlite};

/// Runs a command in a folder; standard output, standard error and exit code as one text. Nothing
/// of the environment of this process reaches it but what the system needs.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tunesmith"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("TUNESMITH_STORAGE")
        .env_remove("TUNESMITH_RUNS")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let streams = [("", &output.stdout), ("2> ", &output.stderr)];
    let mut text = format!("$ tunesmith {}\n", arguments.join(" "));
    for (mark, stream) in streams {
        for line in String::from_utf8_lossy(stream).lines() {
            text.push_str(format!("{mark}{line}").trim_end());
            text.push('\n');
        }
    }
    let code = output.status.code().map_or("by a signal".to_owned(), |code| code.to_string());
    text += "exit ";
    text += &code;
    text.push('\n');
    text.replace(&*folder.to_string_lossy(), "FOLDER")
}

#[expect(clippy::needless_pass_by_value, reason = "it reads better where it is called")]
fn check(folder: &Path, arguments: &[&str], expected: Expect) {
    expected.assert_eq(&run(folder, arguments));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[derive(Debug)]
struct Listed;

impl Sampler for Listed {
    fn suggest(&self, study: &Study, count: u32, _rng: &Rng) -> Vec<Suggestion> {
        let rates = [2e-5, 3e-5, 5e-5, 1e-2];
        let suggestion = |number: u32| Suggestion {
            params: Params::from([
                ("learning_rate", tunesmith_core::Value::Float(rates[number as usize])),
                ("num_train_epochs", tunesmith_core::Value::Int(3)),
            ]),
            note: Params::new(),
        };
        let first = study.next_number();
        (first..first + count).map(suggestion).collect()
    }
}

#[derive(Debug)]
struct RunToEnd;

impl Scheduler for RunToEnd {
    fn next(&self, _study: &Study, _may_start: bool) -> Next {
        Next::START
    }

    fn judge(&self, _study: &Study, _trial: &Trial) -> Verdict {
        Verdict::Continue
    }
}

fn four_trials(name: &str) -> StudyConfig {
    let rate = Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-1));
    let epochs = Parameter::new("num_train_epochs", Domain::Fixed(3_i64.into()));
    let space = SearchSpace::new(vec![rate, epochs]).expect("a legal space");
    let mut config = StudyConfig::new(name, space, Metric::new("eval_accuracy", Goal::Maximize));
    config.budget = Budget { trials: Some(4), ..Budget::default() };
    config.price_per_device_hour = Some(3.06);
    config.sampler = Component::named("random");
    config
}

/// A database with a study of four trials: three completed, one that failed.
fn with_a_study(folder: &Path, name: &str) {
    let storage = Sqlite::open(
        &folder.join("tunesmith.db"),
        Presence::CreateIfMissing,
        Durability::default(),
    )
    .expect("a temporary folder is writable");
    let config = four_trials(name);
    let writer = Writer::new("a-worker");
    let policy = Policy { sampler: Box::new(Listed), scheduler: Box::new(RunToEnd) };
    let id = storage.create(&config, &writer, Timestamp(0)).expect("it is new");
    let mut study = tunesmith_core::load(&storage, id).expect("it is whole");
    let mut now = Timestamp(0);
    let mut tell = |command: Core| {
        now = now.plus_ms(1_000);
        tunesmith_core::submit(&storage, id, &mut study, &policy, &writer, &command, now)
            .expect("it is legal");
        study.clone()
    };
    for (number, value) in [(0, Some(0.6920)), (1, Some(0.7329)), (2, Some(0.7256)), (3, None)] {
        let study = tell(Core::Ask { count: 1 });
        let lease = study.trial(number).and_then(Trial::lease_key).expect("it was leased");
        let effective = Effective {
            params: Params::from([("learning_rate", 2e-5)]),
            total_steps: 468,
            validation_rows: None,
            read_back: Params::new(),
        };
        tell(Core::RecordEffective { lease, effective });
        let outcome = match value {
            Some(value) => {
                let values = Values::from([("eval_accuracy".to_owned(), value)]);
                tell(Core::Report {
                    lease,
                    report: Report {
                        step: 468,
                        fraction: 1.0,
                        values,
                        device_seconds: 75.5,
                        errors: None,
                    },
                });
                Outcome::Completed { values: Values::new() }
            }
            None => Outcome::Failed {
                reason: FailureReason::NonFinite { metric: "train_loss".into(), step: 12 },
            },
        };
        tell(Core::Tell { lease, outcome, device_seconds: 0.5 });
    }
}

#[test]
fn help_lists_commands_and_exit_codes() {
    expect_file!["transcripts/help.txt"].assert_eq(&run(folder().path(), &["--help"]));
}

#[test]
fn a_report_says_what_is_shown() {
    let folder = folder();
    with_a_study(folder.path(), "rte");
    check(
        folder.path(),
        &["report"],
        expect![[r#"
        $ tunesmith report
        the report is FOLDER/runs/rte/report.html
        exit 0
    "#]],
    );
    check(
        folder.path(),
        &["report", "rte", "--output", "deep/er/page.html"],
        expect![[r#"
        $ tunesmith report rte --output deep/er/page.html
        the report is deep/er/page.html
        exit 0
    "#]],
    );
    let page = std::fs::read_to_string(folder.path().join("runs/rte/report.html"));
    let page = page.expect("it is written");
    let from = page.find(r#"{"curves":"#).expect("data");
    let end = page[from..].find("</script>").expect("an end");
    let data: serde_json::Value = serde_json::from_str(&page[from..from + end]).expect("JSON");
    let shown = Command::new(env!("CARGO_BIN_EXE_tunesmith"))
        .args(["show", "--json"])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let picture = &data["picture"];
    assert_eq!(picture["name"], shown["study"]);
    assert_eq!(picture["metrics"], shown["metrics"]);
    assert_eq!(picture["cost"]["device_seconds"], shown["device_seconds"]);
    assert_eq!(picture["cost"]["money"], shown["cost"]);
    assert_eq!(picture["cost"]["saved_seconds"], shown["saved_device_seconds"]);
    assert_eq!(picture["best"], shown["best"]["trial"]);
    for (state, count) in shown["trials"].as_object().expect("counts") {
        let states = picture["states"].as_array().expect("states");
        let place = states.iter().position(|one| one == state).expect("a state");
        assert_eq!(picture["counts"][place], *count, "{state}");
    }
    let best = shown["best"]["trial"].as_u64().expect("a number") as usize;
    assert_eq!(picture["trials"]["values"][0][best], shown["best"]["value"]);
}

#[test]
fn a_study_is_shown() {
    let folder = folder();
    with_a_study(folder.path(), "rte");
    check(
        folder.path(),
        &["show"],
        expect![[r#"
        $ tunesmith show
        rte: 3 of 4 trials completed · 1 failed · 3m49s of training · cost 0.19
        best: trial 1 with eval_accuracy 0.7329

        trial  state      eval_accuracy  learning_rate  steps  minutes    cost  reason
            1  completed         0.7329           3e-5    468     1.27  0.0646
            2  completed         0.7256           5e-5    468     1.27  0.0646
            0  completed         0.6920           2e-5    468     1.27  0.0646
            3  failed                 -           0.01      -     0.01  0.0004  train_loss was not finite at step 12
        exit 0
    "#]],
    );
    check(
        folder.path(),
        &["trials", "rte"],
        expect![[r#"
        $ tunesmith trials rte
        trial  state      eval_accuracy  learning_rate  steps  minutes    cost  reason
            0  completed         0.6920           2e-5    468     1.27  0.0646
            1  completed         0.7329           3e-5    468     1.27  0.0646
            2  completed         0.7256           5e-5    468     1.27  0.0646
            3  failed                 -           0.01      -     0.01  0.0004  train_loss was not finite at step 12
        exit 0
    "#]],
    );
    check(
        folder.path(),
        &["best"],
        expect![[r#"
        $ tunesmith best
        best: trial 1 with eval_accuracy 0.7329
          learning_rate: 3e-5
          num_train_epochs: 3
        no model of it under FOLDER/runs/rte
        exit 0
    "#]],
    );
}

#[test]
fn a_study_is_shown_to_programs() {
    let folder = folder();
    with_a_study(folder.path(), "rte");
    expect_file!["transcripts/show.json.txt"].assert_eq(&run(folder.path(), &["show", "--json"]));
    let trials = run(folder.path(), &["trials", "--json"]);
    let json: String = trials.lines().filter(|line| !line.starts_with(['$', 'e'])).collect();
    let parsed: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(parsed.as_array().map(Vec::len), Some(4));
    assert_eq!(parsed[3]["reason"], "train_loss was not finite at step 12");
    let best = run(folder.path(), &["best", "rte", "--json"]);
    assert!(best.contains("\"value\": 0.7329"), "{best}");
}

/// A database with a study of completed trials: the accuracy peaks at a learning rate of 1e-4 and
/// hangs on nothing else, but for noise.
fn with_effects(folder: &Path, trials: u32) {
    with_effects_on(folder, trials, vec![Metric::new("eval_accuracy", Goal::Maximize)]);
}

/// The same with a second metric, a loss that falls with the warmup and hangs on nothing else.
fn with_effects_on_two_metrics(folder: &Path, trials: u32) {
    let loss = Metric::new("eval_loss", Goal::Minimize);
    with_effects_on(folder, trials, vec![Metric::new("eval_accuracy", Goal::Maximize), loss]);
}

fn with_effects_on(folder: &Path, trials: u32, metrics: Vec<Metric>) {
    let path = folder.join("tunesmith.db");
    let storage = Sqlite::open(&path, Presence::CreateIfMissing, Durability::default())
        .expect("a temporary folder is writable");
    let space = SearchSpace::new(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("warmup_ratio", Domain::float(0.0, 0.2)),
        Parameter::new("lr_scheduler_type", Domain::categorical(["linear", "cosine"])),
    ])
    .expect("a legal space");
    let mut config = StudyConfig::new("rte", space, Metric::new("eval_accuracy", Goal::Maximize));
    config.metrics = metrics;
    config.budget = Budget { trials: Some(trials), ..Budget::default() };
    let policy = tunesmith_search::policy(&config).expect("a policy");
    let writer = Writer::new("a-worker");
    let id = storage.create(&config, &writer, Timestamp(0)).expect("it is new");
    let mut study = tunesmith_core::load(&storage, id).expect("it is whole");
    for number in 0..trials {
        let mut tell = |command: Core| {
            tunesmith_core::submit(
                &storage,
                id,
                &mut study,
                &policy,
                &writer,
                &command,
                Timestamp(0),
            )
            .expect("it is legal");
            study.clone()
        };
        let asked = tell(Core::Ask { count: 1 });
        let trial = asked.trial(number).expect("it was asked for");
        let rate = trial.params.get("learning_rate").and_then(tunesmith_core::Value::as_f64);
        let away = rate.expect("a number").log10() + 4.0;
        let noise = 0.01 * Rng::at(1, number, "noise").normal();
        let warmup = trial.params.get("warmup_ratio").and_then(tunesmith_core::Value::as_f64);
        let values = Values::from([
            ("eval_accuracy".to_owned(), 0.7 - 0.05 * away * away + noise),
            ("eval_loss".to_owned(), 0.8 - warmup.expect("a number")),
        ]);
        let lease = trial.lease_key().expect("it is leased");
        tell(Core::Tell { lease, outcome: Outcome::Completed { values }, device_seconds: 1.0 });
    }
}

#[test]
fn what_mattered_is_told_in_words() {
    let folder = folder();
    with_effects(folder.path(), 24);
    check(
        folder.path(),
        &["importance"],
        expect![[r#"
        $ tunesmith importance
        rte: what moved eval_accuracy over 24 completed trials, by PED-ANOVA

        parameter          importance  interval      eval_accuracy    best region
        learning_rate            0.90  0.18 to 0.99  peaks inside     6.437e-5 to 2.686e-4
        lr_scheduler_type        0.09  0.00 to 0.17  no effect shown  -
        warmup_ratio             0.01  0.00 to 0.80  no effect shown  -

        learning_rate: it mattered (p below 0.001). eval_accuracy averages 0.6980 (0.6945 to 0.7027) at 6.437e-5 to 2.686e-4, and 0.5506 (0.5326 to 0.5658) at 0.003801 to 0.00869.
        lr_scheduler_type: no effect that 24 trials could show.
        warmup_ratio: no effect that 24 trials could show.
        exit 0
    "#]],
    );
    let json = run(folder.path(), &["importance", "rte", "--method", "ped-anova", "--json"]);
    let json: String = json.lines().filter(|line| !line.starts_with(['$', 'e'])).collect();
    let found: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(found["trials"], 24, "{found}");
    assert_eq!(found["parameters"][0]["name"], "learning_rate", "{found}");
    assert_eq!(found["parameters"][0]["shown"], true, "{found}");
    assert_eq!(found["parameters"][0]["shape"], "peak", "{found}");
    assert_eq!(found["parameters"][1]["best_region"], serde_json::Value::Null, "{found}");
    check(
        folder.path(),
        &["importance", "--method", "guess"],
        expect![[r#"
        $ tunesmith importance --method guess
        2> error: invalid value 'guess' for '--method <METHOD>'
        2>   [possible values: ped-anova, fanova]
        2>
        2> For more information, try '--help'.
        exit 2
    "#]],
    );
}

#[test]
fn of_several_metrics_the_front_is_shown() {
    let folder = folder();
    with_effects_on_two_metrics(folder.path(), 8);
    check(
        folder.path(),
        &["show"],
        expect![[r#"
            $ tunesmith show
            rte: 8 of 8 trials completed · 8.0 s of training
            front: 3 of 8 completed trials, none beaten by another in eval_accuracy and eval_loss together
            best eval_accuracy: 0.7091, trial 6
            best eval_loss: 0.6077, trial 5

            trial  state      eval_accuracy  eval_loss  learning_rate  warmup_ratio  lr_scheduler_type  steps  minutes
                6  completed         0.7091     0.7694       1.649e-4       0.03056             cosine      -     0.02
                3  completed         0.6974     0.6174       6.437e-5        0.1826             linear      -     0.02
                5  completed         0.5452     0.6077       0.005246        0.1923             linear      -     0.02
            exit 0
        "#]],
    );
    check(
        folder.path(),
        &["trials"],
        expect![[r#"
            $ tunesmith trials
            trial  state      eval_accuracy  eval_loss  learning_rate  warmup_ratio  lr_scheduler_type  steps  minutes  front
                0  completed         0.6938     0.7279       1.335e-4       0.07211             linear      -     0.02  -
                1  completed         0.5977     0.7154       3.856e-6       0.08459             cosine      -     0.02  -
                2  completed         0.5628     0.6824       0.003801        0.1176             linear      -     0.02  -
                3  completed         0.6974     0.6174       6.437e-5        0.1826             linear      -     0.02  yes
                4  completed         0.5645     0.7180         0.0056       0.08198             linear      -     0.02  -
                5  completed         0.5452     0.6077       0.005246        0.1923             linear      -     0.02  yes
                6  completed         0.7091     0.7694       1.649e-4       0.03056             cosine      -     0.02  yes
                7  completed         0.6770     0.6805       5.236e-4        0.1195             cosine      -     0.02  -
            exit 0
        "#]],
    );
    check(
        folder.path(),
        &["best"],
        expect![[r#"
            $ tunesmith best
            front: 3 of 8 completed trials, none beaten by another in eval_accuracy and eval_loss together
            best eval_accuracy: 0.7091, trial 6
            best eval_loss: 0.6077, trial 5

            trial  state      eval_accuracy  eval_loss  learning_rate  warmup_ratio  lr_scheduler_type  steps  minutes
                6  completed         0.7091     0.7694       1.649e-4       0.03056             cosine      -     0.02
                3  completed         0.6974     0.6174       6.437e-5        0.1826             linear      -     0.02
                5  completed         0.5452     0.6077       0.005246        0.1923             linear      -     0.02

            trial 6, the best by eval_accuracy:
              learning_rate: 1.649e-4
              lr_scheduler_type: cosine
              warmup_ratio: 0.03056
            no model of it under FOLDER/runs/rte
            exit 0
        "#]],
    );
    let json = run(folder.path(), &["best", "--json"]);
    let json: String = json.lines().filter(|line| !line.starts_with(['$', 'e'])).collect();
    let found: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let best_by: Vec<_> =
        found["front"].as_array().expect("a list").iter().map(|entry| &entry["best_by"]).collect();
    assert_eq!(best_by.first(), Some(&&serde_json::json!(["eval_accuracy"])), "{found}");
    assert_eq!(best_by.last(), Some(&&serde_json::json!(["eval_loss"])), "{found}");
    assert!(found["front"][0]["model"].is_null(), "nothing was trained: {found}");
}

#[test]
fn what_mattered_is_told_of_each_of_several_metrics() {
    let folder = folder();
    with_effects_on_two_metrics(folder.path(), 24);
    let first = run(folder.path(), &["importance"]);
    assert!(first.contains("what moved eval_accuracy over 24"), "{first}");
    assert!(first.contains("learning_rate: it mattered"), "{first}");
    let second = run(folder.path(), &["importance", "--metric", "eval_loss"]);
    assert!(second.contains("what moved eval_loss over 24"), "{second}");
    assert!(second.contains("warmup_ratio: it mattered"), "{second}");
    check(
        folder.path(),
        &["importance", "--metric", "eval_f1"],
        expect![[r#"
            $ tunesmith importance --metric eval_f1
            2> error: `rte` does not search for `eval_f1`; it searches for eval_accuracy, eval_loss
            exit 2
        "#]],
    );
}

#[test]
fn too_few_trials_are_said_to_be_too_few() {
    let folder = folder();
    with_a_study(folder.path(), "rte");
    check(
        folder.path(),
        &["importance"],
        expect![[r#"
        $ tunesmith importance
        2> error: 3 completed trials say nothing of importance: at least 4 are needed, and 20 to say much
        exit 7
    "#]],
    );
    let other = self::folder();
    with_effects(other.path(), 5);
    let found = run(other.path(), &["importance"]);
    assert!(found.contains("5 trials are few: an effect that is not shown"), "{found}");
}

#[test]
fn trials_are_enqueued() {
    let folder = folder();
    with_effects(folder.path(), 4);
    for (arguments, expected) in [
        (
            ["learning_rate=2e-5", "warmup_ratio=0.1", "lr_scheduler_type=linear"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate=2e-5 warmup_ratio=0.1 lr_scheduler_type=linear
            trial 4 is queued: learning_rate=2e-5 lr_scheduler_type=linear warmup_ratio=0.1
            exit 0
        "#]],
        ),
        (
            ["lr_scheduler_type=linear", "warmup_ratio=1e-1", "learning_rate=0.00002"],
            expect![[r#"
                $ tunesmith enqueue rte lr_scheduler_type=linear warmup_ratio=1e-1 learning_rate=0.00002
                2> error: trial 4 has exactly these values and is queued; `--again` queues them once more
                exit 2
            "#]],
        ),
    ] {
        check(folder.path(), &[&["enqueue", "rte"], &arguments[..]].concat(), expected);
    }
    let again = [
        "enqueue",
        "rte",
        "--again",
        "learning_rate=2e-5",
        "warmup_ratio=0.1",
        "lr_scheduler_type=linear",
    ];
    assert!(run(folder.path(), &again).contains("trial 5 is queued"));
    let drawn = run(folder.path(), &["enqueue", "rte", "learning_rate=2e-5"]);
    assert!(drawn.contains("trial 6 is queued: learning_rate=2e-5 lr_scheduler_type="), "{drawn}");
}

#[test]
fn what_cannot_be_enqueued_is_refused_in_a_sentence() {
    let folder = folder();
    with_effects(folder.path(), 4);
    for (arguments, expected) in [
        (
            ["learning_rate=2", "warmup_ratio=0.1", "lr_scheduler_type=linear"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate=2 warmup_ratio=0.1 lr_scheduler_type=linear
            2> error: 2 is no legal value of learning_rate
            exit 2
        "#]],
        ),
        (
            ["learning_rate=2e-5", "warmup=0.1", "lr_scheduler_type=linear"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate=2e-5 warmup=0.1 lr_scheduler_type=linear
            2> error: warmup is no parameter of this study; there are learning_rate, warmup_ratio, lr_scheduler_type
            exit 2
        "#]],
        ),
        (
            ["learning_rate", "warmup_ratio=0.1", "lr_scheduler_type=linear"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate warmup_ratio=0.1 lr_scheduler_type=linear
            2> error: `learning_rate` is no `name=value`
            exit 2
        "#]],
        ),
        (
            ["learning_rate={a: 1}", "warmup_ratio=0.1", "lr_scheduler_type=[1"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate={a: 1} warmup_ratio=0.1 lr_scheduler_type=[1
            2> error: `learning_rate={a: 1}` has no value that a parameter can have
            exit 2
        "#]],
        ),
        (
            ["learning_rate=2e-5", "learning_rate=3e-5", "warmup_ratio=0.1"],
            expect![[r#"
            $ tunesmith enqueue rte learning_rate=2e-5 learning_rate=3e-5 warmup_ratio=0.1
            2> error: `learning_rate` is given twice; give it once
            exit 2
        "#]],
        ),
    ] {
        check(folder.path(), &[&["enqueue", "rte"], &arguments[..]].concat(), expected);
    }
}

#[test]
fn several_studies_are_listed_and_must_be_named() {
    let folder = folder();
    with_a_study(folder.path(), "first");
    with_a_study(folder.path(), "second");
    check(
        folder.path(),
        &["show"],
        expect![[r#"
        $ tunesmith show
        study   method  standing
        first   random  3 of 4 trials completed · 1 failed · 3m49s of training · cost 0.19
        second  random  3 of 4 trials completed · 1 failed · 3m49s of training · cost 0.19
        exit 0
    "#]],
    );
    check(
        folder.path(),
        &["trials"],
        expect![[r#"
        $ tunesmith trials
        2> error: there are several studies in ./tunesmith.db; name one of: first, second
        exit 2
    "#]],
    );
    check(
        folder.path(),
        &["best", "third"],
        expect![[r#"
        $ tunesmith best third
        2> error: there is no study `third` in ./tunesmith.db; there are: first, second
        exit 2
    "#]],
    );
}

#[test]
fn nothing_is_made_where_there_is_nothing_to_show() {
    let folder = folder();
    check(
        folder.path(),
        &["show"],
        expect![[r#"
        $ tunesmith show
        2> error: there is no database at ./tunesmith.db: run a study first, or say where the log is with --storage
        exit 5
    "#]],
    );
    assert!(!folder.path().join("tunesmith.db").exists(), "looking makes no database");
    check(
        folder.path(),
        &["show", "--storage", "postgres://127.0.0.1:1/studies"],
        expect![[r#"
            $ tunesmith show --storage postgres://127.0.0.1:1/studies
            2> error: cannot connect to PostgreSQL at 127.0.0.1, database studies: error connecting to server: Connection refused (os error 111)
            exit 5
        "#]],
    );
}

#[test]
fn init_writes_a_file_once() {
    let folder = folder();
    check(
        folder.path(),
        &["init", "rte.yaml", "--task", "glue/rte"],
        expect![[r#"
            $ tunesmith init rte.yaml --task glue/rte
            2> wrote rte.yaml; edit it, then: tunesmith run rte.yaml
            exit 0
        "#]],
    );
    check(
        folder.path(),
        &["init", "rte.yaml"],
        expect![[r#"
        $ tunesmith init rte.yaml
        2> error: rte.yaml exists already; name another file, or move it away
        exit 2
    "#]],
    );
    let text = std::fs::read_to_string(folder.path().join("rte.yaml")).expect("it was written");
    assert!(text.contains("task: glue/rte"), "the first one stays");
}

#[test]
fn a_study_file_that_cannot_be_used_is_class_3() {
    let folder = folder();
    check(
        folder.path(),
        &["run", "nowhere.yaml"],
        expect![[r#"
        $ tunesmith run nowhere.yaml
        2> error: cannot read the study file nowhere.yaml; `tunesmith init` writes one to begin with: No such file or directory (os error 2)
        exit 3
    "#]],
    );
    std::fs::write(folder.path().join("bad.yaml"), "metod: random\n").expect("it is writable");
    check(
        folder.path(),
        &["run", "bad.yaml"],
        expect![[r#"
            $ tunesmith run bad.yaml
            2> error: unknown key `metod` in the study file
            2>  --> bad.yaml:1:1
            2>   |
            2> 1 | metod: random
            2>   | ^^^^^
            2>   |
            2>   = help: did you mean `method`?
            2>
            2> error: the study file lacks `metric`
            2>  --> bad.yaml:1:1
            2>   |
            2> 1 | metod: random
            2>   | ^
            2>   |
            2>   = help: add `metric: {name: eval_accuracy, goal: maximize}`
            2>
            2> error: the study file lacks `parameters`
            2>  --> bad.yaml:1:1
            2>   |
            2> 1 | metod: random
            2>   | ^
            2>   |
            2>   = help: add `parameters: {learning_rate: {values: [2e-5, 3e-5, 5e-5]}}`
            exit 3
        "#]],
    );
    assert!(!folder.path().join("tunesmith.db").exists(), "a bad file makes no database");
}

#[test]
fn a_wrong_command_line_is_class_2() {
    check(
        folder().path(),
        &["rnu", "study.yaml"],
        expect![[r#"
        $ tunesmith rnu study.yaml
        2> error: unrecognized subcommand 'rnu'
        2>
        2> Usage: tunesmith [OPTIONS] <COMMAND>
        2>
        2> For more information, try '--help'.
        exit 2
    "#]],
    );
}

#[test]
fn schema_and_completions_are_printed() {
    let schema = run(folder().path(), &["schema"]);
    assert!(schema.contains("https://json-schema.org/draft/2020-12/schema"), "{schema}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = run(folder().path(), &["completions", shell]);
        assert!(completions.contains("tunesmith") && completions.ends_with("exit 0\n"), "{shell}");
    }
}

const BENCH: [&str; 6] = [
    "bench",
    "--methods=random,sobol",
    "--tasks=branin",
    "--trials=8",
    "--seeds=3",
    "--results=results.jsonl",
];

#[test]
fn methods_are_compared_on_tasks_that_need_no_data() {
    let folder = folder();
    check(
        folder.path(),
        &BENCH,
        expect![[r#"
            $ tunesmith bench --methods=random,sobol --tasks=branin --trials=8 --seeds=3 --results=results.jsonl
            # Regret of the recommended configuration

            1 task, 3 seeds, 8 trials, 1 worker. 0 is the best that a task has, 1 the median of uniform draws. In brackets 95 % bootstrap intervals over (task, seed); `<` and `>`: below and above `random` on the same tasks and seeds, the interval of the difference apart from 0.

            ## All tasks

            | after trials | 8 |
            |---|--:|
            | `random` | 0.087 [0.051, 0.135] |
            | `sobol` | 0.075 [0.022, 0.118] |

            ## Difference to `random`

            | after trials | 8 |
            |---|--:|
            | `sobol` | -0.012 [-0.048, +0.042] |

            ## Ratio to `random`

            | after trials | 8 |
            |---|--:|
            | `sobol` | 0.86 [0.42, 1.56] |

            ## Family classic (development)

            | after trials | 8 |
            |---|--:|
            | `random` | 0.087 [0.051, 0.135] |
            | `sobol` | 0.075 [0.022, 0.118] |

            ## By task, after 8 trials, in the metric's unit

            | task | best | typical | `random` | `sobol` |
            |---|--:|--:|--:|--:|
            | branin | 0.3979 | 35.899 | 3.098 | 2.679 |

            ## Anytime

            | after trials | 1 | 2 | 4 | 8 |
            |---|--:|--:|--:|--:|
            | `random` | 0.139 | 0.139 | 0.117 | 0.087 |
            | `sobol` | 1.686 | 0.890 | 0.213 | 0.075 |

            ## Time to a regret of 0.05

            | method | studies that reached it | median trials | median virtual hours | failed trials |
            |---|--:|--:|--:|--:|
            | `random` | 0 % | – | – | 0.0 % |
            | `sobol` | 33 % | – | – | 0.0 % |
            exit 0
        "#]],
    );
    let kept = std::fs::read_to_string(folder.path().join("results.jsonl")).expect("results");
    assert_eq!(kept.lines().count(), 6);
    let json = run(folder.path(), &[&BENCH[..], &["--json"]].concat());
    assert!(json.contains(r#""baseline": "random""#) && json.ends_with("exit 0\n"), "{json}");
}

#[test]
fn a_benchmark_that_cannot_be_says_what_to_give() {
    let folder = folder();
    for (arguments, expected) in [
        (["--methods=rndom", "--tasks=branin"], "did you mean random?"),
        (["--methods=random+ahsa", "--tasks=branin"], "did you mean asha?"),
        (["--methods=hyperopt+asha", "--tasks=branin"], "without a scheduler"),
        (["--methods=random", "--compute=0"], "above 0"),
        (["--methods=random", "--tasks=brannin"], "hartmann6"),
        (["--methods=random", "--tasks=opda"], "--data"),
        (["--methods=hyperopt", "--tasks=branin"], "--python"),
        (["--methods=random", "--baseline=tpe"], "--methods"),
        (["--methods=random", "--seeds=0"], "--seeds must be at least 1"),
    ] {
        let text = run(folder.path(), &[&["bench", "--data=."], &arguments[..]].concat());
        assert!(text.contains(expected) && text.ends_with("exit 2\n"), "{text}");
    }
}
