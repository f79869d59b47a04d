//! Slots and packs as trials come and go.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::pack::footprint::{self, Load};
use crate::protocol::Params;

/// A trainer of a small encoder with three slots, in a directory that holds its data.
fn trainer(directory: &Path) -> Trainer {
    let row =
        |i: usize| format!("a text of {} words, {}\t{}\n", i % 7, "more ".repeat(i % 5), i % 2);
    let rows: String = (0..48).map(row).collect();
    let rows = format!("text\tlabel\n{rows}");
    for name in ["train.tsv", "dev.tsv"] {
        std::fs::write(directory.join(name), &rows).expect("written");
    }
    let open = json!({
        "version": crate::protocol::VERSION,
        "model": {"layers": 3, "hidden": 32, "heads": 2, "vocabulary": 120, "positions": 32},
        "task": {"train": "train.tsv", "validation": "dev.tsv", "text": "text", "label": "label"},
        "base_directory": directory, "pack": 3, "evaluate": {"steps": 2}, "data_seed": 7,
        "eval_batch_size": 16,
    });
    Trainer::open(serde_json::from_value(open).expect("fields")).expect("opened").0
}

fn start(trainer: &mut Trainer, trial: u64, params: serde_json::Value, directory: &Path) {
    let params = serde_json::from_value(params).expect("params");
    let start = Start {
        trial,
        params,
        seed: trial,
        directory: directory.join(trial.to_string()),
        resume: None,
        past: Vec::new(),
        resume_stretch: 0,
    };
    let mut told = Vec::new();
    trainer.start(start, &mut |message| told.push(message)).expect("no fault of the host");
    assert!(matches!(told[..], [FromTrainer::Started { .. }]), "{told:?}");
}

fn train(trainer: &mut Trainer) {
    while trainer.has_work() {
        trainer.step(&mut |_| ());
    }
}

fn stop(trainer: &mut Trainer, trial: u64) {
    trainer.verdict(trial, false, Then::Stop, &mut |_| ()).expect("it has reported");
}

/// Where trials sit: pack and slot by number.
fn seats(trainer: &Trainer) -> Vec<(u64, usize, usize)> {
    trainer.trials.iter().map(|(number, trial)| (*number, trial.pack, trial.slot)).collect()
}

#[test]
fn a_slot_that_was_left_is_filled_again_in_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut trainer = trainer(directory.path());
    for trial in 0..3 {
        start(&mut trainer, trial, json!({}), directory.path());
    }
    train(&mut trainer);
    let buffers = trainer.packs[0].pack.weights.id();
    stop(&mut trainer, 1);
    start(&mut trainer, 3, json!({"learning_rate": 1e-3}), directory.path());
    assert_eq!(seats(&trainer), [(0, 0, 0), (2, 0, 2), (3, 0, 1)]);
    for trial in [0, 2] {
        stop(&mut trainer, trial);
    }
    train(&mut trainer);
    stop(&mut trainer, 3);
    start(&mut trainer, 4, json!({}), directory.path());
    assert_eq!(trainer.packs.len(), 1);
    assert_eq!(trainer.packs[0].pack.weights.id(), buffers, "nothing was allocated again");
}

#[test]
fn trials_of_another_shape_have_a_pack_of_their_own_which_goes_with_the_last_of_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut trainer = trainer(directory.path());
    start(&mut trainer, 0, json!({"model.frozen_layers": 1}), directory.path());
    start(&mut trainer, 1, json!({}), directory.path());
    start(&mut trainer, 2, json!({"lora.r": 2}), directory.path());
    assert_eq!(seats(&trainer), [(0, 0, 0), (1, 1, 0), (2, 2, 0)]);
    train(&mut trainer);
    stop(&mut trainer, 0);
    start(&mut trainer, 3, json!({"lora.r": 2}), directory.path());
    assert_eq!(seats(&trainer), [(1, 0, 0), (2, 1, 0), (3, 1, 1)], "the first pack is gone");
    train(&mut trainer);
    assert_eq!(trainer.packs.len(), 2);

    let one_more = Start {
        trial: 4,
        params: Params::new(),
        seed: 4,
        directory: directory.path().into(),
        resume: None,
        past: Vec::new(),
        resume_stretch: 0,
    };
    let refused = trainer.start(one_more, &mut |_| ()).expect_err("three slots in all");
    assert!(
        format!("{refused:?}").contains("trial 4 was started with no slot free"),
        "{refused:?}"
    );
}

#[test]
fn the_estimate_of_a_slot_is_what_its_buffers_come_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut trainer = trainer(directory.path());
    for trial in 0..3 {
        start(&mut trainer, trial, json!({"num_train_epochs": 1}), directory.path());
    }
    for _ in 0..3 {
        train(&mut trainer);
        for trial in 0..3 {
            let then = Then::Continue;
            if trainer.trials.contains_key(&trial) {
                trainer.verdict(trial, false, then, &mut |_| ()).expect("it has reported");
            }
        }
    }
    let pack = &trainer.packs[0].pack;
    let state = 4 * pack.weights.elem_count();
    let real = (4 * (state + pack.workspace_floats())) as f64 / 3.0;
    let split = trainer.data.length(Some(32)).expect("rows");
    let batch = |split, order: &crate::data::Order| Load::largest(split, order, 16);
    let rows = split.train.rows();
    let train = batch(&split.train, &crate::data::Order::shuffled(rows, 7, 0));
    let evaluation = batch(&split.validation, &crate::data::Order::sequential(rows));
    let estimate = footprint::bytes_of_slot(&pack.config, &pack.plan, train, evaluation) as f64;
    assert!((estimate / real - 1.0).abs() < 0.02, "{estimate} estimated, {real} taken");
}
