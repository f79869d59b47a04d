//! Each house rule on a few lines that break it and a few that keep it.

use std::path::Path;

use serde_json::json;

use super::{TextFile, crates, pages, source};

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into() }
}

/// Findings on a Rust file that opens as it should, as `line: message`.
fn found(path: &str, body: &str) -> Vec<String> {
    let file = file(path, &format!("//! What it is for.\n{body}"));
    source::examine(&file)
        .iter()
        .map(|finding| format!("{}: {}", finding.line, finding.message))
        .collect()
}

fn only(path: &str, body: &str, line: usize, words: &str) {
    let findings = found(path, body);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].starts_with(&format!("{line}: ")), "{findings:?}");
    assert!(findings[0].contains(words), "{findings:?}");
}

#[test]
fn a_plain_file_has_no_findings() {
    assert_eq!(
        found(
            "crates/a/src/lib.rs",
            "fn main() { let text = \"todo!() #[allow(x)]\"; } // dbg!(1)"
        ),
        [""; 0]
    );
}

#[test]
fn a_file_says_what_it_is_for() {
    for text in ["fn main() {}\n", "//!\nfn main() {}\n", "// A comment.\n", ""] {
        let findings = source::examine(&file("crates/a/src/lib.rs", text));
        assert_eq!(findings.len(), 1, "{text:?}: {findings:?}");
        assert!(findings[0].message.contains("//!"), "{findings:?}");
    }
}

#[test]
fn a_file_that_is_not_rust_is_reported_where_it_breaks() {
    only("crates/a/src/lib.rs", "fn main() {\n    ]\n}\n", 3, "not Rust");
}

#[test]
fn long_functions_are_counted_from_their_name_to_their_brace() {
    let body = |lines: usize| {
        format!("fn long() -> u8 {{\n{}    0\n}}\n", "    let _ = 1;\n".repeat(lines - 3))
    };
    assert_eq!(found("crates/a/src/lib.rs", &body(70)), [""; 0]);
    only("crates/a/src/lib.rs", &body(71), 2, "`long` has 71 lines");
    let array = format!(
        "trait T {{\n fn short(x: [u8; 3]);\n}}\nstruct Long {{\n{}}}\n",
        " // line\n".repeat(100)
    );
    assert_eq!(found("crates/a/src/lib.rs", &array), [""; 0], "a signature has no body");
}

#[test]
fn long_files_are_counted_without_their_tests() {
    let line = "// line\n";
    assert_eq!(found("crates/a/src/lib.rs", &line.repeat(499)), [""; 0]);
    only("crates/a/src/lib.rs", &line.repeat(500), 501, "501 lines");
    let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(400), line.repeat(400));
    assert_eq!(found("crates/a/src/lib.rs", &tests), [""; 0]);
    assert_eq!(found("crates/a/tests/long.rs", &line.repeat(900)), [""; 0]);
}

#[test]
fn allow_is_refused_in_every_form() {
    only("crates/a/src/lib.rs", "#[allow(dead_code)]\nfn f() {}\n", 2, "expect");
    only("crates/a/src/lib.rs", "#![allow(dead_code)]\nfn f() {}\n", 2, "expect");
    only("crates/a/src/lib.rs", "#[cfg_attr(test, allow(dead_code))]\nfn f() {}\n", 2, "expect");
    only("crates/a/src/lib.rs", "m! { #[allow(dead_code)] }\n", 2, "expect");
    assert_eq!(
        found("crates/a/src/lib.rs", "#[expect(dead_code, reason = \"allow\")]\nfn allow() {}\n"),
        [""; 0]
    );
}

#[test]
fn ignored_tests_are_refused() {
    only("crates/a/tests/a.rs", "#[test]\n#[ignore]\nfn f() {}\n", 3, "ignored");
    only("crates/a/tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n", 3, "ignored");
}

#[test]
fn unfinished_work_is_refused_also_inside_macros() {
    only("crates/a/src/lib.rs", "fn f() -> Vec<u8> {\n    vec![todo!()]\n}\n", 3, "`todo!`");
    only("crates/a/src/lib.rs", "fn f() { unimplemented!(\"x\") }\n", 2, "`unimplemented!`");
    only("crates/a/src/lib.rs", "fn f() { dbg!(1); }\n", 2, "`dbg!`");
}

