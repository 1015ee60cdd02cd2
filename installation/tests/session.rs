//! What was judged is what is changed: an admission is good for one plugin, one content and one session.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use aisoc_installation::{Access, InstallRecord, Previous, PreviousTree, Session, Site, StagingDirectory, TreeInPlace};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{Limits, Staged, default_threads};
use aisoc_trust::{Examined, admit};
use common::versions::{access, current, id, install, keep, record_file, recorded, source, tidy, versions};
use common::{
    GZIP, MANIFEST, activate, admission, packed, read_record, record, snapshot, stage_into, titled, uninstall, unread,
    write,
};

fn other() -> PluginId {
    "other".parse().expect("an id")
}

fn staged(plugins: &Path, version: &str) -> (Examined, Staged<StagingDirectory>, InstallRecord) {
    let staged = stage_into(plugins, &titled("demo"), GZIP, packed(source(version).path(), 1).as_slice());
    let staged = staged.expect("staged");
    let record = record(&staged, version);
    (admission(&staged), staged, record)
}

/// The tree in place, hashed without a lock.
fn hashed(plugins: &Path) -> TreeInPlace {
    let tree = TreeInPlace::read(&plugins.join("demo"), &recorded(plugins), default_threads(), &Limits::default());
    tree.expect("read")
}

fn kept(plugins: &Path) -> PreviousTree {
    Site::at(plugins).previous_tree(&id(), None, &Limits::default()).expect("a kept version")
}

fn without_lock(plugins: &Path) -> std::collections::BTreeMap<String, String> {
    let mut found = snapshot(plugins);
    found.remove(".aisoc/write.lock");
    found
}

#[test]
fn an_install_is_about_one_plugin_in_its_admission_its_neighbours_and_its_record() {
    let plugins = tempfile::tempdir().expect("a directory");
    for odd in 0..3 {
        let [admitted_for, present_of, recorded_for] = [0, 1, 2].map(|at| if at == odd { other() } else { id() });
        let (examined, staged, record) = staged(plugins.path(), "1.0.0");
        let record = InstallRecord { id: recorded_for, ..record };
        let fault = Site::at(plugins.path())
            .session(&access(), |session| {
                let beside = session.present(&admitted_for)?;
                let admitted = admit(examined, &beside).outcome?;
                let present = session.present(&present_of)?;
                session.activate(admitted, present, Some(staged), &record, 1)
            })
            .expect_err("two plugins");
        assert_eq!(fault.reason(), Reason::Internal, "{odd}: {fault:?}");
        let difference = fault.difference().expect("both");
        let mut named = [difference.expected.as_str(), difference.found.as_str()];
        named.sort_unstable();
        assert_eq!(named, ["demo", "other"], "{odd}");
        assert!(!plugins.path().join("demo").exists() && !plugins.path().join("other").exists(), "{odd}");
    }
}

#[test]
fn an_install_says_what_it_has_replaced() {
    let plugins = tempfile::tempdir().expect("a directory");
    let mut replaced: Option<InstallRecord> = None;
    for (version, previous) in [("1.0.0", Previous::None), ("1.1.0", Previous::Replaced)] {
        let (examined, staged, record) = staged(plugins.path(), version);
        let installed = activate(examined, staged, &record, 1, &access()).expect("activated");
        assert_eq!(installed.path, plugins.path().join("demo"));
        assert_eq!((installed.previous, installed.replaced), (previous, replaced), "{version}");
        assert_eq!((installed.lowered_from, installed.leftovers), (None, vec![]), "{version}");
        replaced = Some(record);
    }
}

#[test]
fn no_more_versions_are_kept_than_can_be_however_many_are_asked_for() {
    let plugins = tempfile::tempdir().expect("a directory");
    for number in 0..35 {
        install(plugins.path(), &format!("1.0.{number}"), u8::MAX);
    }
    let kept = versions(plugins.path());
    assert_eq!(kept.len(), usize::from(aisoc_installation::MAX_PREVIOUS_VERSIONS));
    assert_eq!((kept[0].as_str(), kept[31].as_str()), ("1.0.33", "1.0.2"));
}

fn roll_back(plugins: &Path, beside: &PluginId, previous: &PreviousTree, record: &InstallRecord) -> Result<bool> {
    let examined = unread(&previous.claim());
    Site::at(plugins).session(&access(), |session| {
        let present = session.present(beside)?;
        let admitted = admit(examined, &present).outcome?;
        Ok(session.restore(admitted, present, previous, record)?.is_some())
    })
}

