//! The coverage floor: what was once verified of a plugin here, held, raised, lowered and outliving it.

mod common;

use std::fs;
use std::path::Path;

use aisoc_installation::{Access, CoverageFloor, InstallRecord, Installed, Site};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Coverage;
use aisoc_trust::admit;
use aisoc_trust::journal::Action;
use common::signed::Publisher;
use common::versions::{access, current, id, install, record_file, recorded, roll_back, sealed};
use common::{activate, collect_garbage, coverage_floor, uninstall};
use serde::Serialize;
use serde_json::Value;

const WHY: &str = "the publisher has lost the key";

/// A floor, in the order of its file.
#[derive(Serialize)]
struct Floor<'a> {
    schema_version: u32,
    id: &'a str,
    coverage: &'a str,
    since: &'a str,
}

fn write_floor(plugins: &Path, id: &str, coverage: &str) {
    let floor = Floor { schema_version: 1, id, coverage, since: "2026-01-01T00:00:00Z" };
    fs::create_dir_all(plugins.join(".aisoc/floors")).expect("made");
    fs::write(floor_file(plugins, id), sealed(&floor)).expect("written");
}

fn floor_file(plugins: &Path, id: &str) -> std::path::PathBuf {
    plugins.join(".aisoc/floors").join(id)
}

/// What the file says; nothing when there is none.
fn written(plugins: &Path, id: &str) -> Option<String> {
    let text = fs::read_to_string(floor_file(plugins, id)).ok()?;
    let floor: Value = serde_json::from_str(&text).expect("JSON");
    Some(floor["coverage"].as_str().expect("a word").to_owned())
}

/// The lines of the site's journal about lowerings: id and reason, which says from what and to what.
fn lines(plugins: &Path) -> Vec<[String; 2]> {
    let Some(place) = Site::at(plugins).journal().expect("looked at") else { return Vec::new() };
    let mut lines = Vec::new();
    let reading = place.read(|seen| {
        // That nobody has looked who signed it has lines of its own.
        if let Ok(entry) = seen.entry()
            && entry.action != Action::Install
        {
            assert_eq!(entry.action, Action::FloorLower);
            lines.push([entry.id, entry.reason].map(Option::unwrap_or_default));
        }
        Ok(())
    });
    assert!(reading.expect("read").broken.is_none());
    lines
}

fn line(id: &str, from: &str, to: &str) -> [String; 2] {
    [id.to_owned(), format!("from {from} to {to}: {WHY}")]
}

fn lowering() -> Access {
    Access { coverage_floor: CoverageFloor::Lowered(WHY.parse().expect("a reason")), ..access() }
}

#[track_caller]
fn refused(outcome: Result<Installed>) -> Reason {
    outcome.expect_err("below the floor").reason()
}

#[test]
fn a_floor_rises_to_what_is_verified_and_never_falls_by_itself() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let put = |version: &str, coverage| publisher.install(plugins, version, coverage, &access());
    put("1.0.0", Coverage::None).expect("no floor yet");
    assert_eq!(written(plugins, "demo"), None, "nothing was verified");
    put("1.1.0", Coverage::Code).expect("more");
    assert_eq!(written(plugins, "demo").as_deref(), Some("code"));
    assert_eq!(refused(put("1.2.0", Coverage::None)), Reason::CoverageDowngrade);
    put("1.3.0", Coverage::Code).expect("as much");
    put("1.4.0", Coverage::Full).expect("more");
    let text = fs::read_to_string(floor_file(plugins, "demo")).expect("there");
    assert!(text.contains("\"full\"") && text.contains(&recorded(plugins).digest.to_string()), "{text}");
    for coverage in [Coverage::None, Coverage::Code] {
        assert_eq!(refused(put("1.5.0", coverage)), Reason::CoverageDowngrade);
    }
    assert_eq!(current(plugins), "1.4.0");
    assert_eq!((fs::read_to_string(floor_file(plugins, "demo")).expect("there"), lines(plugins)), (text, vec![]));
}

