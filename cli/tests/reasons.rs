//! The reason codes as a product surface: every one can be raised, is documented, and the generated
//! pages are those of this build.

mod support;

use std::fs;

use aisoc_manifests::fault::Reason;
use aisoc_manifests::warning::Warning;
use support::{Bench, workspace};

#[test]
fn every_reason_can_be_raised() {
    let sources = workspace::sources().into_iter().filter(|(file, _)| file != "manifests/src/reason.rs");
    let code: String = sources.map(|(_, code)| code).collect();
    for reason in Reason::ALL {
        let raised = code
            .match_indices(&format!("Reason::{reason:?}"))
            .any(|(at, name)| !code[at + name.len()..].starts_with(|next: char| next.is_alphanumeric()));
        assert!(raised, "nothing raises {reason}");
    }
}

#[test]
fn every_warning_is_said_somewhere_and_explained() {
    let sources = workspace::sources().into_iter().filter(|(file, _)| file != "manifests/src/warning.rs");
    let code: String = sources.map(|(_, code)| code).collect();
    let bench = Bench::new();
    for warning in Warning::ALL {
        let said = code
            .match_indices(&format!("Warning::{warning:?}"))
            .any(|(at, name)| !code[at + name.len()..].starts_with(|next: char| next.is_alphanumeric()));
        assert!(said, "nothing says {warning}");
        let one = bench.run(&["reasons", warning.as_str()]);
        assert_eq!(one.ok().stdout.lines().next(), Some(&*format!("{warning} (warning)")));
    }
}

#[test]
fn the_generated_pages_are_those_of_this_build() {
    let bench = Bench::new();
    fs::create_dir(bench.path("docs")).expect("made");
    bench.run(&["docs", "--write", "docs"]).ok();
    for page in ["commands.md", "reasons.md", "exit-codes.md", "environment.md"] {
        let committed = fs::read_to_string(workspace::root().join("docs").join(page)).expect("committed");
        let generated = fs::read_to_string(bench.path("docs").join(page)).expect("generated");
        assert!(committed == generated, "docs/{page} is stale: run `aisoc docs --write docs`");
    }
}

#[test]
fn help_prints_every_page_and_every_command() {
    let bench = Bench::new();
    let mut topics = 0;
    for page in fs::read_dir(workspace::root().join("docs")).expect("listed") {
        let page = page.expect("an entry").path();
        if page.is_dir() {
            continue;
        }
        let topic = page.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        topics += 1;
        assert!(bench.run(&["help", topic]).ok().stdout.starts_with("# "), "{topic}");
    }
    assert!(topics >= 9, "{topics}");
    assert!(bench.run(&["help"]).ok().stdout.contains("signing-format"));
    assert!(bench.run(&["help", "plugin", "sign"]).ok().stdout.contains("--private-key"));
    bench.run(&["help", "nonsense"]).refused(2, "usage");
    let one = bench.run(&["reasons", "unsigned", "--json"]);
    let one: serde_json::Value = serde_json::from_str(&one.ok().stdout).expect("JSON");
    assert_eq!((&one["reasons"][0]["code"], &one["reasons"][0]["exit_code"]), (&"unsigned".into(), &3.into()));
}