#[test]
fn a_rollback_is_about_one_plugin_and_one_content() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    install(plugins, "1.1.0", 1);
    let previous = kept(plugins);
    let before = without_lock(plugins);
    let refused = |beside: &PluginId, record: &InstallRecord| {
        let fault = roll_back(plugins, beside, &previous, record).expect_err("not the one that was admitted");
        assert_eq!(fault.reason(), Reason::Internal, "{fault:?}");
        assert_eq!(without_lock(plugins), before);
    };
    refused(&other(), previous.record());
    refused(&id(), &InstallRecord { id: other(), ..previous.record().clone() });
    refused(&id(), &recorded(plugins));
    // All of it is about another plugin than the one whose version this is.
    let moved = InstallRecord { id: other(), ..previous.record().clone() };
    assert!(!roll_back(plugins, &other(), &previous, &moved).expect("no fault"));
    assert_eq!(without_lock(plugins), before);
    assert!(roll_back(plugins, &id(), &previous, previous.record()).expect("rolled back"));
    assert_eq!(current(plugins), "1.0.0");
}

#[test]
fn a_kept_version_that_another_process_has_moved_since_it_was_read_is_not_restored() {
    for change in ["exchanged", "edited", "a link in it", "moved and back", "another record", "no note", "gone"] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        install(plugins, "1.0.0", 1);
        install(plugins, "1.1.0", 1);
        let previous = kept(plugins);
        let slot = plugins.join(".aisoc/versions/demo/1");
        let (tree, aside) = (slot.join("tree"), slot.join("aside"));
        match change {
            "exchanged" => {
                fs::rename(&tree, &aside).expect("moved");
                let files = [("plugin.yaml", MANIFEST), ("version.py", "VERSION = '1.0.0'\n")];
                write(&tree, &files);
                fs::remove_dir_all(&aside).expect("removed");
            }
            "edited" => fs::write(tree.join("version.py"), "VERSION = '6.6.6'\n").expect("written"),
            "a link in it" => symlink("/etc/passwd", tree.join("link.py")).expect("linked"),
            "moved and back" => {
                fs::rename(&tree, &aside).expect("moved");
                fs::rename(&aside, &tree).expect("moved back");
            }
            "another record" => {
                keep(&slot, 1, &InstallRecord { reference: "elsewhere".to_owned(), ..previous.record().clone() });
            }
            "no note" => fs::remove_file(slot.join("kept.json")).expect("removed"),
            _ => fs::remove_dir_all(&slot).expect("removed"),
        }
        let before = without_lock(plugins);
        assert!(!roll_back(plugins, &id(), &previous, previous.record()).expect("no fault"), "{change}");
        assert_eq!(without_lock(plugins), before, "{change}");
    }
}

/// Whether the tree that was hashed is, under the lock, the plugin in place.
fn is_present(plugins: &Path, tree: &TreeInPlace) -> bool {
    Site::at(plugins).session(&access(), |session| Ok(session.present(&id())?.is(tree))).expect("read")
}

#[test]
fn a_tree_is_the_one_that_was_hashed_until_its_directory_or_its_record_is_another() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let tree = hashed(plugins);
    assert_eq!((tree.subject(), tree.path()), (recorded(plugins).tree_digest, plugins.join("demo").as_path()));
    assert!(is_present(plugins, &tree));
    let text = fs::read(record_file(plugins)).expect("there");
    let record = InstallRecord { reference: "elsewhere".to_owned(), ..recorded(plugins) };
    for other in [record.to_text().expect("a text"), b"damaged".to_vec()] {
        fs::write(record_file(plugins), other).expect("written");
        assert!(!is_present(plugins, &tree), "another record, or none");
    }
    fs::write(record_file(plugins), text).expect("written");
    assert!(is_present(plugins, &tree));
    // The same artifact again is another directory with the same content, and may be followed by a third.
    fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
    assert!(!is_present(plugins, &tree), "nothing stands there");
    fs::rename(plugins.join("aside"), plugins.join("demo")).expect("moved back");
    assert!(!is_present(plugins, &tree), "it was away");
    let tree = hashed(plugins);
    assert!(is_present(plugins, &tree));
    // A write into a file changes no directory.
    fs::write(plugins.join("demo/version.py"), "VERSION = '6.6.6'\n").expect("written");
    assert!(!is_present(plugins, &tree), "another content");
    let examined = unread(&tree.claim());
    let confirmed = Site::at(plugins).session(&access(), |session| {
        let present = session.present(&id())?;
        let admitted = admit(examined, &present).outcome?;
        session.confirm(admitted, present, &tree)
    });
    assert_eq!(confirmed.expect("no fault"), None);
}

