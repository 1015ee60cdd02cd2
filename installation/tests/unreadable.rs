//! An error of the disk is no absence: what cannot be read now is neither forgotten nor replaced.
//!
//! The error is that of reading a directory as a file, which root gets too.

mod common;

use std::fs;
use std::path::Path;

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Reason, Result};
use common::versions::{access, current, id, install, roll_back, source, tidy, versions};
use common::{
    GZIP, activate, admission, collect_garbage, finish_interrupted, kept_versions, packed, read_record, record,
    snapshot, stage_into, titled, uninstall,
};

/// Two installs: 1.1.0 is in place, 1.0.0 is kept. The file is put aside; a directory is in its place.
struct Obstructed {
    plugins: tempfile::TempDir,
    name: &'static str,
}

impl Obstructed {
    fn at(name: &'static str) -> Self {
        let plugins = tempfile::tempdir().expect("a directory");
        install(plugins.path(), "1.0.0", 1);
        install(plugins.path(), "1.1.0", 1);
        let path = plugins.path().join(name);
        if path.exists() {
            fs::rename(&path, path.with_extension("aside")).expect("moved");
        }
        fs::create_dir(&path).expect("made");
        Self { plugins, name }
    }

    /// Runs `change`, which must be refused because of the directory, and change nothing.
    #[track_caller]
    fn refuses<T>(&self, change: impl FnOnce(&Path) -> Result<T>) {
        let plugins = self.plugins.path();
        let before = without_lock(plugins);
        let Err(fault) = change(plugins) else { panic!("{}: it was made", self.name) };
        assert_eq!(fault.reason(), Reason::IoError, "{fault:?}");
        assert!(fault.to_string().contains(self.name), "{fault:?}");
        assert_eq!(without_lock(plugins), before, "{}", self.name);
    }

    /// The error has passed: everything is as it was before.
    fn clears(&self) {
        let path = self.plugins.path().join(self.name);
        fs::remove_dir(&path).expect("removed");
        if path.with_extension("aside").exists() {
            fs::rename(path.with_extension("aside"), &path).expect("moved back");
        }
        assert_eq!(current(self.plugins.path()), "1.1.0");
        assert_eq!(versions(self.plugins.path()), ["1.0.0"]);
        tidy(self.plugins.path());
    }
}

fn without_lock(plugins: &Path) -> std::collections::BTreeMap<String, String> {
    let mut found = snapshot(plugins);
    found.remove(".aisoc/write.lock");
    found
}

fn upgrade(plugins: &Path) -> Result<()> {
    let staged = stage_into(plugins, &titled("demo"), GZIP, packed(source("1.2.0").path(), 1).as_slice())?;
    let (admitted, record) = (admission(&staged), record(&staged, "1.2.0"));
    activate(admitted, staged, &record, 1, &access()).map(drop)
}

#[test]
fn a_record_that_cannot_be_read_is_not_replaced() {
    let obstructed = Obstructed::at(".aisoc/records/demo.json");
    obstructed.refuses(upgrade);
    obstructed.refuses(|plugins| roll_back(plugins, None));
    obstructed.refuses(|plugins| uninstall(plugins, &id(), &access()));
    obstructed.refuses(|plugins| collect_garbage(plugins, 1, &access()));
    obstructed.refuses(|plugins| Site::at(plugins).session(&access(), |session| session.present(&id()).map(drop)));
    obstructed.clears();
}

#[test]
fn a_kept_version_that_cannot_be_read_is_not_garbage() {
    let obstructed = Obstructed::at(".aisoc/versions/demo/1/kept.json");
    obstructed.refuses(|plugins| collect_garbage(plugins, 1, &access()));
    obstructed.refuses(upgrade);
    obstructed.refuses(|plugins| roll_back(plugins, None));
    obstructed.refuses(|plugins| kept_versions(plugins, &id()));
    obstructed.clears();
}

#[test]
fn a_change_whose_note_cannot_be_read_is_not_given_up() {
    let obstructed = Obstructed::at(".aisoc/pending/demo.json");
    obstructed.refuses(upgrade);
    obstructed.refuses(|plugins| roll_back(plugins, None));
    obstructed.refuses(|plugins| uninstall(plugins, &id(), &access()));
    obstructed.refuses(|plugins| kept_versions(plugins, &id()));
    let collected = collect_garbage(obstructed.plugins.path(), 0, &access()).expect("collected");
    assert!(collected.removed.is_empty() && collected.finished.is_empty(), "{collected:?}");
    assert!(collected.unfinished[0].starts_with("demo: io_error"), "{collected:?}");
    obstructed.clears();
}

#[test]
fn a_list_of_changes_that_cannot_be_read_is_not_an_empty_one() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let pending = plugins.path().join(".aisoc/pending");
    fs::remove_dir(&pending).expect("removed");
    fs::write(&pending, "").expect("written");
    let refused: [Fault; 2] = [
        finish_interrupted(plugins.path(), &access()).expect_err("no directory"),
        collect_garbage(plugins.path(), 1, &access()).expect_err("no directory"),
    ];
    assert!(refused.iter().all(|fault| fault.to_string().contains(".aisoc/pending")), "{refused:?}");
    assert!(plugins.path().join("demo").is_dir());
}

#[test]
fn a_record_that_is_larger_than_ours_is_refused_and_replaced() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let path = plugins.path().join(".aisoc/records/demo.json");
    let mut text = fs::read(&path).expect("there");
    text.resize(1 << 20, b' ');
    fs::write(&path, text).expect("written");
    let fault = read_record(plugins.path(), &id()).expect_err("too large");
    assert_eq!(fault.reason(), Reason::RecordInvalid);
    install(plugins.path(), "1.1.0", 1);
    assert_eq!((current(plugins.path()).as_str(), versions(plugins.path()).len()), ("1.1.0", 0));
}