#[test]
fn sleeps_are_refused_also_in_tests() {
    only(
        "crates/a/tests/a.rs",
        "fn f() { std::thread::sleep(LONG); }\n",
        2,
        "not for time to pass",
    );
}

#[test]
fn crates_inherit_the_lints_of_the_workspace() {
    assert!(crates::lints(&file("crates/a/Cargo.toml", "[package]\nname = \"a\"\n")).is_some());
    assert!(
        crates::lints(&file("crates/a/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"))
            .is_none()
    );
    assert!(crates::lints(&file("Cargo.toml", "[workspace]\n")).is_none());
}

#[test]
fn panics_are_refused_in_the_crates() {
    let library = "crates/a/src/lib.rs";
    only(library, "fn f(x: Option<u8>) -> u8 { x.unwrap() }\n", 2, "`unwrap`");
    only(library, "fn f(x: Option<u8>) -> u8 {\n    x\n        .expect(\"x\")\n}\n", 4, "`expect`");
    only(library, "fn f() { panic!(\"x\") }\n", 2, "`panic!`");
    let good = "fn f(x: Option<u8>) -> u8 { x.unwrap_or(0) }\n#[cfg(test)]\nmod tests {\n    fn f(x: Option<u8>) { x.unwrap(); }\n}\n";
    assert_eq!(found(library, good), [""; 0]);
    assert_eq!(found("crates/a/tests/a.rs", "fn f(x: Option<u8>) { x.unwrap(); }\n"), [""; 0]);
}

#[test]
fn bare_string_errors_are_refused() {
    only(
        "crates/a/src/lib.rs",
        "enum E {\n    #[error(\"{0}\")]\n    Other(String),\n}\n",
        4,
        "`Other`",
    );
    let named = "enum E {\n    #[error(\"{name}\")]\n    Other { name: String },\n    #[error(\"{0}\")]\n    Io(Error),\n}\n";
    assert_eq!(found("crates/a/src/lib.rs", named), [""; 0]);
}

#[test]
fn names_that_say_nothing_are_refused() {
    only("crates/a/src/lib.rs", "mod utils;\n", 2, "`mod utils`");
    only("crates/a/src/helpers.rs", "", 1, "`helpers`");
    only("crates/a/src/common/one.rs", "", 1, "`common`");
    assert_eq!(found("crates/a/src/manage.rs", "mod commonality;\n"), [""; 0]);
}

#[test]
fn core_and_search_reach_no_outside_world() {
    let core = "crates/tunesmith-core/src/lib.rs";
    only(core, "use std::fs::File;\n", 2, "`std::fs`");
    only(
        core,
        "use std::{\n    collections::BTreeMap,\n    time::Instant,\n};\n",
        4,
        "`std::time`",
    );
    only(
        "crates/tunesmith-search/src/a.rs",
        "fn f() { ::std::thread::yield_now(); }\n",
        2,
        "`std::thread`",
    );
    only(core, "use std::collections::{BTreeMap, HashMap};\n", 2, "`HashMap`");
    assert_eq!(
        found(core, "use std::fmt;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"),
        [""; 0]
    );
    assert_eq!(found("crates/tunesmith-store/src/lib.rs", "use std::fs::File;\n"), [""; 0]);
}

#[test]
fn serde_stays_in_the_wire_modules_of_core() {
    only("crates/tunesmith-core/src/trial.rs", "use serde::de;\n", 2, "`serde`");
    assert_eq!(
        found("crates/tunesmith-core/src/wire/event.rs", "use serde::Serialize;\n"),
        [""; 0]
    );
    assert_eq!(found("crates/tunesmith-store/src/lib.rs", "use serde::Serialize;\n"), [""; 0]);
}

