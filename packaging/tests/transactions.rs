//! Kept versions, rollback, garbage, and the healing of every state that a kill can leave.
//!
//! The states are made by hand: `unfinished` writes down a change as a killed process has, and the test
//! puts trees and records where that process had got to.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{
    Access, Garbage, InstallRecord, InstalledDir, KeptTree, activate, collect_garbage, finish_interrupted,
    kept_versions, uninstall,
};
use aisoc_trust::{Policy, TrustMode, admit};
use common::{GZIP, MANIFEST, admission, directory, packed, record, snapshot, stage_into, titled};
use serde_json::{Value, json};
use tempfile::TempDir;

fn id() -> PluginId {
    "demo".parse().expect("an id")
}

fn access() -> Access {
    Access { lock_timeout: Duration::ZERO, ..Access::default() }
}

/// A plugin whose content is its version.
fn source(version: &str) -> TempDir {
    directory(&[("plugin.yaml", MANIFEST), ("version.py", &format!("VERSION = '{version}'\n"))])
}

fn install(plugins: &Path, version: &str, keep: u8) {
    let staged = stage_into(plugins, &titled("demo"), GZIP, packed(source(version).path(), 1).as_slice());
    let staged = staged.expect("staged");
    let (admitted, record) = (admission(&staged), record(&staged, version));
    activate(admitted, staged, &record, keep, &access()).expect("activated");
}

fn roll_back(plugins: &Path, wanted: Option<&str>) -> Result<()> {
    let kept = KeptTree::open(plugins, &id(), wanted, &access())?;
    let unread = |_: &_| Err(Fault::new(Reason::Internal, "unread"));
    let admitted = admit(&Policy::of(TrustMode::Disabled), &kept.claim(), unread)?;
    let record = kept.record().clone();
    kept.activate(admitted, &record).map(drop)
}

fn versions(plugins: &Path) -> Vec<String> {
    kept_versions(plugins, &id()).expect("listed").into_iter().map(|kept| kept.record.version).collect()
}

/// The version in place, when tree and record are about one content.
#[track_caller]
fn current(plugins: &Path) -> String {
    let record = InstallRecord::read(plugins, &id()).expect("readable").expect("a record");
    let tree = InstalledDir::read(&plugins.join("demo")).expect("a tree");
    assert_eq!(tree.subject(), record.tree_digest, "the record is about the tree in place");
    let content = fs::read_to_string(plugins.join("demo/version.py")).expect("there");
    assert_eq!(content, format!("VERSION = '{}'\n", record.version));
    record.version
}

/// Nothing but the plugin and ours is in the directory, no change is pending, and every slot is whole.
#[track_caller]
fn tidy(plugins: &Path) {
    let names = |path: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
    };
    assert!(names(plugins.to_owned()).iter().all(|name| name == "demo" || name == ".aisoc"), "{plugins:?}");
    assert_eq!(names(plugins.join(".aisoc/pending")), Vec::<String>::new());
    assert_eq!(names(plugins.join(".aisoc/versions/demo")).len(), versions(plugins).len());
}

/// Writes down a change as a process does before it makes it.
fn unfinished(
    plugins: &Path,
    before: Option<&Value>,
    after: Option<&Value>,
    slot: u64,
    moving: &Path,
    keep: Option<u8>,
) {
    let note = json!({
        "schema_version": 1, "id": "demo", "before": before, "after": after, "slot": slot,
        "moving_inode": fs::metadata(moving).expect("there").ino(), "keep": keep,
    });
    fs::create_dir_all(plugins.join(".aisoc/pending")).expect("made");
    fs::write(plugins.join(".aisoc/pending/demo.json"), note.to_string()).expect("written");
}

fn record_file(plugins: &Path) -> PathBuf {
    plugins.join(".aisoc/records/demo.json")
}

fn json_record(plugins: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(record_file(plugins)).expect("there")).expect("JSON")
}

/// The record that an install of `version` writes, and its tree in `place`.
fn incoming(version: &str, place: &Path) -> Value {
    let elsewhere = tempfile::tempdir().expect("a directory");
    install(elsewhere.path(), version, 0);
    fs::create_dir_all(place.parent().expect("a parent")).expect("made");
    fs::rename(elsewhere.path().join("demo"), place).expect("one file system");
    json_record(elsewhere.path())
}