#[test]
fn a_floor_that_was_raised_after_the_listing_is_held_under_the_lock() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let (examined, staged, record) = publisher.staged(plugins, "1.0.0", Coverage::None);
    let facts = Site::at(plugins).observe().expect("listed").facts(&id(), &access()).expect("facts");
    assert_eq!(facts.coverage_floor.expect("read"), Coverage::None);
    write_floor(plugins, "demo", "code");
    assert_eq!(refused(activate(examined, staged, &record, 1, &access())), Reason::CoverageDowngrade);
    assert!(!plugins.join("demo").exists());
}

#[test]
fn a_floor_is_lowered_with_a_reason_and_a_line_for_each_spelling_that_says_more() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    publisher.install(plugins, "1.0.0", Coverage::Full, &access()).expect("installed");
    for (spelling, coverage) in [("Demo", "full"), ("DEMO", "code"), ("dEMO", "none"), ("demo2", "full")] {
        write_floor(plugins, spelling, coverage);
    }
    // Of a spelling of which nothing but the record is left.
    let left = InstallRecord { id: "demO".parse().expect("an id"), ..recorded(plugins) };
    fs::write(plugins.join(".aisoc/records/demO.json"), left.to_text().expect("a text")).expect("written");
    let installed = publisher.install(plugins, "1.1.0", Coverage::Code, &lowering()).expect("with a reason");
    assert_eq!(installed.lowered_from, Some("full"));
    for (spelling, expected) in
        [("demo", "code"), ("Demo", "code"), ("DEMO", "code"), ("demO", "code"), ("dEMO", "none"), ("demo2", "full")]
    {
        assert_eq!(written(plugins, spelling).as_deref(), Some(expected), "{spelling}");
    }
    assert!(!plugins.join(".aisoc/records/demO.json").exists(), "its floor says what it said");
    assert_eq!(lines(plugins), ["demo", "Demo", "demO"].map(|id| line(id, "full", "code")));
    assert_eq!(coverage_floor(plugins, &id()).expect("read"), Coverage::Code);
    publisher.install(plugins, "1.2.0", Coverage::Code, &access()).expect("what it is lowered to");
}

#[test]
fn nothing_is_lowered_by_what_is_signed_as_widely_or_by_what_nobody_has_read() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    for (version, coverage) in [("1.0.0", Coverage::Code), ("1.1.0", Coverage::Code), ("1.2.0", Coverage::Full)] {
        let installed = publisher.install(plugins, version, coverage, &lowering()).expect("installed");
        assert_eq!(installed.lowered_from, None, "{version}");
    }
    let (_, staged, record) = publisher.staged(plugins, "2.0.0", Coverage::None);
    let record = InstallRecord { coverage: None, ..record };
    let unread = common::admission(&staged);
    let installed = activate(unread, staged, &record, 1, &lowering()).expect("in mode `disabled`");
    assert_eq!((installed.lowered_from, written(plugins, "demo").as_deref()), (None, Some("full")));
    assert!(lines(plugins).is_empty());
    let refusal = refused(publisher.install(plugins, "2.1.0", Coverage::Code, &access()));
    assert_eq!(refusal, Reason::CoverageDowngrade);
}

#[test]
fn a_floor_that_cannot_be_understood_refuses_and_is_lowered_from_what_nobody_knows() {
    let damaged: [fn(&Path); 4] = [
        |plugins| fs::write(floor_file(plugins, "demo"), "damaged").expect("written"),
        |plugins| write_floor(plugins, "demo", "partial"),
        |plugins| {
            write_floor(plugins, "other", "none");
            fs::rename(floor_file(plugins, "other"), floor_file(plugins, "demo")).expect("moved");
        },
        |plugins| {
            fs::remove_file(floor_file(plugins, "demo")).expect("removed");
            std::os::unix::fs::symlink("nowhere", floor_file(plugins, "demo")).expect("linked");
        },
    ];
    let publisher = Publisher::new();
    for damage in damaged {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        publisher.install(plugins, "1.0.0", Coverage::Code, &access()).expect("installed");
        damage(plugins);
        let install = |access: &Access| publisher.install(plugins, "1.1.0", Coverage::Full, access);
        assert_eq!(refused(install(&access())), Reason::RecordInvalid);
        assert_eq!(current(plugins), "1.0.0");
        assert_eq!(install(&lowering()).expect("with a reason").lowered_from, Some("unknown"));
        assert_eq!(lines(plugins), [line("demo", "unknown", "full")]);
        assert_eq!(written(plugins, "demo").as_deref(), Some("full"));
    }
}

