//! A dry run goes the way of the change up to the change: the same refusals, and nothing in the directory is other
//! than before. How every command that ends in it agrees with the real one: `common::commands::foreseen`.

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use aisoc_installation::{Access, InstallRecord, Installed, Previous, Site, StagingDirectory};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_packaging::Staged;
use aisoc_trust::admit;
use common::versions::{access, current, id, install, recorded, roll_back, source, unfinished};
use common::{GZIP, admission, collect_garbage, packed, record, snapshot, stage_into, titled, uninstall};

fn dry() -> Access {
    Access { dry_run: DryRun::Yes, ..access() }
}

/// What an install of `version` is made of, staged in a directory of its own.
fn staged(elsewhere: &Path, version: &str) -> (Staged<StagingDirectory>, InstallRecord) {
    let staged = stage_into(elsewhere, &titled("demo"), GZIP, packed(source(version).path(), 1).as_slice());
    let staged = staged.expect("staged");
    let record = record(&staged, version);
    (staged, record)
}

/// An install of `version` up to its change.
fn foresee(plugins: &Path, version: &str, access: &Access) -> Result<Installed> {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let (staged, record) = staged(elsewhere.path(), version);
    let site = Site::at(plugins);
    site.require_writable(access)?;
    site.session_beside(None, access, |session| {
        let present = session.present(&id())?;
        let admitted = admit(admission(&staged), &present).outcome?;
        session.activate(admitted, present, None, &record, 1)
    })
}

#[test]
fn an_install_is_foreseen_as_it_would_be_made_and_makes_nothing() {
    let top = tempfile::tempdir().expect("a directory");
    let plugins = top.path().join("below/plugins");
    let installed = foresee(&plugins, "1.0.0", &dry()).expect("foreseen");
    assert_eq!((installed.previous, &installed.path), (Previous::None, &plugins.join("demo")));
    assert_eq!(fs::read_dir(top.path()).expect("listed").count(), 0, "no directory is made for the question");
    install(&plugins, "1.0.0", 1);
    let before = snapshot(&plugins);
    let installed = foresee(&plugins, "1.1.0", &dry()).expect("foreseen");
    assert_eq!((installed.previous, installed.replaced), (Previous::Replaced, Some(recorded(&plugins))));
    assert_eq!(snapshot(&plugins), before);
}

#[test]
fn what_is_staged_is_for_a_session_that_changes_and_nothing_staged_for_one_that_does_not() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let before = snapshot(plugins.path());
    let fault = foresee(plugins.path(), "1.1.0", &access()).expect_err("nothing is staged");
    assert_eq!(fault.reason(), Reason::Internal);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let (staged, record) = staged(elsewhere.path(), "1.1.0");
    let fault = Site::at(plugins.path()).session(&dry(), |session| {
        let present = session.present(&id())?;
        let admitted = admit(admission(&staged), &present).outcome?;
        session.activate(admitted, present, Some(staged), &record, 1)
    });
    assert_eq!(fault.expect_err("a dry run").reason(), Reason::Internal);
    assert_eq!(without_note(plugins.path()), without_note_of(before));
    assert_eq!(current(plugins.path()), "1.0.0");
}

/// Who held the lock last is written into it.
fn without_note(plugins: &Path) -> std::collections::BTreeMap<String, String> {
    without_note_of(snapshot(plugins))
}

fn without_note_of(
    mut found: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    found.remove(".aisoc/write.lock");
    found
}

#[test]
fn whoever_looks_shares_the_lock_and_waits_for_whoever_changes() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let site = Site::at(plugins.path());
    let at_once = |dry_run| Access { lock_timeout: Duration::ZERO, dry_run, ..access() };
    let is_locked =
        |dry_run| site.session(&at_once(dry_run), |session| Ok(session.end())).err().map(|fault| fault.reason());
    site.session(&dry(), |session| {
        assert_eq!((is_locked(DryRun::Yes), is_locked(DryRun::No)), (None, Some(Reason::Locked)));
        Ok(session.end())
    })
    .expect("begun");
    site.session(&access(), |session| {
        assert_eq!(is_locked(DryRun::Yes), Some(Reason::Locked));
        Ok(session.end())
    })
    .expect("begun");
    let lock = plugins.path().join(".aisoc/write.lock");
    fs::remove_file(&lock).expect("removed");
    assert_eq!(is_locked(DryRun::Yes), None, "where there is none nobody holds it");
    assert!(!lock.exists());
}

#[test]
fn what_others_could_change_or_this_user_could_not_is_refused_as_the_change_is() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let is_root = rustix::process::geteuid().is_root();
    let outcome = |access: &Access| {
        Site::at(plugins).session(access, |session| Ok(session.end())).err().map(|fault| fault.reason())
    };
    for name in ["", ".aisoc", ".aisoc/records", ".aisoc/pending", ".aisoc/versions", ".aisoc/floors"] {
        let place = plugins.join(name);
        let mode = fs::metadata(&place).expect("there").permissions();
        fs::set_permissions(&place, Permissions::from_mode(0o777)).expect("set");
        assert_eq!([outcome(&dry()), outcome(&access())], [Some(Reason::DirectoryInsecure); 2], "{name}");
        fs::set_permissions(&place, Permissions::from_mode(0o555)).expect("set");
        let expected = if is_root { None } else { Some(Reason::IoDenied) };
        assert_eq!(outcome(&dry()), expected, "{name}: root writes into read-only directories");
        fs::set_permissions(&place, mode).expect("set");
    }
    let lock = plugins.join(".aisoc/write.lock");
    fs::remove_file(&lock).expect("removed");
    fs::create_dir(&lock).expect("made");
    assert_eq!([outcome(&dry()), outcome(&access())], [Some(Reason::IoError); 2]);
}

#[test]
fn what_a_plugin_is_removed_with_and_what_stays_of_it_is_foreseen() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        install(plugins, version, 3);
    }
    common::abandon_staging(plugins);
    File::create(plugins.join(".aisoc/records/gone.json")).expect("made");
    fs::create_dir_all(plugins.join(".aisoc/versions/demo/9/tree")).expect("made");
    let collected = collect_garbage(plugins, 1, &access()).expect("foreseen, and collected");
    let kinds: Vec<_> = collected.removed.iter().map(|removed| removed.kind.as_str()).collect();
    let expected = ["abandoned staging", "orphan", "kept version", "kept version", "record without plugin"];
    assert_eq!(kinds, expected);
    uninstall(plugins, &id(), &access()).expect("foreseen, and removed");
    uninstall(plugins, &id(), &access()).expect_err("foreseen, and not there");
}

#[test]
fn a_rollback_after_one_that_was_killed_is_foreseen_as_if_that_one_were_finished() {
    for (is_exchanged, back) in [(false, "1.0.0"), (true, "1.1.0")] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        install(plugins, "1.0.0", 1);
        install(plugins, "1.1.0", 1);
        let slot = plugins.join(".aisoc/versions/demo/1");
        let kept = common::kept_versions(plugins, &id()).expect("listed").remove(0);
        unfinished(plugins, Some(&recorded(plugins)), Some(&kept.record), 1, &slot.join("tree"), None);
        if is_exchanged {
            fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
            fs::rename(slot.join("tree"), plugins.join("demo")).expect("moved");
            fs::rename(plugins.join("aside"), slot.join("tree")).expect("moved");
        }
        roll_back(plugins, None).expect("foreseen, and rolled back");
        assert_eq!(current(plugins), back);
    }
}
