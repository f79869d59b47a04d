//! Evictions on catalogues written down, and the catalogue of a directory on disk.

use std::collections::BTreeSet;
use std::fs;

use super::{Entry, Kind, Needed, catalogue, evict, remove};

fn checkpoint(trial: u64, step: u64, bytes: u64) -> Entry {
    Entry { trial, kind: Kind::Checkpoint { step }, path: format!("{trial}/{step}").into(), bytes }
}

fn model(trial: u64, bytes: u64) -> Entry {
    Entry { trial, kind: Kind::Model, path: format!("{trial}/model").into(), bytes }
}

fn needed(unfinished: &[u64], best: &[u64]) -> Needed {
    Needed {
        unfinished: unfinished.iter().copied().collect(),
        best: best.iter().copied().collect(),
    }
}

fn removed(entries: &[Entry], quota_bytes: u64, needed: &Needed) -> Vec<String> {
    let eviction = evict(entries, quota_bytes, needed);
    let kept: u64 = entries
        .iter()
        .filter(|entry| !eviction.remove.contains(entry))
        .map(|entry| entry.bytes)
        .sum();
    assert_eq!(kept, eviction.kept_bytes);
    assert_eq!(eviction.over_bytes, kept.saturating_sub(quota_bytes));
    eviction.remove.iter().map(|entry| entry.path.display().to_string()).collect()
}

#[test]
fn nothing_goes_while_all_fits() {
    let entries = [checkpoint(0, 10, 50), model(0, 50)];
    assert_eq!(removed(&entries, 100, &needed(&[], &[])), [""; 0]);
}

#[test]
fn superseded_and_finished_checkpoints_go_before_models() {
    let entries = [
        checkpoint(0, 10, 40),
        model(0, 20),
        checkpoint(1, 5, 40),
        checkpoint(1, 10, 40),
        model(1, 20),
        checkpoint(2, 5, 40),
    ];
    let needed = needed(&[1, 2], &[1]);
    assert_eq!(removed(&entries, 180, &needed), ["0/10"]);
    assert_eq!(removed(&entries, 120, &needed), ["0/10", "1/5"]);
    assert_eq!(removed(&entries, 119, &needed), ["0/10", "1/5", "0/model"]);
}

#[test]
fn what_is_needed_stays_over_the_quota() {
    let entries = [checkpoint(3, 5, 70), checkpoint(3, 10, 70), model(4, 70)];
    let eviction = evict(&entries, 0, &needed(&[3], &[4])).clone();
    assert_eq!(eviction.remove, [&entries[0]]);
    assert_eq!((eviction.kept_bytes, eviction.over_bytes), (140, 140));
}

#[test]
fn the_newest_checkpoint_is_the_one_with_most_steps_not_the_last_listed() {
    let entries = [checkpoint(0, 100, 10), checkpoint(0, 20, 10)];
    assert_eq!(removed(&entries, 10, &needed(&[0], &[])), ["0/20"]);
}

#[test]
fn a_directory_is_listed_and_cleared() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let trials = place.path().join("trials");
    assert_eq!(catalogue(&trials).expect("a missing directory is empty"), []);
    for (path, bytes) in [
        ("0/checkpoint-8.safetensors", 8),
        ("0/checkpoint-16.safetensors", 16),
        ("0/checkpoint-24.safetensors.123.tmp", 24),
        ("0/model/model.safetensors", 5),
        ("0/model/config.json", 2),
        ("1/log.txt", 9),
        ("notes/checkpoint-1.safetensors", 9),
        ("README", 9),
    ] {
        let path = trials.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, vec![0; bytes]).expect("a file");
    }
    let entries = catalogue(&trials).expect("the listing");
    let seen: Vec<(u64, Kind, u64)> =
        entries.iter().map(|entry| (entry.trial, entry.kind, entry.bytes)).collect();
    let expected = [
        (0, Kind::Checkpoint { step: 8 }, 8),
        (0, Kind::Checkpoint { step: 16 }, 16),
        (0, Kind::Model, 7),
    ];
    assert_eq!(seen, expected);

    let eviction = evict(&entries, 0, &needed(&[0], &[]));
    remove(&eviction).expect("the first removal");
    remove(&eviction).expect("what is gone already is no error");
    let left: BTreeSet<_> =
        catalogue(&trials).expect("the listing").into_iter().map(|entry| entry.kind).collect();
    assert_eq!(left, BTreeSet::from([Kind::Checkpoint { step: 16 }]));
}
