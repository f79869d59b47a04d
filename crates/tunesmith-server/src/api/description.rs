//! The API's own description, OpenAPI 3.1, for programs that write clients. It refuses to be written by hand twice: the
//! tests ask every path of it.

use serde_json::{Value as Json, json};

/// The description.
pub fn description() -> Json {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tunesmith",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Studies, their logs and their trials. Times are milliseconds since 1970, UTC. With tokens, every request but /healthz carries `Authorization: Bearer …`."
        },
        "security": [{ "token": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        }
    })
}

fn paths() -> Json {
    json!({
        "/healthz": { "get": operation("Whether the server answers, and which versions it speaks.", &[], None, &answer("200", "Health")) },
        "/api/v1/access": { "get": operation("What the caller may do; asked with or without a token.", &[], None, &answer("200", "Access")) },
        "/api/v1/openapi.json": { "get": operation("This description.", &[], None, &json!({ "200": { "description": "OpenAPI 3.1" } })) },
        "/api/v1/studies": {
            "get": operation("Every study, oldest first.", &[], None, &answer("200", "Studies")),
            "post": operation("Creates a study.", &[], Some(&content("application/json", "Creation")), &answer("201", "Created")),
        },
        "/api/v1/studies/{study}": {
            "get": operation("How a study stands.", &[study()], None, &answer("200", "Standing")),
            "delete": operation("Deletes a study with its log.", &[study()], None, &json!({ "204": { "description": "it is gone" }, "default": problem() })),
        },
        "/api/v1/studies/{study}/log": {
            "get": operation("A part of the log, an event a line.", &[study(), number("after", "the revision after which to begin"), number("limit", "how many events at most")], None, &lines("200")),
            "post": operation("Appends events, one a line, all of them or none. Appending the same again changes nothing.", &[study()], Some(&content("application/x-ndjson", "Events")), &answer("200", "Revision")),
        },
        "/api/v1/studies/{study}/trials": {
            "get": operation("Trials by number, without their reports.", &[study(), number("from", "the first number"), number("limit", "how many at most")], None, &answer("200", "Trials")),
        },
        "/api/v1/studies/{study}/trials/{trial}": {
            "get": operation("One trial with its reports.", &[study(), segment("trial", "its number")], None, &answer("200", "Trial")),
        },
        "/api/v1/studies/{study}/trials/{trial}/page": {
            "get": operation("Everything that is known of a trial, as the dashboard shows it.", &[study(), segment("trial", "its number")], None, &answer("200", "Page")),
        },
        "/api/v1/studies/{study}/picture": {
            "get": operation("Everything of a study but its curves, as columns. 304 where `after` is its revision.", &[study(), number("after", "the revision that the caller has")], None, &answer("200", "Picture")),
        },
        "/api/v1/studies/{study}/curves": {
            "get": operation("The learning curves of a metric: little-endian u32 magic, trials, points, revision, offsets (trials + 1); f32 steps, fractions, values.", &[study(), word("metric", "its name"), number("most", "points at most; curves are thinned evenly")], None, &json!({ "200": { "description": "done", "content": { "application/octet-stream": {} } }, "default": problem() })),
        },
        "/api/v1/studies/{study}/commands": {
            "post": operation("Tells a study to pause, to resume, to cancel a trial, to try some hyperparameters or to spend more or less.", &[study()], Some(&content("application/json", "Command")), &answer("200", "Facts")),
        },
        "/api/v1/studies/{study}/events": {
            "get": operation("What happens, as server-sent events from `Last-Event-ID` on; an event's id is its revision.", &[study()], None, &json!({ "200": { "description": "events", "content": { "text/event-stream": {} } }, "default": problem() })),
        },
    })
}

