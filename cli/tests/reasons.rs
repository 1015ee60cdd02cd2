//! The reason codes as a product surface: every one can be raised, is documented, and the generated
//! pages are those of this build.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Reason;
use support::Bench;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("reason.rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_reason_can_be_raised() {
    let mut files = Vec::new();
    for folder in
        ["manifests", "signing", "registry-client", "registry-server", "trust", "packaging", "pipeline", "cli"]
    {
        sources(&Path::new(ROOT).join(folder).join("src"), &mut files);
    }
    let code: String = files.iter().map(|path| fs::read_to_string(path).expect("readable")).collect();
    for reason in Reason::ALL {
        let raised = code
            .match_indices(&format!("Reason::{reason:?}"))
            .any(|(at, name)| !code[at + name.len()..].starts_with(|next: char| next.is_alphanumeric()));
        assert!(raised, "nothing raises {reason}");
    }
}

#[test]
fn the_generated_pages_are_those_of_this_build() {
    let bench = Bench::new();
    fs::create_dir(bench.path("docs")).expect("made");
    bench.run(&["docs", "--write", "docs"]).ok();
    for page in ["commands.md", "reasons.md"] {
        let committed = fs::read_to_string(Path::new(ROOT).join("docs").join(page)).expect("committed");
        let generated = fs::read_to_string(bench.path("docs").join(page)).expect("generated");
        assert!(committed == generated, "docs/{page} is stale: run `aisoc docs --write docs`");
    }
}

#[test]
fn help_prints_every_page_and_every_command() {
    let bench = Bench::new();
    for topic in
        ["signing-format", "artifact-format", "limits", "install", "trust", "performance", "commands", "reasons"]
    {
        assert!(bench.run(&["help", topic]).ok().stdout.starts_with("# "), "{topic}");
    }
    assert!(bench.run(&["help"]).ok().stdout.contains("signing-format"));
    assert!(bench.run(&["help", "plugin", "sign"]).ok().stdout.contains("--private-key"));
    bench.run(&["help", "nonsense"]).refused(2, "usage");
    let one = bench.run(&["reasons", "unsigned", "--json"]);
    let one: serde_json::Value = serde_json::from_str(&one.ok().stdout).expect("JSON");
    assert_eq!((&one["reasons"][0]["code"], &one["reasons"][0]["exit_code"]), (&"unsigned".into(), &3.into()));
}
