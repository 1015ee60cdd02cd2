//! What `aisoc version` says of the build: of which commit, for which machine, by which compiler.
//!
//! The same sources give the same words on every machine: nothing here is of the moment of the build. What cannot be
//! known is left empty, and said to be unknown.

use std::env;
use std::path::Path;
use std::process::Command;

/// In whose place these are asked for: by whoever builds without a checkout.
const GIVEN_COMMIT: &str = "AISOC_BUILD_COMMIT";
const GIVEN_TIME: &str = "SOURCE_DATE_EPOCH";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in [GIVEN_COMMIT, GIVEN_TIME] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // A build for tests is of no release, and would be linked again for each commit.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let checkout = is_release.then(Checkout::find).flatten();
    let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
    say("COMMIT", given(GIVEN_COMMIT).or_else(|| checkout.as_ref()?.commit()));
    say("SOURCE_TIME", given(GIVEN_TIME).or_else(|| checkout.as_ref()?.time()));
    say("TARGET", env::var("TARGET").ok());
    say("RUSTC", env::var_os("RUSTC").and_then(|rustc| line_of(Command::new(rustc).arg("--version"))));
    say("FEATURES", Some(features()));
}

fn say(name: &str, value: Option<String>) {
    println!("cargo::rustc-env=AISOC_BUILT_{name}={}", value.unwrap_or_default());
}

/// The features of this crate that are on, as they are written.
fn features() -> String {
    let on = env::vars().filter_map(|(name, _)| name.strip_prefix("CARGO_FEATURE_").map(str::to_lowercase));
    let mut on: Vec<String> = on.map(|name| name.replace('_', "-")).filter(|name| name != "default").collect();
    on.sort();
    on.join(" ")
}

/// The checkout that this file belongs to. Sources that were unpacked inside another repository are of no commit of
/// it.
struct Checkout;

impl Checkout {
    fn find() -> Option<Self> {
        git(&["ls-files", "--error-unmatch", "build.rs"])?;
        watch();
        Some(Self)
    }

    /// The commit, and whether what is built is more than it.
    fn commit(&self) -> Option<String> {
        let commit = git(&["rev-parse", "HEAD"])?;
        let is_clean = Command::new("git").args(["diff", "--quiet", "HEAD"]).status().ok()?.success();
        Some(if is_clean { commit } else { format!("{commit}-dirty") })
    }

    fn time(&self) -> Option<String> {
        git(&["log", "-1", "--format=%ct"])
    }
}

/// Asks again when another commit is checked out, or a source changes.
fn watch() {
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    let crates = Path::new("..").read_dir().into_iter().flatten().flatten().map(|entry| entry.path().join("src"));
    for sources in crates.filter(|sources| sources.is_dir()) {
        println!("cargo::rerun-if-changed={}", sources.display());
    }
}

fn git(words: &[&str]) -> Option<String> {
    line_of(Command::new("git").args(words))
}

/// The first line that a command prints, if it succeeds.
fn line_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
