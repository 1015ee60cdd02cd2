//! Which hosts are never a registry, and which are this machine, is said in one place. A second list is one
//! that somebody forgets to extend.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where the one list stands.
const BODY: &str = "manifests/src/address.rs";
/// What a list of hosts or a judgement of addresses is written with.
const WORDS: [&str; 9] = [
    "\"localhost\"",
    ".localhost",
    "169.254.",
    "metadata.goog",
    "metadata.azure",
    ".is_private()",
    ".is_link_local()",
    ".is_unspecified()",
    "ip().is_loopback()",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn hosts_that_are_no_registry_are_listed_in_one_place() {
    let mut files = Vec::new();
    for name in ["manifests", "registry-client", "registry-server", "pipeline", "cli"] {
        sources(&Path::new(ROOT).join(name).join("src"), &mut files);
    }
    let mut is_there = false;
    for path in files {
        let name = path.strip_prefix(ROOT).expect("below").display().to_string();
        let source = fs::read_to_string(&path).expect("a source");
        let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = || code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let found = WORDS.iter().find(|word| lines().any(|line| line.contains(**word)));
        is_there |= name == BODY && found.is_some();
        assert!(name == BODY || found.is_none(), "{name} judges hosts by itself ({found:?}): {BODY} does");
    }
    assert!(is_there, "{BODY} has lost the list");
}
