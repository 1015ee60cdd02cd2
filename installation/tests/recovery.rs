//! Every state that a kill can leave is read rightly, and healed by the next change.
//!
//! The states are made by hand: `unfinished` writes down a change as a killed process has, and the test
//! puts trees and records where that process had got to.

mod common;

use std::fs;

use aisoc_installation::InstallRecord;
use aisoc_manifests::fault::Reason;
use aisoc_signing::Coverage;
use common::versions::{
    access, current, id, incoming, install, keep, reads_without_writing, record_file, recorded, roll_back, tidy,
    unfinished, versions,
};
use common::{collect_garbage, coverage_floor, finish_interrupted, kept_versions, read_record, uninstall};

#[test]
fn an_upgrade_killed_anywhere_raises_the_floor_when_it_was_made_and_not_when_it_was_not() {
    for reached in ["noted", "exchanged", "recorded"] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        install(plugins, "1.0.0", 1);
        let before = InstallRecord { coverage: Some("code".to_owned()), ..recorded(plugins) };
        fs::write(record_file(plugins), before.to_text().expect("a text")).expect("written");
        let staging = plugins.join(".aisoc-staging-dead/tree");
        let after = InstallRecord { coverage: Some("full".to_owned()), ..incoming("1.1.0", &staging) };
        let slot = plugins.join(".aisoc/versions/demo/1");
        unfinished(plugins, Some(&before), Some(&after), 1, &staging, Some(1));
        let is_made = reached != "noted";
        if is_made {
            fs::create_dir_all(&slot).expect("made");
            fs::rename(plugins.join("demo"), slot.join("tree")).expect("moved");
            fs::rename(&staging, plugins.join("demo")).expect("moved");
        }
        if reached == "recorded" {
            fs::write(record_file(plugins), after.to_text().expect("a text")).expect("written");
        }
        let (floor, place) = (|| coverage_floor(plugins, &id()).expect("readable"), plugins.join(".aisoc/floors/demo"));
        let expected = if is_made { Coverage::Full } else { Coverage::Code };
        assert_eq!((floor(), place.exists()), (expected, false), "{reached}: the record stands in");
        finish_interrupted(plugins, &access()).expect("finished");
        assert_eq!((floor(), place.exists()), (expected, is_made), "{reached}");
    }
}

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
            let before = recorded(plugins);
            let staging = plugins.join(".aisoc-staging-killed/tree");
            let after = incoming("1.1.0", &staging);
            common::abandon_staging(plugins);
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
                fs::write(record_file(plugins), after.to_text().expect("a text")).expect("written");
            }
            if reached == "kept" {
                keep(&slot, 2, &before);
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
            fs::write(record_file(plugins), after.to_text().expect("a text")).expect("written");
        }
        let read = read_record(plugins, &id()).expect("readable");
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
        let kept = kept_versions(plugins, &id()).expect("listed").remove(0);
        let (before, after) = (recorded(plugins), kept.record);
        unfinished(plugins, Some(&before), Some(&after), 1, &slot.join("tree"), None);
        if reached != "noted" {
            fs::rename(plugins.join("demo"), plugins.join("aside")).expect("moved");
            fs::rename(slot.join("tree"), plugins.join("demo")).expect("moved");
            fs::rename(plugins.join("aside"), slot.join("tree")).expect("moved");
        }
        if ["recorded", "kept"].contains(&reached) {
            fs::write(record_file(plugins), after.to_text().expect("a text")).expect("written");
        }
        if reached == "kept" {
            keep(&slot, 2, &before);
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
        let before = recorded(plugins);
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
        assert_eq!(read_record(plugins, &id()).expect("readable").is_some(), there, "{reached}");
        uninstall(plugins, &id(), &access()).expect("the same command again finishes it");
        assert!(!plugins.join("demo").exists() && !record_file(plugins).exists(), "{reached}");
        assert!(!plugins.join(".aisoc/versions/demo").exists(), "{reached}");
        tidy(plugins);
    }
}

#[test]
fn an_uninstall_is_not_said_to_be_done_when_an_install_was_undone() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    let tree = plugins.join(".aisoc/versions/demo/1/tree");
    let after = incoming("1.0.0", &tree);
    unfinished(plugins, None, Some(&after), 1, &tree, Some(1));
    let fault = uninstall(plugins, &id(), &access()).expect_err("it never was installed");
    assert_eq!(fault.reason(), Reason::PluginNotFound);
    tidy(plugins);
}

#[test]
fn an_uninstall_of_nothing_finishes_what_others_left() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    install(plugins, "1.1.0", 1);
    let before = recorded(plugins);
    unfinished(plugins, Some(&before), None, 2, &plugins.join("demo"), None);
    fs::create_dir(plugins.join(".aisoc/versions/demo/2")).expect("made");
    fs::rename(plugins.join("demo"), plugins.join(".aisoc/versions/demo/2/tree")).expect("moved");
    common::write(plugins, &[(".aisoc-staging-killed/removed-1/tree/a", "1")]);
    common::abandon_staging(plugins);
    let other = "other".parse().expect("an id");
    let fault = uninstall(plugins, &other, &access()).expect_err("there is none");
    assert_eq!(fault.reason(), Reason::PluginNotFound);
    tidy(plugins);
    assert!(!plugins.join(".aisoc/versions/demo").exists() && !record_file(plugins).exists());
}

#[test]
fn a_tree_written_into_after_a_kill_is_known_by_its_directory() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let before = recorded(plugins);
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
    let read = read_record(plugins, &id()).expect("readable").expect("there");
    assert_eq!(read.version, "1.1.0");
    finish_interrupted(plugins, &access()).expect("finished");
    assert_eq!(recorded(plugins).version, "1.1.0");
    assert_eq!(versions(plugins), ["1.0.0"]);
}

#[test]
fn a_note_that_cannot_be_read_is_no_record_and_is_removed() {
    for content in ["", "{}", "not JSON", "{\"schema_version\":1,\"id\":\"../x\"}"] {
        let plugins = tempfile::tempdir().expect("a directory");
        install(plugins.path(), "1.0.0", 1);
        fs::write(plugins.path().join(".aisoc/pending/demo.json"), content).expect("written");
        let fault = read_record(plugins.path(), &id()).expect_err(content);
        assert_eq!(fault.reason(), Reason::RecordInvalid);
        finish_interrupted(plugins.path(), &access()).expect("finished");
        assert_eq!(current(plugins.path()), "1.0.0");
        tidy(plugins.path());
    }
}
