//! The API as its clients meet it, over a real connection.

mod serving;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use expect_test::{expect, expect_file};
use serde_json::{Value as Json, json};
use tunesmith_core::{StudyId, wire};
use tunesmith_server::{ServeError, description, serve};
use tunesmith_store::Memory;

use serving::{Server, config, refusal, surroundings};

#[test]
fn people_see_a_study_and_steer_it() {
    let server = Server::start();
    assert_eq!(server.study(), StudyId(1));
    let (_, standing) = server.get("/api/v1/studies/1");
    assert_eq!((&standing["name"], &standing["paused"]), (&json!("one"), &json!(false)));
    let facts = server.command(&json!({ "command": "pause" })).1;
    assert_eq!(facts, json!({ "events": [{ "fact": "study_paused", "trial": null }] }));
    assert_eq!(server.get("/api/v1/studies/1").1["paused"], true);
    server.command(&json!({ "command": "resume" }));
    let wanted = json!({ "command": "enqueue", "params": { "learning_rate": 0.001 } });
    assert_eq!(server.command(&wanted).1["events"][0]["trial"], 0);
    let (_, trials) = server.get("/api/v1/studies/1/trials");
    assert_eq!((&trials["total"], &trials["trials"][0]["state"]), (&json!(1), &json!("queued")));
    assert_eq!(trials["trials"][0]["params"]["learning_rate"], 0.001);
    server.command(&json!({ "command": "cancel", "trial": 0 }));
    let (_, trial) = server.get("/api/v1/studies/1/trials/0");
    assert_eq!((&trial["state"], &trial["reports"]), (&json!("cancelled"), &json!([])));
}

#[test]
fn what_cannot_be_done_is_said() {
    let server = Server::start();
    server.study();
    let lines = [("Content-Type", "application/x-ndjson")];
    let mut said = vec![
        refusal(server.get("/api/v1/studies/7")),
        refusal(server.get("/api/v1/studies/one")),
        refusal(server.get("/api/v1/studies/1/trials/3")),
        refusal(server.get("/api/v1/nothing")),
        refusal(server.ask("PUT", "/api/v1/studies", &[], "")),
        refusal(server.ask("POST", "/api/v1/studies/1/log", &[], "{}")),
        refusal(server.ask("POST", "/api/v1/studies/1/log", &lines, "{}")),
        refusal(server.ask("GET", "/api/v1/studies/1/events", &[("Last-Event-ID", "x")], "")),
        refusal(server.ask("GET", "/api/v1/studies", &[("tunesmith-format", "99")], "")),
        refusal(server.ask("GET", "/api/v1/studies", &[("Origin", "http://evil.example")], "")),
        refusal(server.command(&json!({ "command": "cancel", "trial": 3 }))),
        refusal(server.command(&json!({ "command": "run", "program": "rm" }))),
        refusal(server.command(&json!({ "command": "enqueue", "params": { "rate": 1 } }))),
    ];
    let headers = [("Content-Type", "application/json")];
    let creation = json!({ "config": { "format": 1 }, "by": "me", "at": 1 }).to_string();
    said.push(refusal(server.ask("POST", "/api/v1/studies", &headers, &creation)));
    expect![[r"
        404 no_such_study: there is no study 7; GET /api/v1/studies lists those that there are
        400 malformed: `one` is no study: studies are addressed by their `id`
        404 no_such_trial: there is no trial 3
        404 no_such_endpoint: there is no such endpoint; GET /api/v1/openapi.json lists those that there are
        404 no_such_endpoint: there is no such endpoint; GET /api/v1/openapi.json lists those that there are
        415 content_type: the body must be application/x-ndjson, and its Content-Type say so
        400 malformed: line 1: cannot be read: missing field `format` at line 1 column 2
        400 malformed: Last-Event-ID is `x`, and events count from 1
        400 format: this server speaks format 1 and the client 99; update the older one
        403 foreign: without tokens this server answers only requests to localhost from this machine's own programs and pages
        409 rejected: there is no trial 3
        400 malformed: unknown variant `run`, expected one of `pause`, `resume`, `cancel`, `enqueue`, `budget` at line 1 column 16
        409 rejected: rate is no parameter of this study; there are learning_rate
        400 malformed: config: cannot be read: missing field `config` at line 1 column 12"]].assert_eq(&said.join("\n"));
}

#[test]
fn a_request_that_says_it_is_too_large_is_not_waited_for() {
    let server = Server::start();
    server.study();
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    let request = format!(
        "POST /api/v1/studies/1/log HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: 40000000\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let first = BufReader::new(stream).lines().next().expect("an answer").expect("a line");
    assert_eq!(first, "HTTP/1.1 413 Payload Too Large");
}

#[test]
fn events_come_as_they_happen_and_from_where_a_listener_was() {
    let server = Server::start();
    server.study();
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    let request = format!(
        "GET /api/v1/studies/1/events HTTP/1.1\r\nHost: {}\r\nLast-Event-ID: 1\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
    assert_eq!(lines.next().as_deref(), Some("HTTP/1.1 200 OK"));
    server.command(&json!({ "command": "pause" }));
    server.command(&json!({ "command": "resume" }));
    let ids: Vec<String> = lines.filter(|line| line.starts_with("id: ")).take(2).collect();
    assert_eq!(ids, ["id: 2", "id: 3"]);
}

#[test]
fn without_tokens_no_other_machine_is_served() {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let around = surroundings(Arc::new(Memory::new()));
    let error = serve(listener, around, &Arc::default()).expect_err("anybody could come");
    assert!(matches!(error, ServeError::Open { .. }));
    assert!(error.to_string().contains("tunesmith token add"), "{error}");
}

#[test]
fn a_study_that_names_a_program_is_a_line_of_the_log_and_runs_nothing() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("ran");
    let mut config = config("runs");
    let task = json!({ "command": ["touch", mark], "directory": folder.path() });
    config.task = wire::document(&task.to_string()).expect("JSON");
    let config: Json = serde_json::from_str(&wire::config_to_json(&config)).expect("JSON");
    let creation = json!({ "config": config, "by": "me", "at": 1 }).to_string();
    let headers = [("Content-Type", "application/json")];
    let (status, answer) = server.ask("POST", "/api/v1/studies", &headers, &creation);
    assert_eq!(status, 201, "{answer}");
    let wanted = json!({ "command": "enqueue", "params": { "learning_rate": 0.001 } }).to_string();
    let path = format!("/api/v1/studies/{}/commands", answer["id"]);
    assert_eq!(server.ask("POST", &path, &headers, &wanted).0, 200);
    drop(server);
    assert!(!mark.exists());
}

#[test]
fn the_description_names_every_endpoint() {
    let server = Server::start();
    server.study();
    let described = description();
    let text = serde_json::to_string_pretty(&described).expect("JSON") + "\n";
    expect_file!["openapi.json"].assert_eq(&text);
    assert_eq!(server.get("/api/v1/openapi.json").1, described);
    for (path, operations) in described["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let path = path.replace("{study}", "1").replace("{trial}", "0");
            if path.ends_with("/events") || method == "delete" {
                continue;
            }
            let answer = server.ask(&method.to_uppercase(), &path, &[], "");
            assert!(!refusal(answer.clone()).contains("no_such_endpoint"), "{path}: {answer:?}");
        }
    }
}