#[test]
fn a_change_that_is_called_off_puts_the_lowered_floors_back() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    publisher.install(plugins, "1.0.0", Coverage::Full, &access()).expect("installed");
    write_floor(plugins, "Demo", "code");
    let floor = fs::read(floor_file(plugins, "demo")).expect("there");
    let (examined, staged, record) = publisher.staged(plugins, "1.1.0", Coverage::None);
    let access = lowering();
    let outcome = Site::at(plugins).session(&access, |session| {
        let present = session.present(&id())?;
        let admitted = admit(examined, &present).outcome?;
        access.cancellation.cancel();
        session.activate(admitted, present, Some(staged), &record, 1)
    });
    assert_eq!(refused(outcome), Reason::Interrupted);
    assert_eq!(fs::read(floor_file(plugins, "demo")).expect("there"), floor);
    assert_eq!(written(plugins, "Demo").as_deref(), Some("code"));
    assert_eq!((current(plugins).as_str(), lines(plugins).len()), ("1.0.0", 2));
}

#[test]
fn a_line_follows_one_that_a_power_cut_has_taken_the_end_of() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let file = plugins.join(".aisoc/plugins.journal");
    let mut expected = Vec::new();
    for (version, before) in [("1", None), ("2", Some("half a line")), ("3", None)] {
        publisher.install(plugins, version, Coverage::Code, &access()).expect("installed");
        if let Some(before) = before {
            fs::write(&file, fs::read_to_string(&file).expect("there") + before).expect("cut");
        }
        let unsigned = format!("{version}.1");
        publisher.install(plugins, &unsigned, Coverage::None, &lowering()).expect("lowered");
        expected.push(line("demo", "code", "none"));
        assert_eq!(lines(plugins), expected, "{version}");
        assert!(fs::read_to_string(&file).expect("there").ends_with(&format!("{WHY}\n")));
    }
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("set");
    publisher.install(plugins, "4", Coverage::Code, &access()).expect("installed");
    let outcome = publisher.install(plugins, "4.1", Coverage::None, &lowering());
    assert_eq!(refused(outcome), Reason::DirectoryInsecure, "anybody could have written it");
    assert_eq!(written(plugins, "demo").as_deref(), Some("code"));
}

/// A line as an earlier version wrote it.
fn old_line(id: &str, from: &str) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    format!(
        r#"{{"schema_version":1,"id":"{id}","from":"{from}","to":"code","reason":"{WHY}","digest":"{digest}","at":"2026-01-01T00:00:00Z","by":"uid 7"}}"#
    ) + "\n"
}

