//! What a process makes is gone although it has no descriptor left to look at it with. The limit is that of the whole
//! process, so this test has one to itself.
#![expect(clippy::disallowed_methods, reason = "what is left is listed")]

use std::fs::{self, File};

use aisoc_files::DraftDirectory;
use rustix::process::{Resource, getrlimit, setrlimit};

#[test]
fn a_directory_that_was_renamed_away_leaves_nothing_although_no_descriptor_is_left() {
    let root = tempfile::tempdir().expect("directory");
    let draft = DraftDirectory::create(root.path(), ".draft-", 0o755).expect("made");
    fs::create_dir(draft.path().join("layout")).expect("made");
    fs::rename(draft.path().join("layout"), root.path().join("layout")).expect("in its place");
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: Some(0), ..before }).expect("limited");
    assert_eq!(File::open(root.path()).expect_err("none left").raw_os_error(), Some(24));
    drop(draft);
    setrlimit(Resource::Nofile, before).expect("as it was");
    let left: Vec<_> =
        fs::read_dir(root.path()).expect("listed").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left, ["layout"]);
}
