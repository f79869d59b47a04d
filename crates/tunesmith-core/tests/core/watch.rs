//! Leases over many machines whose clocks disagree: none is stolen while its holder lives, none is kept for ever.

use tunesmith_core::{Command, Silence, Study, TrialState, Watch, Writer};

use crate::scene::{Scene, config};

/// An hour, which clocks are off by, in milliseconds.
const HOUR: i64 = 3_600_000;
/// The lease's length of [`config`].
const LEASE: u64 = 30_000;

fn observer() -> Writer {
    Writer::new("observer")
}

/// Three trials in the hands of workers whose clocks are right, an hour behind and an hour ahead.
fn held() -> Scene {
    let mut scene = Scene::new(&config());
    for (worker, ahead) in [("right", 0), ("behind", -HOUR), ("ahead", HOUR)] {
        scene.at(2 * HOUR + ahead).try_as(worker, Command::Ask { count: 1 }).expect("work");
    }
    scene
}

fn silent(watch: &mut Watch, study: &Study, at: u64) -> Vec<u32> {
    watch.look(study, &observer(), at).iter().map(|silence| silence.lease.trial).collect()
}

#[test]
fn whoever_gives_signs_of_life_keeps_its_lease_whatever_its_clock_says() {
    let mut scene = held();
    let mut watch = Watch::default();
    for round in 0..100_u64 {
        let steady = round * LEASE / 3;
        for (trial, worker, ahead) in [(0, "right", 0), (1, "behind", -HOUR), (2, "ahead", HOUR)] {
            let lease = scene.key(trial);
            let now = 2 * HOUR + ahead + steady.cast_signed();
            scene.at(now).try_as(worker, Command::Heartbeat { lease }).expect("it is its own");
        }
        assert_eq!(silent(&mut watch, &scene.study, steady), [0_u32; 0], "round {round}");
    }
}

#[test]
fn a_lease_is_over_a_length_after_its_last_sign_was_seen() {
    let mut scene = held();
    let mut watch = Watch::default();
    assert_eq!(silent(&mut watch, &scene.study, 500), [0_u32; 0]);
    assert_eq!(silent(&mut watch, &scene.study, 500 + LEASE - 1), [0_u32; 0]);
    // One gives a sign, of long ago by its clock.
    let lease = scene.key(1);
    scene.at(HOUR + 40_000).try_as("behind", Command::Heartbeat { lease }).expect("its own");
    let over = watch.look(&scene.study, &observer(), 500 + LEASE);
    let expected = [0, 2].map(|trial| Silence { lease: scene.key(trial), events: 1 });
    assert_eq!(over, expected);
    // By a clock that says that nothing is over yet.
    scene
        .at(0)
        .try_as("observer", Command::Reap { dead: Vec::new(), silent: over })
        .expect("reaps");
    let states = [0, 1, 2].map(|trial| scene.state(trial));
    assert_eq!(states, [TrialState::Queued, TrialState::Running, TrialState::Queued]);
    assert_eq!(silent(&mut watch, &scene.study, 500 + 2 * LEASE), [1]);
}

#[test]
fn an_observer_that_slept_takes_nothing_that_was_heard_of_meanwhile() {
    let mut scene = held();
    let mut watch = Watch::default();
    assert_eq!(silent(&mut watch, &scene.study, 0), [0_u32; 0]);
    let lease = scene.key(0);
    scene.at(2 * HOUR + 20_000).try_as("right", Command::Heartbeat { lease }).expect("its own");
    assert_eq!(silent(&mut watch, &scene.study, 100 * LEASE), [1, 2]);
    assert_eq!(silent(&mut watch, &scene.study, 101 * LEASE), [0, 1, 2]);
}

#[test]
fn a_lease_is_watched_anew_in_every_hand_and_never_ones_own() {
    let mut scene = held();
    let mut watch = Watch::default();
    assert_eq!(silent(&mut watch, &scene.study, 0), [0_u32; 0]);
    let dead = vec![Writer::new("right")];
    scene.try_as("ahead", Command::Reap { dead, silent: Vec::new() }).expect("reaps");
    scene.try_as("next", Command::Ask { count: 1 }).expect("work");
    assert_eq!(scene.state(0), TrialState::Running);
    assert_eq!(silent(&mut watch, &scene.study, LEASE), [1, 2]);
    let own = Writer::new("behind");
    let over = watch.look(&scene.study, &own, 3 * LEASE);
    assert_eq!(over.iter().map(|silence| silence.lease.trial).collect::<Vec<_>>(), [0, 2]);
}