#[test]
fn what_an_earlier_version_wrote_is_taken_over_once_and_stays() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let lower = |version: &str| {
        publisher.install(plugins, version, Coverage::Code, &access()).expect("installed");
        publisher.install(plugins, &format!("{version}.1"), Coverage::None, &lowering()).expect("lowered");
    };
    let old = |id: &str| [id.to_owned(), format!("from full to code: {WHY} (by uid 7)")];
    lower("1");
    let own = plugins.join(".aisoc");
    // The same twice is two lowerings; half a line is what a power cut left.
    let text = old_line("one", "full") + &old_line("one", "full") + "{\"schema";
    fs::write(own.join("lowered"), &text).expect("written");
    lower("2");
    let lowered = || line("demo", "code", "none");
    let half = [String::new(), "a line of `lowered` that cannot be read: {\"schema".to_owned()];
    let mut expected = vec![lowered(), old("one"), old("one"), half, lowered()];
    assert_eq!(lines(plugins), expected);
    assert_eq!(fs::read_to_string(own.join("lowered.1")).expect("put aside"), text);
    assert!(!own.join("lowered").exists());
    // An earlier version again; and the process that took it over was killed before it had put the file aside.
    fs::write(own.join("lowered"), old_line("two", "full")).expect("written");
    lower("3");
    expected.extend([old("two"), lowered()]);
    fs::rename(own.join("lowered.2"), own.join("lowered")).expect("as after a kill");
    let more = fs::read_to_string(own.join("lowered")).expect("there") + &old_line("three", "full");
    fs::write(own.join("lowered"), more).expect("written");
    lower("4");
    expected.extend([old("three"), lowered()]);
    assert_eq!(lines(plugins), expected, "and nothing twice");
    assert!(own.join("lowered.1").exists() && own.join("lowered.2").exists());
}

#[test]
fn what_others_could_have_written_is_not_taken_over_and_lowers_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    publisher.install(plugins, "1", Coverage::Code, &access()).expect("installed");
    let file = plugins.join(".aisoc/lowered");
    fs::write(&file, old_line("one", "full")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("set");
    let outcome = publisher.install(plugins, "2", Coverage::None, &lowering());
    assert_eq!(refused(outcome), Reason::DirectoryInsecure);
    assert_eq!((written(plugins, "demo").as_deref(), lines(plugins)), (Some("code"), vec![]));
}

#[test]
fn a_journal_that_is_broken_lowers_nothing() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    publisher.install(plugins, "1", Coverage::Code, &access()).expect("installed");
    publisher.install(plugins, "1.1", Coverage::None, &lowering()).expect("lowered");
    publisher.install(plugins, "2", Coverage::Code, &access()).expect("installed");
    let journal = plugins.join(".aisoc/plugins.journal");
    let text = fs::read_to_string(&journal).expect("read");
    fs::write(&journal, text.replace("demo", "Demo")).expect("changed");
    let outcome = publisher.install(plugins, "2.1", Coverage::None, &lowering());
    assert_eq!(refused(outcome), Reason::JournalBroken);
    assert_eq!((written(plugins, "demo").as_deref(), current(plugins).as_str()), (Some("code"), "2"));
    publisher.install(plugins, "2.2", Coverage::Code, &access()).expect("what lowers nothing goes on");
}

#[test]
fn the_floor_outlives_the_plugin_its_record_and_its_collection() {
    let publisher = Publisher::new();
    let ways: [fn(&Path); 3] = [
        |plugins| drop(uninstall(plugins, &id(), &access()).expect("removed")),
        |plugins| {
            fs::remove_dir_all(plugins.join("demo")).expect("removed by hand");
            collect_garbage(plugins, 0, &access()).expect("collected");
        },
        // Nothing says what it was signed for: it may have been all.
        |plugins| {
            fs::write(record_file(plugins), "damaged").expect("written");
            fs::write(plugins.join("demo/plugin.yaml"), "integrity: x").expect("written");
            uninstall(plugins, &id(), &access()).expect("removed");
        },
    ];
    for (way, expected) in ways.into_iter().zip(["code", "code", "full"]) {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        publisher.install(plugins, "1.0.0", Coverage::Code, &access()).expect("installed");
        // As on a site that is older than floors.
        fs::remove_file(floor_file(plugins, "demo")).expect("removed");
        way(plugins);
        assert!(!plugins.join("demo").exists() && !record_file(plugins).exists());
        assert_eq!(written(plugins, "demo").as_deref(), Some(expected));
        let back = publisher.install(plugins, "1.1.0", Coverage::None, &access());
        assert_eq!(refused(back), Reason::CoverageDowngrade, "{expected}");
    }
}