#[test]
fn what_is_confirmed_is_the_admitted_tree_and_nothing_is_changed() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let tree = hashed(plugins);
    let confirm = |examined: Examined, beside: &PluginId, tree: &TreeInPlace| {
        Site::at(plugins).session(&access(), |session| {
            let present = session.present(beside)?;
            let admitted = admit(examined, &present).outcome?;
            session.confirm(admitted, present, tree)
        })
    };
    let before = without_lock(plugins);
    assert!(
        confirm(unread(&tree.claim()), &id(), &tree).expect("confirmed").is_some_and(|leftovers| leftovers.is_empty())
    );
    assert_eq!(confirm(unread(&tree.claim()), &other(), &tree).expect_err("another").reason(), Reason::Internal);
    assert_eq!(without_lock(plugins), before);
    let (examined, staged, _) = staged(plugins, "1.1.0");
    assert_eq!(confirm(examined, &id(), &tree).expect_err("another tree").reason(), Reason::Internal);
    drop(staged);
    fs::write(plugins.join("demo/version.py"), "VERSION = 'edited'\n").expect("written");
    let edited = hashed(plugins);
    let fault = confirm(unread(&edited.claim()), &id(), &edited).expect_err("not as its record says");
    assert_eq!(fault.reason(), Reason::Internal);
}

#[test]
fn nothing_is_read_or_written_where_no_install_has_put_a_directory() {
    let top = tempfile::tempdir().expect("a directory");
    let (plugins, elsewhere) = (top.path().join("plugins"), top.path().join("elsewhere"));
    write(&elsewhere, &[("plugin.yaml", MANIFEST)]);
    fs::create_dir(&plugins).expect("made");
    symlink(&elsewhere, plugins.join("linked")).expect("linked");
    symlink("nowhere", plugins.join("dangling")).expect("linked");
    fs::write(plugins.join("file"), MANIFEST).expect("written");
    let before = snapshot(&elsewhere);
    let site = Site::at(&plugins);
    let present = |id: &PluginId| site.session(&access(), |session| session.present(id).map(drop));
    for name in ["linked", "dangling", "file"] {
        let id: PluginId = name.parse().expect(name);
        for fault in [present(&id), site.require_possible(&id)].map(|outcome| outcome.expect_err(name)) {
            assert_eq!(fault.reason(), Reason::AlreadyExists, "{name}");
            assert!(fault.message().contains(&format!("{name}`")), "{fault:?}");
        }
        assert!(!site.can_be_uninstalled(&id).expect("looked at"), "{name}");
        let fault = uninstall(&plugins, &id, &access()).expect_err(name);
        assert_eq!(fault.reason(), Reason::PluginNotFound, "{name}: {fault:?}");
    }
    for name in ["con", "aux.x", "lpt1", "demo."] {
        let id: PluginId = name.parse().expect(name);
        for fault in [present(&id), site.require_possible(&id)].map(|outcome| outcome.expect_err(name)) {
            assert_eq!(fault.reason(), Reason::InvalidPluginId, "{name}");
            assert!(fault.next_step().contains("publisher"), "{fault:?}");
        }
    }
    present(&"absent".parse().expect("an id")).expect("it can come");
    assert_eq!(snapshot(&elsewhere), before);
}

#[test]
fn a_link_is_not_uninstalled_although_a_change_of_it_was_begun() {
    let top = tempfile::tempdir().expect("a directory");
    let (plugins, elsewhere) = (top.path().join("plugins"), top.path().join("elsewhere"));
    write(&elsewhere, &[("plugin.yaml", MANIFEST)]);
    fs::create_dir_all(plugins.join(".aisoc/pending/demo.json")).expect("a note that cannot be read");
    symlink(&elsewhere, plugins.join("demo")).expect("linked");
    let fault = uninstall(&plugins, &id(), &access()).expect_err("a link");
    assert_eq!(fault.reason(), Reason::AlreadyExists, "{fault:?}");
    assert!(plugins.join("demo").is_symlink() && elsewhere.join("plugin.yaml").exists());
}