/// Reading heals nothing and writes nothing.
#[track_caller]
fn reads_without_writing(plugins: &Path, expected: &str) {
    let before = snapshot(plugins);
    assert_eq!(current(plugins), expected);
    let _ = versions(plugins);
    assert_eq!(snapshot(plugins), before);
}

#[test]
fn what_is_replaced_is_kept_up_to_the_number() {
    for (keep, expected) in
        [(0, vec![]), (1, vec!["1.2.0"]), (2, vec!["1.2.0", "1.1.0"]), (32, vec!["1.2.0", "1.1.0", "1.0.0"])]
    {
        let plugins = tempfile::tempdir().expect("a directory");
        for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
            install(plugins.path(), version, keep);
        }
        assert_eq!(
            (current(plugins.path()).as_str(), versions(plugins.path())),
            ("1.3.0", expected.iter().map(ToString::to_string).collect())
        );
        tidy(plugins.path());
    }
}

#[test]
fn kept_versions_are_private_and_records_are_not() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    let mode =
        |name: &str| fs::metadata(plugins.path().join(".aisoc").join(name)).expect(name).permissions().mode() & 0o777;
    assert_eq!([mode("versions"), mode("versions/demo"), mode("versions/demo/1")], [0o700; 3]);
    assert_eq!([mode(""), mode("records"), mode("pending")], [0o755; 3]);
    assert_eq!([mode("records/demo.json"), mode("lock")], [0o644; 2]);
}

#[test]
fn rolling_back_twice_returns_to_where_one_was() {
    let plugins = tempfile::tempdir().expect("a directory");
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        install(plugins.path(), version, 2);
    }
    let record = fs::read(record_file(plugins.path())).expect("there");
    for (now, kept) in [("1.1.0", ["1.2.0", "1.0.0"]), ("1.2.0", ["1.1.0", "1.0.0"])] {
        roll_back(plugins.path(), None).expect("rolled back");
        assert_eq!(
            (current(plugins.path()).as_str(), versions(plugins.path())),
            (now, kept.map(str::to_owned).to_vec())
        );
        tidy(plugins.path());
    }
    assert_eq!(fs::read(record_file(plugins.path())).expect("there"), record);
    roll_back(plugins.path(), Some("1.0.0")).expect("by version");
    assert_eq!(
        (current(plugins.path()).as_str(), versions(plugins.path())),
        ("1.0.0", ["1.2.0", "1.1.0"].map(str::to_owned).to_vec())
    );
    let digest = kept_versions(plugins.path(), &id()).expect("listed")[1].record.digest.to_string();
    roll_back(plugins.path(), Some(&digest)).expect("by digest");
    assert_eq!(current(plugins.path()), "1.1.0");
}

#[test]
fn the_same_artifact_again_pushes_no_older_version_out() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    fs::write(plugins.path().join("demo/version.py"), "tampered").expect("written");
    install(plugins.path(), "1.1.0", 1);
    assert_eq!((current(plugins.path()).as_str(), versions(plugins.path())), ("1.1.0", vec!["1.0.0".to_owned()]));
    install(plugins.path(), "1.0.0", 1);
    assert_eq!(versions(plugins.path()), ["1.1.0"], "what is installed needs no second copy");
    tidy(plugins.path());
}

#[test]
fn refuses_a_kept_tree_that_was_changed() {
    for change in ["edited", "added", "removed", "linked", "executable"] {
        let plugins = tempfile::tempdir().expect("a directory");
        install(plugins.path(), "1.0.0", 1);
        install(plugins.path(), "1.1.0", 1);
        let tree = plugins.path().join(".aisoc/versions/demo/1/tree");
        match change {
            "edited" => fs::write(tree.join("version.py"), "VERSION = '1.0.0' \n").expect("written"),
            "added" => fs::write(tree.join("extra.so"), "").expect("written"),
            "removed" => fs::remove_file(tree.join("version.py")).expect("removed"),
            "linked" => symlink("/etc/passwd", tree.join("link.py")).expect("linked"),
            _ => fs::set_permissions(tree.join("version.py"), fs::Permissions::from_mode(0o755)).expect("set"),
        }
        let before = snapshot(plugins.path());
        let fault = roll_back(plugins.path(), None).expect_err(change);
        assert_eq!((fault.reason(), fault.class().exit_code()), (Reason::TreeModified, 3), "{change}: {fault:?}");
        assert!(fault.difference().is_some(), "{fault:?}");
        assert_eq!(without_lock(snapshot(plugins.path())), without_lock(before), "{change}");
    }
}

