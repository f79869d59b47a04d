//! A space that grows while trials run.

use expect_test::expect;
use tunesmith_core::*;

use crate::scene::*;

fn empty() -> Scene {
    Scene::new(&StudyConfig { space: SearchSpace::default(), ..config() })
}

fn momentum() -> Box<Parameter> {
    Box::new(Parameter::new("momentum", Domain::float(0.0, 1.0)))
}

fn suggest(scene: &mut Scene, trial: u32, parameter: Box<Parameter>) -> Vec<Event> {
    let lease = scene.key(trial);
    scene.act(Command::Suggest { lease, parameter })
}

#[test]
fn a_trial_asks_for_parameters_and_gets_the_same_again() {
    let mut scene = empty();
    scene.act(Command::Ask { count: 1 });
    assert!(scene.study.trial(0).unwrap().params.is_empty());
    expect![[r#"
        trial/0#1 w: {"type":"parameter_suggested","parameter":{"name":"momentum","rule":{"free":{"domain":{"float":{"low":0.0,"high":1.0,"scale":"linear"}},"prior":"uniform"}}},"value":0.010233075535568958}
    "#]].assert_eq(&lines(&suggest(&mut scene, 0, momentum())));
    assert!(suggest(&mut scene, 0, momentum()).is_empty());
    assert_eq!(scene.study.trial(0).unwrap().params.len(), 1);
    assert_eq!(scene.study.space().parameters().len(), 1);
    assert!(scene.study.is_discovered("momentum"));
}

#[test]
fn what_was_found_is_proposed_jointly_from_then_on() {
    let mut scene = empty();
    scene.act(Command::Ask { count: 1 });
    suggest(&mut scene, 0, momentum());
    scene.act(Command::Ask { count: 1 });
    let trial = scene.study.trial(1).unwrap();
    assert!(trial.params.is_empty(), "a proposal is no parameter before the trial asks for it");
    let proposed = trial.proposals.get("momentum").cloned();
    assert!(proposed.is_some());
    suggest(&mut scene, 1, momentum());
    assert_eq!(scene.study.trial(1).unwrap().params.get("momentum").cloned(), proposed);
    assert!(scene.study.trial(1).unwrap().proposals.is_empty());
}

#[test]
fn one_name_has_one_domain() {
    let mut scene = empty();
    scene.act(Command::Ask { count: 1 });
    suggest(&mut scene, 0, momentum());
    let other = Box::new(Parameter::new("momentum", Domain::float(0.0, 2.0)));
    let lease = scene.key(0);
    assert_eq!(
        scene.refuse(Command::Suggest { lease, parameter: other }),
        "momentum is known with another domain; give one parameter one domain, or another name"
    );
    let impossible = Box::new(Parameter::new("x", Domain::float(1.0, 0.0)));
    assert_eq!(
        scene.refuse(Command::Suggest { lease, parameter: impossible }),
        "x: the minimum 1 is not below the maximum 0; give a range with room, or one `value`"
    );
    let tied = Box::new(Parameter::tied("y", Expression::parse("2 * momentum").unwrap()));
    assert_eq!(
        scene.refuse(Command::Suggest { lease, parameter: tied }),
        "y follows from other parameters or is inactive; it cannot be suggested"
    );
    assert_eq!(scene.study.space().parameters().len(), 1, "a refusal leaves the space alone");
}

#[test]
fn trials_draw_apart_and_the_order_of_asking_does_not_matter() {
    let values = |names: [&str; 2]| {
        let mut scene = empty();
        scene.act(Command::Ask { count: 2 });
        for trial in 0..2 {
            for name in names {
                suggest(&mut scene, trial, Box::new(Parameter::new(name, Domain::float(0.0, 1.0))));
            }
        }
        scene.study.trials().iter().map(|trial| trial.params.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(values(["a", "b"]), values(["b", "a"]));
    let drawn = values(["a", "b"]);
    assert_ne!(drawn[0], drawn[1]);
}

#[test]
fn a_replay_verifies_a_study_that_grew() {
    let mut scene = empty();
    for trial in 0..4 {
        scene.act(Command::Ask { count: 1 });
        suggest(&mut scene, trial, momentum());
        suggest(&mut scene, trial, Box::new(Parameter::new("x", Domain::int(1, 9))));
    }
    let verified = replay::verify(&scene.log, &scene.policy).map(|replay| replay.verified);
    assert_eq!(verified, Ok(4));
}