#[test]
fn a_removal_leaves_a_floor_that_cannot_be_read_and_makes_none_where_nothing_was_signed() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    uninstall(plugins, &id(), &access()).expect("removed");
    assert_eq!(written(plugins, "demo"), None);
    install(plugins, "1.0.0", 1);
    fs::write(floor_file(plugins, "demo"), "damaged").expect("written");
    uninstall(plugins, &id(), &access()).expect("removed");
    assert_eq!(fs::read_to_string(floor_file(plugins, "demo")).expect("there"), "damaged");
}

#[test]
fn a_plugin_that_was_placed_by_hand_leaves_the_floor_of_the_id_that_it_states() {
    let publisher = Publisher::new();
    for (coverage, expected) in [(Coverage::None, None), (Coverage::Code, Some("code")), (Coverage::Full, Some("full"))]
    {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        let source = publisher.source("1.0.0", coverage);
        fs::create_dir(plugins.join("placed")).expect("made");
        for entry in fs::read_dir(source.path()).expect("listed") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), plugins.join("placed").join(entry.file_name())).expect("copied");
        }
        let place: PluginId = "placed".parse().expect("an id");
        uninstall(plugins, &place, &access()).expect("removed");
        assert_eq!(written(plugins, "demo").as_deref(), expected);
        assert_eq!(written(plugins, "placed"), None);
    }
}

#[test]
fn a_rollback_is_held_to_the_floor_of_what_it_would_replace() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    publisher.install(plugins, "1.0.0", Coverage::Code, &access()).expect("installed");
    publisher.install(plugins, "1.1.0", Coverage::Full, &access()).expect("installed");
    let previous = Site::at(plugins).previous_tree(&id(), None, &aisoc_packaging::Limits::default()).expect("kept");
    let restore = |access: &Access| {
        let examined = publisher.examined(&previous.claim());
        Site::at(plugins).session(access, |session| {
            let present = session.present(&id())?;
            let admitted = admit(examined, &present).outcome?;
            session.restore(admitted, present, &previous, previous.record())
        })
    };
    assert_eq!(restore(&access()).expect_err("less is signed").reason(), Reason::CoverageDowngrade);
    assert_eq!(current(plugins), "1.1.0");
    let restored = restore(&lowering()).expect("with a reason").expect("there");
    assert_eq!((restored.lowered_from, current(plugins).as_str()), (Some("full"), "1.0.0"));
    assert_eq!(written(plugins, "demo").as_deref(), Some("code"));
    roll_back(plugins, None).expect("to what is signed wider, which nobody has read");
    assert_eq!((current(plugins).as_str(), written(plugins, "demo").as_deref()), ("1.1.0", Some("full")));
}

#[test]
fn the_floor_is_the_widest_that_is_written_down_of_any_spelling_or_in_the_record() {
    for (floors, expected) in [
        (&[("Demo", "full"), ("demo", "none")][..], Coverage::Full),
        (&[("DEMO", "none"), ("demo", "code")], Coverage::Code),
        (&[("DEMO", "none"), ("Demo", "full"), ("demo", "code")], Coverage::Full),
        (&[("demo2", "full"), ("em", "full")], Coverage::None),
    ] {
        let plugins = tempfile::tempdir().expect("a directory");
        floors.iter().for_each(|(id, coverage)| write_floor(plugins.path(), id, coverage));
        assert_eq!(coverage_floor(plugins.path(), &id()).expect("read"), expected, "{floors:?}");
    }
    let plugins = tempfile::tempdir().expect("a directory");
    Publisher::new().install(plugins.path(), "1.0.0", Coverage::Code, &access()).expect("installed");
    for (floor, expected) in [("none", Coverage::Code), ("code", Coverage::Code), ("full", Coverage::Full)] {
        write_floor(plugins.path(), "demo", floor);
        assert_eq!(coverage_floor(plugins.path(), &id()).expect("read"), expected, "{floor}");
    }
}