/// A directory's content changes its lock's line only.
fn without_lock(
    mut snapshot: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    snapshot.remove(".aisoc/lock");
    snapshot
}

#[test]
fn says_what_cannot_be_rolled_back_to() {
    let plugins = tempfile::tempdir().expect("a directory");
    let refused = |wanted| roll_back(plugins.path(), wanted).expect_err("nothing to go back to");
    assert_eq!(refused(None).reason(), Reason::PluginNotFound);
    install(plugins.path(), "1.0.0", 1);
    assert_eq!(refused(None).reason(), Reason::VersionNotFound);
    install(plugins.path(), "1.1.0", 1);
    let fault = refused(Some("0.9.0"));
    assert_eq!(fault.reason(), Reason::VersionNotFound);
    assert_eq!(fault.difference().expect("both").expected, "1.0.0");
    uninstall(plugins.path(), &id(), &access()).expect("removed");
    assert_eq!(refused(None).reason(), Reason::PluginNotFound);
}

#[test]
fn a_plugin_that_somebody_deleted_comes_back_by_rollback() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    fs::remove_dir_all(plugins.path().join("demo")).expect("removed");
    roll_back(plugins.path(), None).expect("rolled back");
    assert_eq!((current(plugins.path()).as_str(), versions(plugins.path()).len()), ("1.0.0", 0));
    tidy(plugins.path());
}

#[test]
fn uninstalling_removes_the_kept_versions_too() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    assert!(uninstall(plugins.path(), &id(), &access()).expect("removed").is_empty());
    assert!(!plugins.path().join("demo").exists() && !record_file(plugins.path()).exists());
    assert_eq!(fs::read_dir(plugins.path().join(".aisoc/versions")).expect("listed").count(), 0);
    tidy(plugins.path());
}

/// A killed upgrade from 1.0.0 to 1.1.0: how far it got, and the version that must be in place.
#[test]
fn an_upgrade_killed_anywhere_is_healed() {
    for (reached, expected) in
        [("noted", "1.0.0"), ("moved", "1.0.0"), ("exchanged", "1.1.0"), ("recorded", "1.1.0"), ("kept", "1.1.0")]
    {
        for next in ["another upgrade", "gc", "nothing to change"] {
            let plugins = tempfile::tempdir().expect("a directory");
            let plugins = plugins.path();
            install(plugins, "0.9.0", 1);
            install(plugins, "1.0.0", 1);
            let before = json_record(plugins);
            let staging = plugins.join(".aisoc-staging-dead/tree");
            let after = incoming("1.1.0", &staging);
            let slot = plugins.join(".aisoc/versions/demo/2");
            unfinished(plugins, Some(&before), Some(&after), 2, &staging, Some(1));
            if reached != "noted" {
                fs::create_dir(&slot).expect("made");
                fs::rename(&staging, slot.join("tree")).expect("moved");
            }
            if ["exchanged", "recorded", "kept"].contains(&reached) {
                fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
                fs::rename(slot.join("tree"), plugins.join("demo")).expect("moved");
                fs::rename(plugins.join("aside"), slot.join("tree")).expect("moved");
            }
            if ["recorded", "kept"].contains(&reached) {
                fs::write(record_file(plugins), after.to_string()).expect("written");
            }
            if reached == "kept" {
                let kept = json!({ "schema_version": 1, "sequence": 2, "record": before });
                fs::write(slot.join("kept.json"), kept.to_string()).expect("written");
            }
            reads_without_writing(plugins, expected);
            let kept = if expected == "1.0.0" { "0.9.0" } else { "1.0.0" };
            match next {
                "gc" => {
                    let collected = collect_garbage(plugins, 1, &access()).expect("collected");
                    assert_eq!(collected.finished, [id()], "{reached}");
                    assert_eq!(
                        (current(plugins).as_str(), versions(plugins)),
                        (expected, vec![kept.to_owned()]),
                        "{reached}"
                    );
                }
                "nothing to change" => {
                    finish_interrupted(plugins, &access()).expect("finished");
                    assert_eq!(
                        (current(plugins).as_str(), versions(plugins)),
                        (expected, vec![kept.to_owned()]),
                        "{reached}"
                    );
                }
                _ => {
                    install(plugins, "1.2.0", 2);
                    assert_eq!(
                        (current(plugins).as_str(), versions(plugins)[0].as_str()),
                        ("1.2.0", expected),
                        "{reached}"
                    );
                }
            }
            tidy(plugins);
        }
    }
}

