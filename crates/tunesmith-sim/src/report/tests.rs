//! Reports of results that are worked out by hand, and of a small benchmark that runs.

use super::*;
use crate::bench::Bench;
use crate::results::{Recommendation, ResultsFile, Unit};
use crate::{Method, Sources, select};

const TASKS: [&str; 2] = ["branin", "hartmann6"];

fn plan(methods: &[&str], trials: u32, seeds: u32) -> Plan {
    let words: Vec<String> = TASKS.iter().map(|task| (*task).to_owned()).collect();
    Plan {
        tasks: select(&words, &Sources::default()).expect("formulas").tasks,
        methods: methods.iter().map(|text| text.parse::<Method>().expect("a method")).collect(),
        trials,
        compute: None,
        seeds,
        workers: 1,
    }
}

fn result(task: &str, method: &str, seed: u32, regrets: &[(u32, f64)]) -> UnitResult {
    let made = |(finished, regret): &(u32, f64)| Recommendation {
        trial: finished - 1,
        finished: *finished,
        seconds: f64::from(*finished) * 3600.0,
        device_seconds: Some(f64::from(*finished) * 3600.0),
        regret: *regret,
    };
    UnitResult {
        unit: Unit {
            task: task.to_owned(),
            method: method.to_owned(),
            seed,
            trials: 16,
            workers: 1,
            compute: None,
        },
        fingerprint: String::new(),
        recommendations: regrets.iter().map(made).collect(),
        finished: 16,
        failed: 4,
        seconds: 16.0,
        device_seconds: Some(16.0),
        version: None,
    }
}

/// On both tasks and both seeds `tpe` is twice as good as `random` from trial 10 on.
fn report() -> Report {
    let plan = plan(&["tpe", "random"], 16, 2);
    let scales: Vec<Scale> = plan.tasks.iter().map(|task| Scale::of(&*task.objective)).collect();
    let mut results = Vec::new();
    for (task, scale) in TASKS.iter().zip(&scales) {
        let unit = scale.regret(None);
        for seed in 0..2 {
            results.push(result(task, "random", seed, &[(4, 0.4 * unit)]));
            results.push(result(
                task,
                "tpe",
                seed,
                &[(4, 0.4 * unit), (10, 0.2 * unit), (12, 0.04 * unit)],
            ));
        }
    }
    let outcomes = Outcomes { results, scales, unsuited: Vec::new() };
    Report::of(&plan, &outcomes, &["random".to_owned()], &[("rpart-14", "no engine".to_owned())])
}

#[test]
fn regret_is_that_of_the_recommendation_at_each_checkpoint() {
    let report = report();
    let means = |row: &MethodRow| -> Vec<(u32, f64)> {
        row.anytime
            .iter()
            .map(|cell| (cell.trials, (1e6 * cell.regret.mean).round() / 1e6))
            .collect()
    };
    assert_eq!(means(&report.methods[0]), [(1, 1.0), (2, 1.0), (4, 0.4), (8, 0.4), (16, 0.04)]);
    assert_eq!(means(&report.methods[1]), [(1, 1.0), (2, 1.0), (4, 0.4), (8, 0.4), (16, 0.4)]);
    let difference = report.methods[0].all[1].difference.expect("a baseline");
    assert!((difference.mean + 0.36).abs() < 1e-9 && difference.high < 0.0);
    assert!(report.methods[1].all[1].difference.is_none());
    let time = &report.methods[0].time_to_target;
    assert_eq!(
        (time.share_reached, time.median_trials, time.median_hours),
        (1.0, Some(12), Some(12.0))
    );
    assert_eq!(report.methods[1].time_to_target.median_trials, None);
}

