//! The environment is read in one file, so that what a command depends on can be read there, and no library
//! turns a check off by a variable that nobody passed to it.

mod support;

use support::workspace;

/// The file that reads it.
const READER: &str = "cli/src/environment.rs";
/// A program of its own, with one argument.
const HELPER: &str = "pkcs11-signer/src/main.rs";
/// How it could be read. `tempfile::env::temp_dir` is the library's own reading, for the same directory that
/// it makes files in.
const READS: [&str; 6] = ["env::var", "env::args", "env::temp_dir", "env::home_dir", "env::set_", "/environ"];

#[test]
fn the_environment_is_read_in_one_file() {
    let sources = workspace::sources();
    assert!(sources.len() > 150, "only {} files were read", sources.len());
    let mut reads = 0;
    for (name, code) in sources {
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let line = line.replace("tempfile::env::", "tempfile::");
            let is_read = READS.iter().any(|read| line.contains(read)) || line.contains("use std::env::");
            assert!(!is_read || name == READER || name == HELPER, "{name} reads the environment: `{line}`");
            reads += usize::from(is_read);
        }
    }
    assert!(reads > 0, "{READER} reads nothing, so nothing was checked");
}