fn schemas() -> Json {
    let text = json!({ "type": "string" });
    let whole = json!({ "type": "integer" });
    json!({
        "Problem": object(&[("error", json!({
            "type": "object",
            "required": ["code", "message"],
            "properties": { "code": text, "message": text },
        }))]),
        "Health": object(&[("tunesmith", text.clone()), ("format", whole.clone())]),
        "Studies": object(&[("studies", json!({ "type": "array", "items": object(&[("id", whole.clone()), ("name", text.clone()), ("created_at", whole.clone()), ("revision", whole.clone())]) }))]),
        "Creation": object(&[("config", json!({ "type": "object" })), ("by", text.clone()), ("at", whole.clone())]),
        "Created": object(&[("id", whole.clone())]),
        "Standing": object(&[("id", whole.clone()), ("name", text.clone()), ("revision", whole.clone()), ("metrics", json!({ "type": "array" })), ("trials", json!({ "type": "object" }))]),
        "Events": { "type": "string", "description": "an event of the log as JSON, one a line" },
        "Revision": object(&[("revision", whole.clone())]),
        "Trials": object(&[("trials", json!({ "type": "array", "items": { "$ref": "#/components/schemas/Trial" } })), ("total", whole.clone())]),
        "Trial": object(&[("number", whole.clone()), ("state", text), ("params", json!({ "type": "object" }))]),
        "Page": object(&[("number", whole.clone()), ("reports", json!({ "type": "array" })), ("stretches", json!({ "type": "array" }))]),
        "Picture": object(&[("format", json!({ "const": 1 })), ("revision", whole.clone()), ("trials", json!({ "type": "object" }))]),
        "Access": object(&[("tokens", json!({ "type": "boolean" })), ("scope", json!({ "type": ["string", "null"] }))]),
        "Facts": object(&[("events", json!({ "type": "array" }))]),
        "Command": { "oneOf": [
            object(&[("command", json!({ "const": "pause" }))]),
            object(&[("command", json!({ "const": "resume" }))]),
            object(&[("command", json!({ "const": "cancel" })), ("trial", whole)]),
            object(&[("command", json!({ "const": "enqueue" })), ("params", json!({ "type": "object" }))]),
            budget(),
        ] },
    })
}

/// Limits that are left out stay as they are.
fn budget() -> Json {
    let mut schema = object(&[("command", json!({ "const": "budget" }))]);
    let (trials, seconds) =
        (json!({ "type": "integer", "minimum": 1 }), json!({ "type": "number" }));
    for (name, kind) in
        [("trials", &trials), ("wall", &seconds), ("device", &seconds), ("money", &seconds)]
    {
        schema["properties"][name] = kind.clone();
    }
    schema
}

fn object(fields: &[(&str, Json)]) -> Json {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let fields: serde_json::Map<String, Json> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "required": names, "properties": fields })
}

fn operation(summary: &str, parameters: &[Json], body: Option<&Json>, answers: &Json) -> Json {
    let mut operation = json!({ "summary": summary, "responses": answers });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body {
        operation["requestBody"] = json!({ "required": true, "content": body });
    }
    operation
}

fn study() -> Json {
    segment("study", "the study's `id`")
}

fn segment(name: &str, about: &str) -> Json {
    json!({ "name": name, "in": "path", "required": true, "description": about, "schema": { "type": "integer" } })
}

fn word(name: &str, about: &str) -> Json {
    json!({ "name": name, "in": "query", "required": true, "description": about, "schema": { "type": "string" } })
}

fn number(name: &str, about: &str) -> Json {
    json!({ "name": name, "in": "query", "description": about, "schema": { "type": "integer", "minimum": 0 } })
}

fn content(kind: &str, schema: &str) -> Json {
    json!({ kind: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn answer(status: &str, schema: &str) -> Json {
    json!({ status: { "description": "done", "content": content("application/json", schema) }, "default": problem() })
}

fn lines(status: &str) -> Json {
    json!({ status: { "description": "events", "content": content("application/x-ndjson", "Events") }, "default": problem() })
}

fn problem() -> Json {
    json!({ "description": "a refusal or a fault", "content": content("application/json", "Problem") })
}
