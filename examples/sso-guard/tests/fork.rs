//! The fork as it is used: what asks for a ticket, and where the ticket is found again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The fork, with an empty home of its own.
fn run(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sso-guard"));
    command.args(words).env_clear().env("PATH", env!("PATH")).env("HOME", home).current_dir(home);
    command.envs(variables.iter().copied()).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TICKET: (&str, &str) = ("TICKET", "OPS-12");

#[test]
fn what_is_dangerous_asks_for_a_ticket_and_nothing_else_does() {
    let home = tempfile::tempdir().expect("a directory");
    let uninstall = ["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"];
    for ticket in [None, Some(""), Some("OPS"), Some("ops-12"), Some("OPS-"), Some("OPS-1 2")] {
        let variables: Vec<(&str, &str)> = ticket.map(|ticket| ("TICKET", ticket)).into_iter().collect();
        let refused = run(home.path(), &[&uninstall[..], &["--json"]].concat(), &variables);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        let report: Value = serde_json::from_slice(&refused.stderr).expect("one document");
        assert_eq!(report["error"]["type"], "hook");
        let detail = &report["error"]["detail"];
        assert_eq!((&detail["reason_code"], &detail["hook_name"]), (&"aborted".into(), &"sso-guard.ticket".into()));
        assert_eq!(detail["detail"]["variable"], "TICKET");
    }
    // With one the command is what answers.
    let reached = run(home.path(), &uninstall, &[TICKET]);
    assert!(stderr(&reached).starts_with("error[plugin_not_found]"), "{}", stderr(&reached));
    assert_eq!(run(home.path(), &["plugin", "new", "demo", "--type", "enricher"], &[]).status.code(), Some(0));
    // An option makes a command dangerous that is none by itself.
    let plain = run(home.path(), &["plugin", "keygen", "--out", "key"], &[]);
    assert_eq!(plain.status.code(), Some(0), "{}", stderr(&plain));
    let forced = run(home.path(), &["plugin", "keygen", "--out", "key", "--force"], &[]);
    assert!(stderr(&forced).starts_with("error[aborted]"), "{}", stderr(&forced));
}

#[test]
fn the_journal_says_which_ticket_it_was() {
    let home = tempfile::tempdir().expect("a directory");
    let ok = |words: &[&str], variables: &[(&str, &str)]| {
        let done = run(home.path(), words, variables);
        assert_eq!(done.status.code(), Some(0), "{words:?}: {}", stderr(&done));
    };
    fs::create_dir(home.path().join("keys")).expect("made");
    ok(&["plugin", "keygen", "--out", "one"], &[]);
    ok(&["plugin", "keygen", "--out", "two"], &[]);
    let reason = ["--reason", "a new publisher", "--trusted-keys", "keys"];
    ok(&[&["keys", "add", "one.pem"][..], &reason].concat(), &[TICKET]);
    ok(&[&["keys", "add", "two.pem"][..], &reason].concat(), &[]);
    ok(&[&["keys", "revoke", "one"][..], &reason].concat(), &[TICKET]);
    // It comes back with a ticket alone.
    let refused = run(home.path(), &[&["keys", "restore", "one", "--yes"][..], &reason].concat(), &[]);
    assert!(stderr(&refused).starts_with("error[aborted]"), "{}", stderr(&refused));
    ok(&[&["keys", "restore", "one", "--yes"][..], &reason].concat(), &[TICKET]);
    let journal = fs::read_to_string(home.path().join("keys/keys.journal")).expect("a journal");
    let reasons: Vec<&str> = journal.lines().filter_map(|line| line.rsplit('\t').next()).collect();
    // What is not dangerous goes on without the wrapper.
    let expected = ["a new publisher", "a new publisher", "a new publisher", "OPS-12: a new publisher"];
    assert_eq!(reasons, expected, "{journal}");
    ok(&["keys", "journal", "verify", "--trusted-keys", "keys"], &[]);
}