#[test]
fn paths_of_one_machine_are_refused_in_every_file() {
    let place = concat!("/wo", "rk/shared");
    let findings = source::examine(&file("README.md", &format!("Data\nlies in `{place}`.\n")));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].line, 2);
    assert!(
        source::examine(&file("README.md", &format!("see net{place} and ..{place}\n"))).is_empty()
    );
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let good =
        ["docs/decisions/README.md", "docs/decisions/0001-log.md", "docs/decisions/0002-candle.md"];
    assert!(pages::decisions(&good).is_empty());
    let check = |paths: &[&str], words: &str| {
        let findings = pages::decisions(paths);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].to_string().contains(words), "{findings:?}");
    };
    check(&["docs/decisions/0001-log.md", "docs/decisions/0003-hub.md"], "expected 0002");
    check(&["docs/decisions/0001-log.md", "docs/decisions/0001-hub.md"], "2 records");
    check(&["docs/decisions/log.md"], "0001-what-was-decided.md");
    check(&["docs/decisions/01-log.md"], "0001-what-was-decided.md");
}

#[test]
fn the_change_log_has_a_place_for_what_comes() {
    assert!(pages::changelog(&file("CHANGELOG.md", "# Changes\n\n## Unreleased\n")).is_none());
    assert!(pages::changelog(&file("CHANGELOG.md", "# Changes\n\n## 0.1.0\n")).is_some());
}

#[test]
fn pages_name_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    let named = |path: &str, text: &str| -> Vec<String> {
        pages::examine(root, &file(path, text)).iter().map(ToString::to_string).collect()
    };
    let good = "`xtask/src/main.rs` `xtask/src/{main,tidy}.rs` `xtask/src/<name>.rs` `tunesmith-core` `a / b` [x](xtask#y)\n\
        `tunesmith-core/src/lib.rs` [out](https://example.org)\n```text\n`xtask/none.rs`\n```\n";
    assert_eq!(named("ARCHITECTURE.md", good), [""; 0]);
    assert_eq!(
        named("ARCHITECTURE.md", "`xtask/none.rs`"),
        ["ARCHITECTURE.md:1: `xtask/none.rs` does not exist"]
    );
    assert_eq!(named("ARCHITECTURE.md", "\n`xtask/src/{main,none}.rs`").len(), 1);
    assert_eq!(
        named("ARCHITECTURE.md", "`tunesmith-none`"),
        ["ARCHITECTURE.md:1: `tunesmith-none` does not exist"]
    );
    assert_eq!(named("docs/decisions/README.md", "[x](../none.md)").len(), 1);
    assert_eq!(named("docs/decisions/README.md", "`xtask/none.rs` [x](../../README.md)"), [""; 0]);
}

#[test]
fn arrows_between_crates_are_those_of_the_table() {
    let page = |rows: &str| {
        file("ARCHITECTURE.md", &format!("| crate | room | may depend on |\n|---|---|---|\n{rows}"))
    };
    let metadata = json!({"packages": [
        {"name": "core", "dependencies": [{"name": "serde", "kind": null}]},
        {"name": "store", "dependencies": [
            {"name": "core", "kind": null}, {"name": "train", "kind": "dev"}, {"name": "search", "kind": "build"}
        ]},
    ]});
    let examine = |rows: &str| -> Vec<String> {
        crates::examine(&page(rows), &metadata).iter().map(ToString::to_string).collect()
    };
    let two = json!({"packages": [{"name": "core", "dependencies": []}]});
    assert!(crates::examine(&page("| `core` | words | nothing of ours |\n"), &two).is_empty());
    let no_row = examine("| `core` | words | nothing of ours |\n");
    assert_eq!(no_row.len(), 1, "{no_row:?}");
    assert!(no_row[0].contains("stands in no row"), "{no_row:?}");
    let none =
        examine("| `core` | words | nothing |\n| `store` | log | `core` |\n| `gone` | – | – |\n");
    assert_eq!(
        none,
        ["ARCHITECTURE.md:5: there is no crate `gone`"],
        "search is no package of this workspace"
    );
    let arrow = examine("| `core` | words | nothing |\n| `store` | log | – |\n");
    assert_eq!(
        arrow,
        ["ARCHITECTURE.md:4: `store` depends on `core`, which its row does not allow"]
    );
}
