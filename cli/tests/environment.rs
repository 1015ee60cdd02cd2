//! The environment is read in one file, so that what a command depends on can be read there, and no library
//! turns a check off by a variable that nobody passed to it.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The file that reads it.
const READER: &str = "cli/src/environment.rs";
/// How it could be read. `tempfile::env::temp_dir` is the library's own reading, for the same directory that
/// it makes files in.
const READS: [&str; 6] = ["env::var", "env::args", "env::temp_dir", "env::home_dir", "env::set_", "/environ"];

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

/// The files of every crate but those that only tests are made of.
fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(ROOT).expect("listed") {
        let root = entry.expect("an entry").path();
        if root.join("Cargo.toml").is_file() && !root.ends_with("testkit") && !root.ends_with("fuzz") {
            sources(&root.join("src"), &mut found);
        }
    }
    found
}

#[test]
fn the_environment_is_read_in_one_file() {
    let files = all_sources();
    assert!(files.len() > 150, "only {} files were read", files.len());
    let mut reads = 0;
    for path in files {
        let name = path.strip_prefix(ROOT).expect("below").display().to_string();
        let text = fs::read_to_string(&path).expect("a source");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let line = line.replace("tempfile::env::", "tempfile::");
            let is_read = READS.iter().any(|read| line.contains(read)) || line.contains("use std::env::");
            assert!(!is_read || name == READER, "{name} reads the environment: `{line}`");
            reads += usize::from(is_read);
        }
    }
    assert!(reads > 0, "{READER} reads nothing, so nothing was checked");
}
