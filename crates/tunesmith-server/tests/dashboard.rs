//! What a browser asks for: the dashboard's files and the views that they draw.

mod serving;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};
use tunesmith_core::{Storage, StudyId, Timestamp, Writer};
use tunesmith_server::{Scope, Tokens, report_page};

use serving::{Server, config, refusal};

fn header(response: &ureq::http::Response<ureq::Body>, name: &str) -> String {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap_or("?")).to_owned()
}

#[test]
fn pages_come_with_a_policy_that_lets_no_script_in() {
    let server = Server::start();
    let mut page = server.raw("GET", "/", &[], "");
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let policy = header(&page, "content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = page.body_mut().read_to_string().expect("text");
    let scripts: Vec<&str> = text.split("<script").skip(1).collect();
    assert!(scripts.iter().all(|script| script.contains("src=\"./assets/")), "{text}");
    let asset = text.split("src=\".").nth(1).and_then(|rest| rest.split('"').next());
    let script = server.raw("GET", asset.expect("a script"), &[], "");
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    assert!(header(&script, "cache-control").contains("immutable"));
    for path in ["/report.html", "/assets/../Cargo.toml", "/assets/none.js", "/etc/passwd"] {
        assert!(refusal(server.get(path)).starts_with("404 no_such_endpoint"), "{path}");
    }
    assert_eq!(server.ask("POST", "/", &[], "").0, 404);
    assert_eq!(report_page().matches("__TUNESMITH_DATA__").count(), 1);
}

#[test]
fn a_picture_is_drawn_once_for_each_revision() {
    let server = Server::start();
    server.study();
    let (_, first) = server.get("/api/v1/studies/1/picture");
    assert_eq!(
        (&first["id"], &first["revision"], &first["name"]),
        (&json!(1), &json!(1), &json!("one"))
    );
    assert_eq!(server.raw("GET", "/api/v1/studies/1/picture?after=1", &[], "").status(), 304);
    server.command(&json!({ "command": "enqueue", "params": { "learning_rate": 0.001 } }));
    let (status, next) = server.get("/api/v1/studies/1/picture?after=1");
    assert_eq!((status, &next["trials"]["state"]), (200, &json!([0])));
    assert_eq!(next["trials"]["params"][0], json!([0.001]));
    let (_, page) = server.get("/api/v1/studies/1/trials/0/page");
    assert_eq!(
        (&page["state"], &page["params"]),
        (&json!("queued"), &json!({ "learning_rate": 0.001 }))
    );
}

#[test]
fn large_pictures_are_compressed_for_those_who_can_read_that() {
    let server = Server::start();
    server.study();
    for _ in 0..200 {
        server.command(&json!({ "command": "enqueue", "params": { "learning_rate": 0.001 } }));
    }
    // Written out: the client of the other tests would unpack it unseen.
    let ask = |accepted: &str| {
        let mut stream = TcpStream::connect(server.address).expect("connected");
        let request = format!(
            "GET /api/v1/studies/1/picture HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Accept-Encoding: {accepted}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("read");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
        (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end + 4..].to_vec())
    };
    assert!(!ask("identity").0.contains("content-encoding"));
    let (headers, body) = ask("br, gzip;q=0.8");
    assert!(headers.contains("content-encoding: gzip"), "{headers}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).expect("gzip");
    let picture: Json = serde_json::from_str(&text).expect("JSON");
    assert_eq!(picture["trials"]["state"].as_array().map(Vec::len), Some(200));
}

#[test]
fn names_with_markup_are_text() {
    let server = Server::start();
    let name = "<img src=x onerror=alert(1)>";
    let id = server.storage.create(&config(name), &Writer::new("test"), Timestamp(1)).expect("new");
    assert_eq!(id, StudyId(1));
    let answer = server.raw("GET", "/api/v1/studies/1/picture", &[], "");
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(server.get("/api/v1/studies/1/picture").1["name"], name);
}

#[test]
fn curves_are_of_a_metric_that_there_is() {
    let server = Server::start();
    server.study();
    let answer = server.raw("GET", "/api/v1/studies/1/curves?metric=accuracy", &[], "");
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
    let (_, body) = answer.into_parts();
    let bytes = body.into_with_config().read_to_vec().expect("bytes");
    assert_eq!((bytes.len(), &bytes[..4]), (20, b"TSC1".as_slice()));
    let refused = refusal(server.get("/api/v1/studies/1/curves?metric=loss"));
    assert_eq!(refused, "404 no_such_metric: the study has no metric loss; it has accuracy");
    assert!(refusal(server.get("/api/v1/studies/1/curves")).starts_with("400 malformed"));
}

#[test]
fn the_budget_changes_where_it_is_told() {
    let server = Server::start();
    server.study();
    let told = server.command(&json!({ "command": "budget", "trials": 9, "wall": 90.0 })).1;
    assert_eq!(told["events"][0]["fact"], "budget_changed");
    server.command(&json!({ "command": "budget", "trials": 12 }));
    let (_, picture) = server.get("/api/v1/studies/1/picture");
    let limits: Vec<(&str, f64)> = picture["budget"]["limits"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|limit| Some((limit["name"].as_str()?, limit["limit"].as_f64()?)))
        .collect();
    assert_eq!(limits, [("trials", 12.0), ("wall", 90.0)]);
    let refused = refusal(server.command(&json!({ "command": "budget", "wall": -1.0 })));
    assert!(refused.starts_with('4'), "{refused}");
}

#[test]
fn callers_learn_what_they_may_do() {
    let open = Server::start();
    assert_eq!(open.get("/api/v1/access").1, json!({ "tokens": false, "scope": "write" }));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tokens");
    let reader = Tokens::add(&path, "reader", Scope::Read).expect("added");
    let server = Server::guarded(Some(Tokens::load(&path).expect("readable")));
    server.study();
    let with = |token: &str| {
        let value = format!("Bearer {token}");
        server.ask("GET", "/api/v1/access", &[("Authorization", &value)], "").1
    };
    assert_eq!(server.get("/api/v1/access").1, json!({ "tokens": true, "scope": null }));
    assert_eq!(with("wrong"), json!({ "tokens": true, "scope": null }));
    assert_eq!(with(&reader), json!({ "tokens": true, "scope": "read" }));
    assert_eq!(server.raw("GET", "/", &[], "").status(), 200);
    assert!(refusal(server.get("/api/v1/studies/1/picture")).starts_with("401"));
}
