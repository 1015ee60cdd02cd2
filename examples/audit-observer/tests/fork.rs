//! The fork as it is used: what stands in its lines, and that it changes nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The fork, with an empty home of its own.
fn run(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-observer"));
    command.args(words).env_clear().env("PATH", env!("PATH")).env("HOME", home).current_dir(home);
    command.envs(variables.iter().copied()).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn each_command_is_a_line_whatever_it_came_to() {
    let home = tempfile::tempdir().expect("a directory");
    let made = run(home.path(), &["plugin", "new", "demo", "--type", "enricher"], &[]);
    assert_eq!(stderr(&made).lines().filter(|line| *line == "[audit] plugin/new ok").count(), 1, "{}", stderr(&made));
    let failed = run(home.path(), &["plugin", "validate", "nope"], &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(stderr(&failed).starts_with("[audit] plugin/validate failed\n"), "{}", stderr(&failed));
    // Its result is what it was.
    let version = run(home.path(), &["version", "--json"], &[]);
    let document: Value = serde_json::from_slice(&version.stdout).expect("one document");
    assert_eq!(document["ok"], true);
}

#[test]
fn lines_for_programs_have_no_arguments_and_say_who_denied() {
    let home = tempfile::tempdir().expect("a directory");
    let log = home.path().join("audit.log");
    let audited = |words: &[&str]| run(home.path(), words, &[("AUDIT_LOG", log.to_str().expect("UTF-8"))]);
    assert_eq!(audited(&["plugin", "validate", "a-word-that-is-typed"]).status.code(), Some(1));
    assert_eq!(audited(&["reasons", "unsigned"]).status.code(), Some(0));
    let text = fs::read_to_string(&log).expect("written");
    assert!(!text.contains("unsigned"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let told =
        |line: &Value| [&line["command"], &line["domain"], &line["risk"], &line["outcome"]].map(Value::to_string);
    assert_eq!(told(&lines[0]), [r#""plugin/validate""#, r#""author""#, r#""read""#, r#""failed""#]);
    assert_eq!(told(&lines[1]), [r#""reasons""#, r#""manual""#, r#""read""#, r#""ok""#]);
    assert!(lines[0]["error"].as_str().is_some_and(|error| error.contains("cannot find")), "{text}");
    assert!(lines[1]["error"].is_null() && lines[1]["reason_code"].is_null(), "{text}");
}

#[test]
fn nothing_runs_that_could_not_be_told_of() {
    let home = tempfile::tempdir().expect("a directory");
    for words in [&["version"][..], &["--help"], &["plugin", "validate"]] {
        let refused = run(home.path(), words, &[("AUDIT_LOG", "no/such/directory/audit.log")]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{words:?}");
        let said = stderr(&refused);
        assert!(
            said.starts_with("error[lifecycle_failed]: startup hook \"audit.open\" (lifecycle_failed): "),
            "{said}"
        );
    }
}

#[test]
fn what_it_is_called_at_is_shown() {
    let home = tempfile::tempdir().expect("a directory");
    let shown = run(home.path(), &["config", "plugins", "show", "--json"], &[]);
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("one document");
    let expected = serde_json::json!({
        "name": "audit",
        "version": env!("CARGO_PKG_VERSION"),
        "capabilities": {"restricts": false, "failure_policy": "FailClosed"},
        "hooks": {
            "observers": [{"name": "line", "when": "After"}],
            "wrappers": [],
            "lifecycle": [{"name": "open", "event": "Startup"}],
            "count": 2,
        },
    });
    assert_eq!((&shown["total"], &shown["plugins"]), (&1.into(), &serde_json::json!([expected])));
}