#[test]
fn a_first_install_killed_anywhere_is_healed() {
    for (reached, there) in [("noted", false), ("moved", false), ("published", true), ("recorded", true)] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        let slot = plugins.join(".aisoc/versions/demo/1/tree");
        let after = incoming("1.0.0", &slot);
        unfinished(plugins, None, Some(&after), 1, &slot, Some(1));
        match reached {
            "noted" => fs::remove_dir_all(slot.parent().expect("a parent")).expect("removed"),
            "moved" => {}
            _ => fs::rename(&slot, plugins.join("demo")).expect("moved"),
        }
        if reached == "recorded" {
            fs::create_dir_all(plugins.join(".aisoc/records")).expect("made");
            fs::write(record_file(plugins), after.to_string()).expect("written");
        }
        let read = InstallRecord::read(plugins, &id()).expect("readable");
        assert_eq!(read.is_some(), there, "{reached}");
        finish_interrupted(plugins, &access()).expect("finished");
        tidy(plugins);
        assert_eq!(plugins.join("demo").exists(), there, "{reached}");
        install(plugins, "1.0.0", 1);
        assert_eq!(current(plugins), "1.0.0");
        tidy(plugins);
    }
}

#[test]
fn a_rollback_killed_anywhere_is_healed() {
    for (reached, expected) in [("noted", "1.1.0"), ("exchanged", "1.0.0"), ("recorded", "1.0.0"), ("kept", "1.0.0")] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        install(plugins, "1.0.0", 1);
        install(plugins, "1.1.0", 1);
        let slot = plugins.join(".aisoc/versions/demo/1");
        let kept: Value =
            serde_json::from_str(&fs::read_to_string(slot.join("kept.json")).expect("there")).expect("JSON");
        let (before, after) = (json_record(plugins), kept["record"].clone());
        unfinished(plugins, Some(&before), Some(&after), 1, &slot.join("tree"), None);
        if reached != "noted" {
            fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
            fs::rename(slot.join("tree"), plugins.join("demo")).expect("moved");
            fs::rename(plugins.join("aside"), slot.join("tree")).expect("moved");
        }
        if ["recorded", "kept"].contains(&reached) {
            fs::write(record_file(plugins), after.to_string()).expect("written");
        }
        if reached == "kept" {
            let kept = json!({ "schema_version": 1, "sequence": 2, "record": before });
            fs::write(slot.join("kept.json"), kept.to_string()).expect("written");
        }
        reads_without_writing(plugins, expected);
        let other = if expected == "1.0.0" { "1.1.0" } else { "1.0.0" };
        assert_eq!(versions(plugins), [other], "{reached}: what is kept is named while nothing is healed");
        finish_interrupted(plugins, &access()).expect("finished");
        assert_eq!((current(plugins).as_str(), versions(plugins)), (expected, vec![other.to_owned()]), "{reached}");
        tidy(plugins);
        roll_back(plugins, None).expect("and back");
        assert_eq!(current(plugins), other);
        tidy(plugins);
    }
}

