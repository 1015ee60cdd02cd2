//! The fork as it is used: what it lets through, and with which code it denies the rest.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The fork, with an empty home of its own.
fn run(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_readonly-policy"));
    command.args(words).env_clear().env("PATH", env!("PATH")).env("HOME", home).current_dir(home);
    command.envs(variables.iter().copied()).output().expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn two_groups_are_there_and_of_these_what_reads() {
    let home = tempfile::tempdir().expect("a directory");
    for (words, code) in [
        (&["plugin", "sign", "--plugin-dir", "x"][..], "domain_not_allowed"),
        (&["keygen", "--out", "x"], "domain_not_allowed"),
        (&["version"], "domain_not_allowed"),
        (&["keys", "add", "x"], "write_not_allowed"),
        // What nobody understands is denied before anybody tries.
        (&["plugins", "trust", "--no-such-option"], "write_not_allowed"),
        (&["plugin"], "aggregate_all_denied"),
        (&["plugin", "no-such-command"], "aggregate_all_denied"),
    ] {
        let denied = run(home.path(), words, &[]);
        assert_eq!(denied.status.code(), Some(2), "{words:?}: {}", stderr(&denied));
        assert!(stderr(&denied).starts_with(&format!("error[{code}]: command ")), "{words:?}: {}", stderr(&denied));
        let document = run(home.path(), &[words, &["--json"]].concat(), &[]);
        let report: Value = serde_json::from_slice(&document.stderr).expect("one document");
        assert_eq!((&report["ok"], &report["error"]["type"]), (&false.into(), &"command_denied".into()));
        let detail = &report["error"]["detail"];
        assert_eq!(detail["reason_code"], code);
        assert_eq!((&detail["layer"], &detail["rule_name"]), (&"policy".into(), &"readonly".into()));
        assert_eq!(detail["policy_source"], "plugin:readonly");
        assert!(detail["reason"].is_string() && detail["path"].is_string(), "{detail}");
    }
    let listed = run(home.path(), &["plugins", "list", "--plugins-dir", "."], &[]);
    assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
}

#[test]
fn help_leaves_out_what_is_denied_and_keeps_its_own() {
    let home = tempfile::tempdir().expect("a directory");
    let help = |words: &[&str]| {
        let help = run(home.path(), words, &[]);
        assert_eq!(help.status.code(), Some(0), "{words:?}: {}", stderr(&help));
        String::from_utf8(help.stdout).expect("UTF-8")
    };
    let (root, keys) = (help(&["--help"]), help(&["keys", "--help"]));
    let names = |text: &str, name: &str| text.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
    assert!(names(&root, "plugins") && names(&root, "keys"), "{root}");
    assert!(!names(&root, "plugin") && !names(&root, "keygen") && !names(&root, "serve"), "{root}");
    assert!(names(&keys, "list") && !names(&keys, "add"), "{keys}");
    assert!(help(&["plugin", "sign", "--help"]).starts_with("Sign a plugin's directory"));
}

#[test]
fn the_rule_that_is_compiled_in_counts_whatever_a_file_says() {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join(".aisoc")).expect("made");
    let show = |words: &[&str]| -> Value {
        let shown = run(home.path(), words, &[("AISOC_POLICY", "require")]);
        assert_eq!((shown.status.code(), stderr(&shown)), (Some(0), String::new()));
        serde_json::from_slice(&shown.stdout).expect("one document")
    };
    // Not even one that cannot be used is looked at.
    for file in ["name: everything\n", "deny: [\"**\"]\n", "nmae: x\n"] {
        fs::write(home.path().join(".aisoc/policy.yml"), file).expect("written");
        let shown = show(&["config", "policy", "show", "--json"]);
        assert_eq!((&shown["source"], &shown["source_name"]), (&"plugin".into(), &"readonly".into()));
        assert_eq!(shown["rule"]["max_risk"], "read");
        assert!(shown["denied_paths"].as_u64().is_some_and(|denied| denied > 50), "{shown}");
    }
    let shown = show(&["config", "plugins", "show", "--json"]);
    let plugin = &shown["plugins"][0];
    assert_eq!((&shown["total"], &plugin["name"]), (&1.into(), &"readonly".into()));
    let capabilities = &plugin["capabilities"];
    assert_eq!((&capabilities["restricts"], &capabilities["failure_policy"]), (&true.into(), &"FailClosed".into()));
    assert_eq!((&plugin["rule"]["name"], &plugin["hooks"]["count"]), (&"readonly".into(), &0.into()));
}
