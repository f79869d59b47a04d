//! Round trips of hand-picked texts, and refusals.

use super::*;
use crate::metric::{Goal, Metric};
use crate::space::{Domain, Parameter, SearchSpace};
use crate::study::Study;
use crate::timestamp::{Timestamp, Writer};

fn first_event() -> Event {
    let space =
        SearchSpace::new(vec![Parameter::new("lr", Domain::log_float(1e-6, 1e-3))]).unwrap();
    let config = StudyConfig::new("s", space, Metric::new("accuracy", Goal::Maximize));
    Study::created(&config, &Writer::new("w"), Timestamp(5))
}

#[test]
fn an_event_is_one_readable_line() {
    expect_test::expect![[r#"{"format":1,"stream":"study","seq":0,"at":5,"by":"w","fact":{"type":"study_created","config":{"name":"s","space":[{"name":"lr","rule":{"free":{"domain":{"float":{"low":1e-6,"high":0.001,"scale":"log"}},"prior":"uniform"}}}],"metrics":[{"name":"accuracy","goal":"maximize","summary":"last"}],"sampler":{"name":"random"},"scheduler":{"name":"none"},"budget":{},"seed":0,"lease_ms":120000,"task":null}}}"#]]
    .assert_eq(&event_to_json(&first_event()));
}

#[test]
fn a_later_format_is_named() {
    let text = event_to_json(&first_event()).replacen("\"format\":1", "\"format\":2,\"new\":3", 1);
    let error = event_from_json(&text).unwrap_err();
    assert!(matches!(error, DecodeError::NewerFormat { found: 2 }), "{error}");
}

#[test]
fn unknown_fields_and_facts_are_refused() {
    let good = event_to_json(&first_event());
    for (old, new) in [
        ("\"seq\":0", "\"seq\":0,\"extra\":1"),
        ("\"type\":\"study_created\"", "\"type\":\"study_created\",\"extra\":1"),
        ("\"type\":\"study_created\"", "\"type\":\"study_renamed\""),
        ("\"seed\":0", "\"seed\":0,\"extra\":1"),
        ("\"scale\":\"log\"", "\"scale\":\"log\",\"extra\":1"),
        ("\"scale\":\"log\"", "\"scale\":\"square\""),
        ("\"stream\":\"study\"", "\"stream\":\"trial/x\""),
        ("\"low\":1e-6", "\"low\":1.0"),
    ] {
        assert!(good.contains(old), "{old}");
        assert!(event_from_json(&good.replacen(old, new, 1)).is_err(), "{new} was taken");
    }
}

#[test]
fn a_fact_may_name_its_type_anywhere() {
    for (first, last) in [
        (
            r#"{"type":"trial_pruned","reason":"late","device_seconds":0.1}"#,
            r#"{"reason":"late","device_seconds":0.1,"type":"trial_pruned"}"#,
        ),
        (
            r#"{"type":"lease_renewed","expires_at":7}"#,
            r#"{"expires_at":7,"type":"lease_renewed"}"#,
        ),
    ] {
        let event = |fact: &str| {
            let head = r#"{"format":1,"stream":"trial/3","seq":1,"at":5,"by":"w","fact":"#;
            event_from_json(&format!("{head}{fact}}}"))
        };
        assert_eq!(event(first).unwrap(), event(last).unwrap());
        let unknown = last.replace("\"type\":\"", "\"type\":\"un");
        assert!(event(&unknown).unwrap_err().to_string().contains("unknown variant"));
        assert!(event(&last.replace("\"type\":", "\"kind\":")).is_err(), "no type");
        assert!(event(&first.replace('}', ",\"extra\":1}")).is_err(), "an unknown field");
    }
    for unit in ["study_paused", "trial_cancelled"] {
        let line = |fact: String| {
            format!(r#"{{"format":1,"stream":"study","seq":1,"at":5,"by":"w","fact":{fact}}}"#)
        };
        assert!(event_from_json(&line(format!(r#"{{"type":"{unit}"}}"#))).is_ok());
        assert!(event_from_json(&line(format!(r#"{{"type":"{unit}","extra":1}}"#))).is_err());
    }
}

#[test]
fn values_keep_their_types() {
    for text in [
        "null",
        "true",
        "3",
        "3.0",
        "-0.0",
        "1e300",
        "0.1",
        "\"3\"",
        "[1,\"a\",[2.5]]",
        "9223372036854775807",
    ] {
        let value = value_from_json(text).unwrap();
        let again = value_from_json(&value_to_json(&value)).unwrap();
        assert_eq!(value.canonical(), again.canonical(), "{text}");
        assert_eq!(format!("{value:?}"), format!("{again:?}"), "{text}");
    }
    assert!(value_from_json("9223372036854775808").is_err());
    assert!(value_from_json("{\"a\":1}").is_err());
}

#[test]
fn documents_are_equal_where_they_mean_the_same() {
    let one = document(r#"{"b": [1, {"d":1,"c":2}], "a": "x"}"#).unwrap();
    let other = document("{\"a\":\"x\",\n\"b\":[1,{\"c\":2,\"d\":1}]}").unwrap();
    assert_eq!(one, other);
    assert_eq!(one.as_str(), r#"{"a":"x","b":[1,{"c":2,"d":1}]}"#);
    assert!(document("{").is_err());
}
