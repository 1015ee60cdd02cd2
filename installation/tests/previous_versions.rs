//! Kept versions, rollback, garbage, and the directories that all of it is in.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use aisoc_installation::{Garbage, Site};
use aisoc_manifests::fault::Reason;
use common::versions::{access, current, id, install, record_file, roll_back, source, tidy, versions};
use common::{
    GZIP, activate, admission, collect_garbage, kept_versions, packed, record, snapshot, stage_into, titled, uninstall,
};

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
    assert_eq!([mode("records/demo.json"), mode("write.lock")], [0o644, 0o600]);
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
    snapshot.remove(".aisoc/write.lock");
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
fn garbage_is_named_counted_and_gone() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        install(plugins, version, 8);
    }
    let own = plugins.join(".aisoc");
    common::write(plugins, &[(".aisoc-staging-killed/tree/a", "12345")]);
    common::abandon_staging(plugins);
    common::write(
        &own,
        &[("versions/demo/77/tree/b", "1234567"), ("versions/gone/1/tree/c", "123"), ("versions/demo/odd/d", "1")],
    );
    fs::copy(record_file(plugins), own.join("records/gone.json")).expect("copied");
    let collected = collect_garbage(plugins, 1, &access()).expect("collected");
    let found: Vec<_> = collected.removed.iter().map(|one| (one.kind, one.path.display().to_string())).collect();
    for (kind, path) in [
        (Garbage::Staging, ".aisoc-staging-killed"),
        (Garbage::Orphan, ".aisoc/versions/demo/77"),
        (Garbage::Orphan, ".aisoc/versions/gone/1"),
        (Garbage::PreviousVersion, ".aisoc/versions/demo/1"),
        (Garbage::Record, ".aisoc/records/gone.json"),
    ] {
        assert!(found.contains(&(kind, path.to_owned())), "{path} in {found:?}");
        assert!(!plugins.join(path).exists(), "{path}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(own.join("versions/demo/odd/d").exists(), "no name that we would give");
    fs::remove_dir_all(own.join("versions/demo/odd")).expect("removed");
    assert!(collected.bytes() > 5 + 7 + 3 && collected.leftovers.is_empty());
    assert_eq!((current(plugins).as_str(), versions(plugins)), ("1.2.0", vec!["1.1.0".to_owned()]));
    tidy(plugins);
    assert!(collect_garbage(plugins, 1, &access()).expect("collected").removed.is_empty());
    assert_eq!(collect_garbage(plugins, 0, &access()).expect("collected").removed.len(), 1);
    let absent = collect_garbage(&plugins.join("absent"), 1, &access());
    assert_eq!(absent.expect_err("a place that is not there").reason(), Reason::IoNotFound);
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
    assert_eq!(versions(plugins.path()), Vec::<String>::new(), "a link is not followed");
    assert_eq!(roll_back(plugins.path(), None).expect_err("none").reason(), Reason::VersionNotFound);
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
    symlink(&victim, plugins.join(".aisoc-staging-linked")).expect("linked");
    install(&plugins, "1.0.0", 1);
    collect_garbage(&plugins, 1, &access()).expect("collected");
    assert_eq!(fs::read_to_string(victim.join("keep")).expect("there"), "mine");
    assert_eq!(current(&plugins), "1.0.0");
}

#[test]
fn what_interrupted_downloads_left_is_garbage_and_what_is_being_fetched_is_none() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let partials = Site::at(plugins).partials();
    let open = |name| partials.open(name, 5).expect("opened").expect("free");
    let (left, held) = (open("sha256-aa"), open("sha256-bb"));
    for partial in [&left, &held] {
        partial.write_note("5 of 10").expect("noted");
    }
    drop(left);
    fs::write(partials.path().join("photo.partial"), "mine").expect("written");
    let collected = collect_garbage(plugins, 1, &access()).expect("collected");
    let found: Vec<_> = collected.removed.iter().map(|one| (one.kind, one.path.display().to_string())).collect();
    assert_eq!(found, [(Garbage::Partial, ".aisoc-partials/sha256-aa.partial".to_owned())]);
    assert!(held.path().exists() && partials.path().join("photo.partial").exists(), "not ours to remove");
    fs::remove_file(partials.path().join("photo.partial")).expect("removed");
    held.remove().expect("removed");
    assert!(!partials.path().exists());
}
