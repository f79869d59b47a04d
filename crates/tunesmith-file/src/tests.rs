//! Study files that are good, and what is said of those that are not.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{expect, expect_file};

use super::*;
use tunesmith_core::Component;

#[path = "../../tunesmith-core/tests/mutations/mod.rs"]
mod mutations;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn yaml_files(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).expect("the folder is part of the repository");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no study files in {}", of.display());
    files
}

/// Parses a file under its bare name, so that messages are the same on every machine.
fn parse(path: &Path) -> Result<StudyFile, StudyFileError> {
    let text = fs::read_to_string(path).expect("it is readable");
    StudyFile::parse(Path::new(path.file_name().expect("a file has a name")), text)
}

#[test]
fn every_bad_file_is_explained() {
    for path in yaml_files(&folder("tests/study_files/bad")) {
        let error = parse(&path).expect_err("it is bad");
        expect_file![path.with_extension("txt")].assert_eq(&format!("{error}\n"));
    }
}

#[test]
fn every_good_file_and_every_example_is_accepted() {
    for of in ["tests/study_files/good", "../../examples"] {
        for path in yaml_files(&folder(of)) {
            let text = fs::read_to_string(&path).expect("it is readable");
            let file = Template::parse(&path, text).expect("it is YAML");
            let parts = file.parts().into_iter().map(|(_, part)| part.study(1));
            let studies: Vec<_> =
                parts.chain(file.parts().is_empty().then(|| file.study(0))).collect();
            for study in studies {
                if let Err(error) = study {
                    panic!("{error}");
                }
            }
        }
    }
}

#[test]
fn distributions_become_domains_and_priors() {
    let file =
        parse(&folder("tests/study_files/good/every_distribution.yaml")).expect("it is good");
    let parameters = file.config.space.parameters().iter();
    let text: Vec<String> =
        parameters.map(|parameter| format!("{}: {:?}\n", parameter.name, parameter.rule)).collect();
    let text = text.concat();
    expect_file![folder("tests/study_files/good/every_distribution.txt")].assert_eq(&text);
}

#[test]
fn exponents_and_imputation_are_noted() {
    let file =
        parse(&folder("tests/study_files/good/every_distribution.yaml")).expect("it is good");
    expect_file![folder("tests/study_files/good/every_distribution.notes.txt")]
        .assert_eq(&format!("{}\n", file.notes(false)));
}

