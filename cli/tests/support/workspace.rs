//! The workspace as its own tests read it: crates from Cargo.toml, sources without their tests. A crate
//! that comes is in every list at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The workspace's Cargo.toml.
pub(crate) fn manifest() -> toml::Table {
    fs::read_to_string(root().join("Cargo.toml")).expect("a manifest").parse().expect("TOML")
}

/// Every crate, by its directory, in the order of Cargo.toml. What stands further down, as examples do, is no room of this
/// house: it is what others build on it.
pub(crate) fn crates() -> Vec<String> {
    let members = manifest()["workspace"]["members"].clone().try_into::<Vec<String>>().expect("names");
    assert!(members.iter().all(|member| !member.contains('*')), "a member is a directory, named in full");
    members.into_iter().filter(|member| !member.contains('/')).collect()
}

/// The crates that are shipped: all but `testkit`, which only tests link.
pub(crate) fn shipped_crates() -> Vec<String> {
    crates().into_iter().filter(|name| name != "testkit").collect()
}

/// Every Rust file below a directory, in order.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The sources of the shipped crates, `crate/src/…` → code without the tests at the end of the file, or in a file of theirs.
pub(crate) fn sources() -> BTreeMap<String, String> {
    let files = shipped_crates().into_iter().flat_map(|name| rust_files(&root().join(name).join("src")));
    let files = files.filter(|file| !file.ends_with("tests.rs"));
    files.map(|file| (file.strip_prefix(root()).expect("below").display().to_string(), code_of(&file))).collect()
}

fn code_of(file: &Path) -> String {
    without_tests(&fs::read_to_string(file).expect("a source")).to_owned()
}

/// A source up to its tests, which stand at the end.
pub(crate) fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
}