#[test]
fn markdown_and_json_say_the_same() {
    let report = report();
    let markdown = report.to_markdown();
    assert!(
        markdown.contains("| `tpe` | 0.400 [0.400, 0.400] | 0.040 [0.040, 0.040] < |"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| `tpe` | +0.000 [+0.000, +0.000] | -0.360 [-0.360, -0.360] < |"),
        "{markdown}"
    );
    assert!(markdown.contains("- left out: rpart-14 (no engine)."), "{markdown}");
    assert!(markdown.contains("| `tpe` | 100 % | 12 | 12.0 | 25.0 % |"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    let cell = &json["methods"][0]["by_task"]["branin"][1];
    let raw = cell["raw"].as_f64().expect("a number");
    assert!((raw / json["tasks"][0]["typical"].as_f64().expect("a number") - 0.04).abs() < 0.005);
    assert_eq!(cell["trials"], 16);
}

/// As [`report`], with a scheduler that is as good as `random` after a quarter of its compute, but not on one seed.
fn report_by_compute() -> Report {
    let mut plan = plan(&["random", "random+asha"], 16, 2);
    plan.compute = Some(0.5);
    let scales: Vec<Scale> = plan.tasks.iter().map(|task| Scale::of(&*task.objective)).collect();
    let mut results = Vec::new();
    for (task, scale) in TASKS.iter().zip(&scales) {
        let unit = scale.regret(None);
        for seed in 0..2 {
            let spent = |hours: f64, result: UnitResult| UnitResult {
                device_seconds: Some(hours * 3600.0),
                ..result
            };
            let full = result(task, "random", seed, &[(4, 0.4 * unit), (16, 0.2 * unit)]);
            results.push(spent(16.0, full));
            let cut = [(1, 0.6 * unit), (4, 0.1 * unit + 0.2 * f64::from(seed) * unit)];
            results.push(spent(8.0, result(task, "random+asha", seed, &cut)));
        }
    }
    let outcomes = Outcomes { results, scales, unsuited: Vec::new() };
    Report::of(&plan, &outcomes, &["random".to_owned()], &[])
}

#[test]
fn regret_is_also_that_of_the_recommendation_at_each_share_of_compute() {
    let report = report_by_compute();
    let rows: Vec<_> = report.by_compute[0]
        .methods
        .iter()
        .map(|row| {
            let means = row.regrets.iter().map(|regret| (1e6 * regret.mean).round() / 1e6);
            (means.collect::<Vec<f64>>(), row.enough.mean, row.used.mean)
        })
        .collect();
    // `random` is at 4 of 16 hours after a quarter, `random+asha` at 1 hour and at 4 hours.
    assert_eq!(rows[0], (vec![1.0, 1.0, 0.4, 0.2], 1.0, 1.0));
    assert_eq!(rows[1], (vec![0.6, 0.6, 0.2, 0.2], 0.25, 0.5));
    let families: Vec<_> = report.by_compute.iter().map(|table| table.family).collect();
    assert_eq!(families, [None], "both tasks are of one family");
    let markdown = report.to_markdown();
    let row = "| `random+asha` | 0.600 | 0.600 | 0.200 | 0.200 | 0.200 [0.100, 0.300] | 25 % [25 %, –] | 50 % | 16 |";
    assert!(markdown.contains(row), "{markdown}");
    assert!(!markdown.contains("after trials"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!(json["by_compute"][0]["methods"][1]["enough"]["high"], serde_json::Value::Null);
}

#[test]
fn compute_is_the_budget_of_schedulers_alone_and_leaves_room_for_more_trials() {
    let words = ["finetune".to_owned()];
    let plan = Plan {
        tasks: select(&words, &Sources::default()).expect("a formula").tasks,
        compute: Some(1.0),
        ..plan(&["random", "random+asha"], 8, 3)
    };
    let bench = Bench {
        plan: &plan,
        policy_for: &|config| Ok(tunesmith_search::policy(config)?),
        peers: None,
        jobs: 1,
        kept_only: false,
    };
    let outcomes = bench.run(None, |_, _| ()).expect("it runs");
    let of = |method: &str| -> Vec<&UnitResult> {
        outcomes.results.iter().filter(|result| result.unit.method == method).collect()
    };
    assert!(of("random").iter().all(|full| full.finished == 8 && full.unit.compute.is_none()));
    let budget = 8.0 * outcomes.scales[0].seconds;
    for cut in of("random+asha") {
        let spent = cut.device_seconds.expect("counted");
        assert!(spent >= budget, "{spent} of {budget}");
        // What runs when the budget is spent goes on to its end.
        assert!(spent < 2.0 * budget, "{spent} of {budget}");
    }
    let trials: u32 = of("random+asha").iter().map(|cut| cut.finished).sum();
    assert!(trials > 3 * 8, "{trials}");
    assert_ne!(Report::of(&plan, &outcomes, &["random".to_owned()], &[]).by_compute.len(), 0);
}

#[test]
fn a_benchmark_runs_keeps_its_results_and_leaves_out_what_does_not_suit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("results.jsonl");
    let plan = plan(&["random", "sobol"], 6, 2);
    let bench = Bench {
        plan: &plan,
        policy_for: &|config| Ok(tunesmith_search::policy(config)?),
        peers: None,
        jobs: 2,
        kept_only: false,
    };
    let run = || {
        let mut file = ResultsFile::open(&path).expect("a file");
        let mut last = (0, 0);
        let outcomes =
            bench.run(Some(&mut file), |done, total| last = (done, total)).expect("it runs");
        (outcomes, last)
    };
    let (first, watched) = run();
    assert_eq!((first.results.len(), watched), (8, (8, 8)));
    assert!(first.results.iter().all(|result| result.finished == 6));
    let (again, watched) = run();
    assert_eq!((again.results, watched), (first.results, (0, 0)));
    assert_eq!(std::fs::read_to_string(&path).expect("text").lines().count(), 8);
}

#[test]
fn what_is_kept_is_reported_as_far_as_it_goes_and_a_rule_has_the_studies_of_its_choice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("results.jsonl");
    let short = plan(&["random"], 6, 2);
    let bench = |plan| Bench {
        plan,
        policy_for: &|config| Ok(tunesmith_search::policy(config)?),
        peers: None,
        jobs: 1,
        kept_only: false,
    };
    let mut file = ResultsFile::open(&path).expect("a file");
    let ran = bench(&short).run(Some(&mut file), |_, _| ()).expect("it runs");
    // As if a peer had run, and longer.
    for result in &ran.results {
        let unit = Unit { method: "optuna-gp".to_owned(), trials: 20, ..result.unit.clone() };
        file.add(&UnitResult { unit, ..result.clone() }).expect("written");
    }
    let long = plan(&["random", "optuna-auto"], 10, 3);
    let kept = Bench { kept_only: true, ..bench(&long) };
    let outcomes = kept.run(Some(&mut file), |_, _| ()).expect("nothing is run");
    let report = Report::of(&long, &outcomes, &["random".to_owned()], &[]);
    let studies = |method: usize| -> Vec<(u32, usize)> {
        report.methods[method].all.iter().map(|cell| (cell.trials, cell.studies)).collect()
    };
    assert_eq!(studies(0), [], "the studies of random end at 6");
    assert_eq!(studies(1), [(8, 4), (10, 4)]);
    let markdown = report.to_markdown();
    assert!(markdown.contains("`optuna-auto` has 4 of 6 from 8 trials on"), "{markdown}");
    assert!(markdown.contains("with the studies of optuna-gp"), "{markdown}");
}

#[test]
fn a_method_that_suits_no_task_and_a_peer_without_python_are_refused() {
    for (methods, hint) in [(["random", "grid"], "grid"), (["random", "hyperopt"], "--python")] {
        let plan = plan(&methods, 4, 1);
        let bench = Bench {
            plan: &plan,
            policy_for: &|config| Ok(tunesmith_search::policy(config)?),
            peers: None,
            jobs: 1,
            kept_only: false,
        };
        let error = bench.run(None, |_, _| ()).expect_err("refused");
        assert!(error.to_string().contains(hint), "{error}");
    }
}