#[test]
fn an_uninstall_killed_anywhere_is_healed() {
    for (reached, there) in [("noted", true), ("moved", false), ("unrecorded", false), ("discarded", false)] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        install(plugins, "1.0.0", 1);
        install(plugins, "1.1.0", 1);
        let before = json_record(plugins);
        unfinished(plugins, Some(&before), None, 2, &plugins.join("demo"), None);
        if reached != "noted" {
            fs::create_dir(plugins.join(".aisoc/versions/demo/2")).expect("made");
            fs::rename(plugins.join("demo"), plugins.join(".aisoc/versions/demo/2/tree")).expect("moved");
        }
        if ["unrecorded", "discarded"].contains(&reached) {
            fs::remove_file(record_file(plugins)).expect("removed");
        }
        if reached == "discarded" {
            fs::remove_dir_all(plugins.join(".aisoc/versions/demo")).expect("removed");
        }
        assert_eq!(InstallRecord::read(plugins, &id()).expect("readable").is_some(), there, "{reached}");
        uninstall(plugins, &id(), &access()).expect("the same command again finishes it");
        assert!(!plugins.join("demo").exists() && !record_file(plugins).exists(), "{reached}");
        assert!(!plugins.join(".aisoc/versions/demo").exists(), "{reached}");
        tidy(plugins);
    }
}

#[test]
fn a_tree_written_into_after_a_kill_is_known_by_its_directory() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let before = json_record(plugins);
    let slot = plugins.join(".aisoc/versions/demo/1");
    let after = incoming("1.1.0", &slot.join("tree"));
    unfinished(plugins, Some(&before), Some(&after), 1, &slot.join("tree"), Some(1));
    fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
    fs::rename(slot.join("tree"), plugins.join("demo")).expect("moved");
    fs::rename(plugins.join("aside"), slot.join("tree")).expect("moved");
    for tree in [plugins.join("demo"), slot.join("tree")] {
        fs::create_dir(tree.join("__pycache__")).expect("made");
        fs::write(tree.join("__pycache__/version.pyc"), "byte code").expect("written");
    }
    let read = InstallRecord::read(plugins, &id()).expect("readable").expect("there");
    assert_eq!(read.version, "1.1.0");
    finish_interrupted(plugins, &access()).expect("finished");
    assert_eq!(json_record(plugins)["version"], "1.1.0");
    assert_eq!(versions(plugins), ["1.0.0"]);
}

#[test]
fn a_note_that_cannot_be_read_is_no_record_and_is_removed() {
    for content in ["", "{}", "not JSON", "{\"schema_version\":1,\"id\":\"../x\"}"] {
        let plugins = tempfile::tempdir().expect("a directory");
        install(plugins.path(), "1.0.0", 1);
        fs::write(plugins.path().join(".aisoc/pending/demo.json"), content).expect("written");
        let fault = InstallRecord::read(plugins.path(), &id()).expect_err(content);
        assert_eq!(fault.reason(), Reason::RecordInvalid);
        finish_interrupted(plugins.path(), &access()).expect("finished");
        assert_eq!(current(plugins.path()), "1.0.0");
        tidy(plugins.path());
    }
}

#[test]
fn garbage_is_named_counted_and_gone() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        install(plugins, version, 8);
    }
    let own = plugins.join(".aisoc");
    common::write(plugins, &[(".aisoc-staging-dead/tree/a", "12345")]);
    common::write(
        &own,
        &[("versions/demo/77/tree/b", "1234567"), ("versions/gone/1/tree/c", "123"), ("versions/demo/odd/d", "1")],
    );
    fs::copy(record_file(plugins), own.join("records/gone.json")).expect("copied");
    let collected = collect_garbage(plugins, 1, &access()).expect("collected");
    let found: Vec<_> = collected.removed.iter().map(|one| (one.kind, one.path.display().to_string())).collect();
    for (kind, path) in [
        (Garbage::Staging, ".aisoc-staging-dead"),
        (Garbage::Orphan, ".aisoc/versions/demo/77"),
        (Garbage::Orphan, ".aisoc/versions/demo/odd"),
        (Garbage::Orphan, ".aisoc/versions/gone/1"),
        (Garbage::KeptVersion, ".aisoc/versions/demo/1"),
        (Garbage::Record, ".aisoc/records/gone.json"),
    ] {
        assert!(found.contains(&(kind, path.to_owned())), "{path} in {found:?}");
        assert!(!plugins.join(path).exists(), "{path}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(collected.bytes() > 5 + 7 + 3 + 1 && collected.leftovers.is_empty());
    assert_eq!((current(plugins).as_str(), versions(plugins)), ("1.2.0", vec!["1.1.0".to_owned()]));
    tidy(plugins);
    assert!(collect_garbage(plugins, 1, &access()).expect("collected").removed.is_empty());
    assert_eq!(collect_garbage(plugins, 0, &access()).expect("collected").removed.len(), 1);
    assert!(collect_garbage(&plugins.join("absent"), 1, &access()).expect("none").removed.is_empty());
}

#[test]
fn a_kept_record_of_odd_names_leads_nowhere() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    let path = plugins.path().join(".aisoc/versions/demo/1/kept.json");
    let good = fs::read_to_string(&path).expect("there");
    for bad in [
        good.replace("\"demo\"", "\"../../etc\""),
        good.replace("\"demo\"", "\"other\""),
        good.replace("\"sequence\"", "\"path\": \"/etc\", \"sequence\""),
        "{".repeat(100_000),
    ] {
        fs::write(&path, bad).expect("written");
        assert_eq!(versions(plugins.path()), Vec::<String>::new());
        assert_eq!(roll_back(plugins.path(), None).expect_err("none").reason(), Reason::VersionNotFound);
    }
    fs::remove_file(&path).expect("removed");
    symlink("/etc/passwd", &path).expect("linked");
    assert_eq!(versions(plugins.path()), Vec::<String>::new());
    assert_eq!(current(plugins.path()), "1.1.0");
}