#[test]
fn the_rest_of_a_file_becomes_the_configuration() {
    let file =
        parse(&folder("tests/study_files/good/conditions_and_formulas.yaml")).expect("it is good");
    let config = &file.config;
    let Task::Trained(open) = &file.task else { panic!("{:?}", file.task) };
    let text = format!(
        "{:?}\n{:?}\n{:?}\nprice {:?}, seed {}\n{}\npack {}, a checkpoint every {} s\n",
        config.sampler.name,
        config.metrics,
        config.budget,
        config.price_per_device_hour,
        config.seed,
        config.task.as_str(),
        open.pack,
        open.checkpoint_seconds,
    );
    expect![[r#"
        "sobol"
        [Metric { name: "eval_accuracy", goal: Maximize, target: None, summary: Best }]
        Budget { trials: Some(8), wall_ms: Some(5400000), device_seconds: Some(2700.0), cost: Some(2.3) }
        price Some(3.06), seed 0
        {"data_seed":0,"device":"cpu","evaluate":{"fraction":0.25},"model":{"architecture":"roberta","heads":2,"hidden":64,"intermediate":null,"layers":2,"positions":128,"vocabulary":4000},"precision":"float32","task":{"label":"label","labels":["0","1","2"],"limit":{"train":1000},"text":["premise","hypothesis"],"train":["a.csv","b.csv"]}}
        pack 2, a checkpoint every 0 s
    "#]].assert_eq(&text);
    for parameter in config.space.parameters() {
        assert!(parameter.name != "lora.dropout" || parameter.condition.is_some());
    }
}

#[test]
fn several_metrics_are_kept_in_their_order_and_one_of_several_is_one() {
    let file = parse(&folder("tests/study_files/good/several_metrics.yaml")).expect("it is good");
    expect![[r#"
        [
            Metric {
                name: "eval_accuracy",
                goal: Maximize,
                target: Some(
                    0.95,
                ),
                summary: Last,
            },
            Metric {
                name: "eval_loss",
                goal: Minimize,
                target: None,
                summary: Last,
            },
        ]
    "#]]
    .assert_debug_eq(&file.config.metrics);
    let config = |metric: &str| {
        let text = format!(
            "method: cmaes\n{metric}\nparameters: {{learning_rate: {{min: 1e-5, max: 1e-3}}}}\nbudget: {{trials: 4}}\n\
             final: {{replicate: 2}}\ntrain: {{model: bert-base-uncased, task: glue/rte}}\n"
        );
        StudyFile::parse(Path::new("study.yaml"), text).map(|file| file.config)
    };
    let one = config("metric: {name: eval_accuracy, goal: maximize, summary: best}");
    let of_several = config("metrics: [{name: eval_accuracy, goal: maximize, summary: best}]");
    assert_eq!(one.expect("it is good"), of_several.expect("it is good"));
}

#[test]
fn what_a_file_says_of_the_search_is_kept() {
    let file = parse(&folder("tests/study_files/good/search.yaml")).expect("it is good");
    let config = &file.config;
    // Where the file lies differs from machine to machine.
    let mut labels = config.labels.clone();
    assert!(labels.remove(FOLDER_LABEL).is_some());
    let priors: Vec<String> = config
        .space
        .parameters()
        .iter()
        .map(|parameter| match &parameter.rule {
            tunesmith_core::Rule::Free { prior, .. } => format!("{}: {prior:?}\n", parameter.name),
            tunesmith_core::Rule::Tied(_) => String::new(),
        })
        .collect();
    let enqueued: Vec<String> = file.enqueue.iter().map(|params| format!("{params}\n")).collect();
    let text = format!(
        "{:?}\n{:?}\n{}{}warm start from {:?}\n",
        config.sampler,
        labels,
        priors.concat(),
        enqueued.concat(),
        file.warm_start,
    );
    expect![[r#"
        Component { name: "random", options: Params({"prior": Text("known")}) }
        {"apiVersion": "core.wandb.ai/v1", "controller": "local", "kind": "sweep", "project": "rte", "warm_start": "mnli, rte-first"}
        learning_rate: LogNormal { mu: -11.23566659274625, sigma: 1.0 }
        per_device_train_batch_size: Weights([0.42455098743840675, 0.9504599733668881, 0.798187581681447])
        warmup_ratio: Beta { a: 1.0, b: 1.0 }
        lr_scheduler_type: Weights([1.0, 1.0])
        weight_decay: Uniform
        num_train_epochs: Uniform
        learning_rate=2e-5 lr_scheduler_type=linear per_device_train_batch_size=16 warmup_ratio=0.1 weight_decay=0.01
        learning_rate=5e-5
        warm start from ["mnli", "rte-first"]
    "#]].assert_eq(&text);
}

/// The sampler of a study with this method and model.
fn sampler_of(method: &str, model: &str) -> Result<Component, StudyFileError> {
    let text = format!(
        "method: {method}\nmetric: {{name: eval_accuracy}}\nparameters: {{learning_rate: {{values: [2e-5, 3e-5]}}}}\n\
         budget: {{trials: 4}}\ntrain: {{model: {model}, task: glue/rte}}\n"
    );
    StudyFile::parse(Path::new("study.yaml"), text).map(|file| file.config.sampler)
}

#[test]
fn pretrained_models_get_the_known_prior() {
    let prior = |method: &str, model: &str| {
        let sampler = sampler_of(method, model).expect("it is good");
        sampler.options.get("prior").map(ToString::to_string)
    };
    assert_eq!(prior("random", "bert-base-uncased").as_deref(), Some("known"));
    let declared = prior("{name: random, prior: declared}", "bert-base-uncased");
    assert_eq!(declared.as_deref(), Some("declared"));
    assert_eq!(prior("random", "{layers: 1, hidden: 16, heads: 2}"), None);
    assert_eq!(prior("grid", "bert-base-uncased"), None, "grid has no such option");
}

#[test]
fn the_bayes_of_wandb_is_the_gaussian_process() {
    let there_is_one = tunesmith_search::samplers().iter().any(|entry| entry.name == "gp");
    match sampler_of("bayes", "bert-base-uncased") {
        Ok(sampler) => assert!(there_is_one && sampler.name == "gp", "{sampler:?}"),
        Err(error) => {
            assert!(!there_is_one && error.to_string().contains("`bayes` is no method"), "{error}");
        }
    }
}

#[test]
fn the_schema_is_the_published_one() {
    expect_file![folder("tests/study_files/schema.json")].assert_eq(&format!("{:#}\n", schema()));
}

#[test]
fn lengths_of_time_are_read() {
    for (text, expected) in [
        ("90s", Some(90_000)),
        ("1h30m", Some(5_400_000)),
        ("2d", Some(172_800_000)),
        ("", None),
        ("90", None),
        ("1.5h", None),
        ("h", None),
        ("99999999999999999999d", None),
    ] {
        assert_eq!(shape::duration_ms(text), expected, "{text}");
    }
}

#[test]
fn amounts_of_memory_have_units() {
    for (text, expected) in [
        ("8GiB", Some(8 << 30)),
        ("8GB", Some(8_000_000_000)),
        (" 500MB ", Some(500_000_000)),
        ("1KiB", Some(1024)),
        ("8", None),
        ("8G", None),
        ("0GB", None),
        ("-1GB", None),
        ("1.5GB", None),
        ("99999999999TiB", None),
        ("GB", None),
    ] {
        assert_eq!(shape::size_bytes(text), expected, "{text}");
    }
}

#[test]
fn a_file_that_is_too_long_is_not_parsed() {
    let error = StudyFile::parse(Path::new("long.yaml"), "#".repeat(yaml::MAX_FILE_BYTES + 1));
    assert!(error.expect_err("it is too long").to_string().contains("too many for a study file"));
}

#[test]
fn a_damaged_file_is_explained_or_accepted() {
    let mut corpus = Vec::new();
    for of in [
        "tests/study_files/good",
        "tests/study_files/bad",
        "../../examples",
        "../../examples/sweeps",
    ] {
        let files = yaml_files(&folder(of));
        corpus.extend(files.iter().map(|path| fs::read(path).expect("it is readable")));
    }
    let path = Path::new("study.yaml");
    mutations::survive(&corpus, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let explained = |error: StudyFileError| {
            assert!(error.render(false).contains("study.yaml"), "no place: {error}");
        };
        match Template::parse(path, text.clone()) {
            Ok(file) => {
                for (_, part) in file.parts().into_iter().take(4) {
                    match part.study(1) {
                        Err(LoadError::Content(error)) => explained(error),
                        studied => drop(studied),
                    }
                }
            }
            Err(error) => explained(error),
        }
        match StudyFile::parse(path, text) {
            // What it asks for may be impossible, and is then said when the study is created.
            Ok(file) => drop(tunesmith_search::policy(&file.config)),
            Err(error) => explained(error),
        }
    });
}