#[test]
fn what_a_host_takes_for_a_plugin_can_be_uninstalled_and_other_directories_cannot() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    let files = ["plugin.yaml", "aisoc-plugin.json"];
    for (name, file) in [("yaml", files[0]), ("json", files[1]), ("mine", "notes.txt")] {
        write(&plugins.join(name), &[(file, "{}")]);
        let id: PluginId = name.parse().expect(name);
        let is_plugin = name != "mine";
        assert_eq!(Site::at(plugins).can_be_uninstalled(&id).expect("looked at"), is_plugin, "{name}");
        assert_eq!(uninstall(plugins, &id, &access()).is_ok(), is_plugin, "{name}");
        assert_eq!(plugins.join(name).exists(), !is_plugin, "{name}");
    }
    // Its manifest is gone, and what was written down of it is not.
    install(plugins, "1.0.0", 1);
    fs::remove_file(plugins.join("demo/plugin.yaml")).expect("removed");
    uninstall(plugins, &id(), &access()).expect("removed");
    assert!(!plugins.join("demo").exists() && !record_file(plugins).exists());
}

#[test]
fn a_second_spelling_that_came_after_the_listing_is_seen_under_the_lock() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    let (examined, staged, record) = staged(plugins, "1.0.0");
    let observed = Site::at(plugins).observe().expect("listed");
    write(&plugins.join("Demo"), &[("plugin.yaml", MANIFEST)]);
    let facts = observed.facts(&id(), &access()).expect("facts");
    assert!(facts.other_spelling.is_none());
    let fault = activate(examined, staged, &record, 1, &access()).expect_err("a second spelling");
    assert_eq!(fault.reason(), Reason::AlreadyExists, "{fault:?}");
    assert!(!plugins.join("demo").exists());
}

#[test]
fn a_session_holds_the_lock_until_it_ends_however_it_ends() {
    let plugins = tempfile::tempdir().expect("a directory");
    let site = Site::at(plugins.path());
    let at_once = Access { lock_timeout: Duration::ZERO, ..access() };
    let is_locked = || {
        site.session(&at_once, |session| {
            session.end();
            Ok(())
        })
    };
    for way in ["ended", "dropped", "failed"] {
        let outcome = site.session(&access(), |session: Session<'_>| {
            let fault = is_locked().expect_err("held");
            assert_eq!(fault.reason(), Reason::Locked, "{way}");
            assert!(fault.message().contains(&format!("process {}, aisoc", std::process::id())), "{fault:?}");
            match way {
                "ended" => {
                    session.end();
                    Ok(())
                }
                "dropped" => Ok(()),
                _ => Err(fault),
            }
        });
        assert_eq!(outcome.is_ok(), way != "failed");
        site.session(&access(), |session| {
            session.end();
            Ok(())
        })
        .expect("free again");
    }
    tidy(plugins.path());
}

#[test]
fn a_change_that_cannot_be_finished_keeps_no_other_plugin_waiting() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let note = plugins.join(".aisoc/pending/other.json");
    fs::create_dir(&note).expect("a note that cannot be read");
    install(plugins, "1.1.0", 1);
    assert_eq!((current(plugins).as_str(), versions(plugins)), ("1.1.0", vec!["1.0.0".to_owned()]));
    let (examined, staged, record) = staged(plugins, "2.0.0");
    let record = InstallRecord { id: other(), ..record };
    let fault = activate(examined, staged, &record, 1, &access()).expect_err("its own change is unfinished");
    assert_eq!(fault.reason(), Reason::IoError, "{fault:?}");
    assert!(note.is_dir() && !plugins.join("other").exists());
    assert_eq!(read_record(plugins, &id()).expect("readable").expect("there").version, "1.1.0");
}

/// A file system may refuse to lock a directory once and allow it later.
#[test]
fn what_is_staged_is_not_swept_by_the_session_that_activates_it() {
    let plugins = tempfile::tempdir().expect("a directory");
    common::abandon_staging(plugins.path());
    let unlocked = plugins.path().join(".aisoc-staging-killed");
    let site = Site::at(plugins.path());
    site.session_beside(Some(&unlocked), &access(), |session| Ok(session.end())).expect("begun");
    assert!(unlocked.is_dir(), "it is ours");
    site.session(&access(), |session| Ok(session.end())).expect("begun");
    assert!(!unlocked.exists(), "nobody's any more");
}