#[test]
fn an_insecure_plugins_directory_is_refused() {
    let top = tempfile::tempdir().expect("a directory");
    let (open, link, file) = (top.path().join("open"), top.path().join("link"), top.path().join("file"));
    fs::create_dir(&open).expect("made");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("set");
    symlink(top.path(), &link).expect("linked");
    fs::write(&file, "").expect("written");
    let mut insecure = vec![(open, "0777"), (link.clone(), "link"), (link.join(""), "link"), (file, "link or a file")];
    let foreign = top.path().join("foreign");
    fs::create_dir(&foreign).expect("made");
    if std::os::unix::fs::chown(&foreign, Some(12_345), None).is_ok() {
        insecure.push((foreign, "owner 12345"));
    } else {
        eprintln!("SKIPPED in part: only root gives directories away");
    }
    for (path, word) in insecure {
        let fault = access().check(&path).expect_err(word);
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{fault:?}");
        assert!(
            format!("{fault:?}").contains(word)
                && fault.to_string().contains(path.to_str().expect("UTF-8").trim_end_matches('/')),
            "{fault:?}"
        );
        assert_eq!(collect_garbage(&path, 1, &access()).expect_err(word).reason(), Reason::DirectoryInsecure);
    }
    let shared = top.path().join("shared");
    fs::create_dir(&shared).expect("made");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o775)).expect("set");
    access().check(&shared).expect("a group may write");
    access().check(&top.path().join("to/be/made")).expect("it will be made");
}

#[test]
fn our_own_directory_is_not_taken_from_others() {
    let top = tempfile::tempdir().expect("a directory");
    let elsewhere = top.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    for name in [".aisoc", ".aisoc/versions", ".aisoc/records", ".aisoc/pending"] {
        let plugins = tempfile::tempdir().expect("a directory");
        let path = plugins.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        symlink(&elsewhere, &path).expect("linked");
        let staged = stage_into(plugins.path(), &titled("demo"), GZIP, packed(source("1").path(), 1).as_slice())
            .expect("staged");
        let (admitted, record) = (admission(&staged), record(&staged, "1"));
        let fault = activate(admitted, staged, &record, 1, &access()).expect_err(name);
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{name}");
        assert_eq!(fs::read_dir(&elsewhere).expect("listed").count(), 0, "{name}");
        assert!(!plugins.path().join("demo").exists());
    }
}

#[test]
fn a_link_named_like_staging_is_not_followed() {
    let top = tempfile::tempdir().expect("a directory");
    let (plugins, victim) = (top.path().join("plugins"), top.path().join("victim"));
    common::write(&victim, &[("keep", "mine")]);
    fs::create_dir(&plugins).expect("made");
    symlink(&victim, plugins.join(".aisoc-staging-evil")).expect("linked");
    install(&plugins, "1.0.0", 1);
    collect_garbage(&plugins, 1, &access()).expect("collected");
    assert_eq!(fs::read_to_string(victim.join("keep")).expect("there"), "mine");
    assert_eq!(current(&plugins), "1.0.0");
}
