//! What is seen without a lock: which directories are plugins, whose they are, and what decides about more.

mod common;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use aisoc_installation::{Access, CoverageFloor, InstallRecord, Observed, Site};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Coverage;
use common::signed::Publisher;
use common::versions::{access, id, incoming, install, record_file, recorded, unfinished};
use common::{MANIFEST, write};

fn observe(plugins: &Path) -> Observed {
    Site::at(plugins).observe().expect("listed")
}

fn manifest(id: &str) -> String {
    MANIFEST.replace("demo", id)
}

/// Puts a plugin there by hand.
fn place(plugins: &Path, directory: &str, id: &str) {
    write(&plugins.join(directory), &[("plugin.yaml", &manifest(id))]);
}

/// The refusal for another spelling, as it is observed.
fn second(plugins: &Path, id: &str) -> Option<Fault> {
    let id: PluginId = id.parse().expect(id);
    observe(plugins).facts(&id, &Access::default()).expect("facts").other_spelling
}

#[test]
fn what_stands_there_and_what_should_by_its_record_is_listed_once_and_in_order() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    place(plugins, "a", "a");
    place(plugins, ".hidden", "hidden");
    fs::write(plugins.join("z.txt"), "").expect("written");
    let text = fs::read(record_file(plugins)).expect("there");
    for name in ["gone.json", "not an id!.json", "note.txt", ".json"] {
        fs::write(plugins.join(".aisoc/records").join(name), &text).expect("written");
    }
    assert_eq!(observe(plugins).directories(), ["a", "demo", "gone", "z.txt"].map(OsString::from));
    assert!(observe(&plugins.join("absent")).directories().is_empty());
    assert_eq!(Site::at(plugins.join("z.txt")).observe().expect_err("a file").reason(), Reason::IoError);
}

#[test]
fn a_directory_is_the_plugin_that_its_record_or_else_its_manifest_names() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    // Its own tree is not asked what it is, nor whether the record can be read.
    fs::write(plugins.join("demo/plugin.yaml"), manifest("other")).expect("written");
    fs::write(plugins.join(".aisoc/records/gone.json"), "damaged").expect("written");
    place(plugins, "placed", "stated");
    place(plugins, "odd name", "odd");
    write(&plugins.join("silent"), &[("plugin.yaml", "name: x\n")]);
    write(&plugins.join("code"), &[("plugin.py", "")]);
    write(&plugins.join("folder"), &[("plugin.yaml/x", "")]);
    symlink("nowhere", plugins.join("dangling")).expect("linked");
    let observed = observe(plugins);
    for (directory, expected) in [
        ("demo", Some(Some("demo"))),
        ("gone", Some(Some("gone"))),
        ("placed", Some(Some("stated"))),
        ("odd name", Some(Some("odd"))),
        ("silent", Some(None)),
        ("code", None),
        ("folder", None),
        ("dangling", None),
        ("absent", None),
    ] {
        let placed = observed.placed(OsStr::new(directory));
        let found = placed.as_ref().map(|placed| placed.id.as_ref().map(PluginId::as_str));
        assert_eq!(found, expected, "{directory}");
        if let Some(placed) = placed {
            assert_eq!((placed.directory.as_os_str(), placed.path), (directory.as_ref(), plugins.join(directory)));
        }
    }
}

#[test]
fn while_a_change_is_pending_the_tree_says_whose_the_directory_is() {
    for (before_it_moved, expected) in [(true, None), (false, Some("demo"))] {
        let plugins = tempfile::tempdir().expect("a directory");
        let plugins = plugins.path();
        let slot = plugins.join(".aisoc/versions/demo/1/tree");
        let after = incoming("1.0.0", &slot);
        unfinished(plugins, None, Some(&after), 1, &slot, Some(1));
        if !before_it_moved {
            fs::rename(&slot, plugins.join("demo")).expect("moved");
            fs::write(plugins.join("demo/plugin.yaml"), manifest("other")).expect("written into since");
        }
        let observed = observe(plugins);
        let placed = observed.placed(OsStr::new("demo")).and_then(|placed| placed.id);
        assert_eq!(placed.as_ref().map(PluginId::as_str), expected);
        let found = observed.of_artifact(after.digest);
        assert_eq!(found.len(), usize::from(!before_it_moved), "the note stands in for the record");
    }
    // An uninstall that has moved the tree, and not yet removed its record.
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    unfinished(plugins, Some(&recorded(plugins)), None, 1, &plugins.join("demo"), None);
    assert!(observe(plugins).placed(OsStr::new("demo")).is_some());
    fs::rename(plugins.join("demo"), plugins.join(".away")).expect("moved");
    assert!(observe(plugins).placed(OsStr::new("demo")).is_none());
}

#[test]
fn an_artifact_is_found_by_what_the_records_of_plugins_in_place_say() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let digest = recorded(plugins).digest;
    let found = |digest| -> Vec<OsString> {
        observe(plugins).of_artifact(digest).into_iter().map(|plugin| plugin.directory).collect()
    };
    // A copy of the record under another name is about no plugin, and one of a plugin that is gone is no plugin.
    place(plugins, "copy", "copy");
    fs::copy(record_file(plugins), plugins.join(".aisoc/records/copy.json")).expect("copied");
    let gone = InstallRecord { id: "gone".parse().expect("an id"), ..recorded(plugins) };
    fs::write(plugins.join(".aisoc/records/gone.json"), gone.to_text().expect("a text")).expect("written");
    assert_eq!(found(digest), ["demo"]);
    assert!(found(ArtifactDigest::of(b"another")).is_empty());
    fs::write(record_file(plugins), "damaged").expect("written");
    assert!(found(digest).is_empty());
}

#[test]
fn every_other_spelling_and_every_other_directory_of_an_id_is_named_with_the_way_to_remove_it() {
    for (directory, stated, wanted, message, hint) in [
        ("Demo", "Demo", "demo", "the plugin `Demo` is installed", "`aisoc plugin uninstall Demo`"),
        ("de_mo", "de_mo", "de-mo", "the plugin `de_mo` is installed", "`aisoc plugin uninstall de_mo`"),
        ("de.mo", "other", "de-mo", "the plugin `other` stands in the directory", "`aisoc plugin uninstall de.mo`"),
        ("placed", "DEMO", "demo", "the plugin `DEMO` stands in the directory", "`aisoc plugin uninstall placed`"),
        ("odd name", "demo", "demo", "the plugin `demo` stands in the directory", "`rm -r '"),
        ("demo..", "demo", "demo", "the plugin `demo` stands in the directory", "uninstall demo..`"),
    ] {
        let plugins = tempfile::tempdir().expect("a directory");
        place(plugins.path(), directory, stated);
        let fault = second(plugins.path(), wanted).expect(directory);
        assert_eq!(fault.reason(), Reason::AlreadyExists);
        assert!(fault.message().starts_with(message), "{directory}: {fault:?}");
        assert!(fault.next_step().contains(hint), "{directory}: {}", fault.next_step());
        assert_eq!(fault.difference().expect("both").found, wanted);
    }
}

#[test]
fn what_is_no_other_spelling_keeps_no_plugin_out() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    place(plugins, "demo", "demo");
    place(plugins, "demo2", "demo2");
    place(plugins, ".Demo", "demo");
    place(plugins, "silent", "not an id!");
    write(&plugins.join("DEMO"), &[("notes.txt", "no plugin")]);
    fs::create_dir(plugins.join(OsStr::from_bytes(b"d\xffmo"))).expect("made");
    assert!(second(plugins, "demo").is_none(), "its own directory, others, and what is no plugin");
    assert!(second(plugins, "de-mo").is_none());
    place(plugins, "DEMO", "x");
    assert!(second(plugins, "demo").is_some(), "now a host takes it for one");
}

#[test]
fn a_floor_is_known_unknown_or_cannot_be_told_and_these_are_three_things() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let lowered = CoverageFloor::Lowered("a reason that is stated".parse().expect("a reason"));
    let facts = |rule: &CoverageFloor| {
        observe(plugins).facts(&id(), &Access { coverage_floor: rule.clone(), ..Access::default() })
    };
    for (rule, lowers) in [(&CoverageFloor::Held, false), (&lowered, true)] {
        let facts = facts(rule).expect("facts");
        assert_eq!((facts.plugin, facts.lowers_floor), (id(), lowers));
        assert_eq!(facts.coverage_floor.expect("nothing there"), Coverage::None);
    }
    publisher.install(plugins, "1.0.0", Coverage::Full, &access()).expect("installed");
    assert_eq!(facts(&CoverageFloor::Held).expect("facts").coverage_floor.expect("known"), Coverage::Full);
    let at_rest = |id: &PluginId| observe(plugins).facts_at_rest(id);
    assert_eq!(at_rest(&id()).expect("facts").coverage_floor.expect("known"), Coverage::Full);
    let floor = plugins.join(".aisoc/floors/demo");
    let text = fs::read(&floor).expect("there");
    fs::write(&floor, "damaged").expect("written");
    let unknown = facts(&CoverageFloor::Held).expect("facts").coverage_floor.expect_err("it says nothing");
    assert_eq!(unknown.reason(), Reason::RecordInvalid);
    assert_eq!(at_rest(&id()).expect_err("it says nothing").reason(), Reason::RecordInvalid);
    fs::set_permissions(&floor, fs::Permissions::from_mode(0o666)).expect("set");
    assert_eq!(facts(&CoverageFloor::Held).expect_err("anybody's").reason(), Reason::DirectoryInsecure);
    assert_eq!(at_rest(&id()).expect_err("anybody's").reason(), Reason::DirectoryInsecure);
    fs::remove_file(&floor).expect("removed");
    fs::create_dir(&floor).expect("made");
    let no_file = facts(&CoverageFloor::Held).expect("facts").coverage_floor.expect_err("no file");
    assert_eq!(no_file.reason(), Reason::RecordInvalid);
    fs::remove_dir(&floor).expect("removed");
    fs::write(&floor, text).expect("written");
    assert_eq!(facts(&CoverageFloor::Held).expect("facts").coverage_floor.expect("known"), Coverage::Full);
    fs::remove_file(record_file(plugins)).expect("removed");
    fs::create_dir(record_file(plugins)).expect("made");
    assert_eq!(facts(&lowered).expect_err("an error of the disk").reason(), Reason::IoError);
    assert_eq!(at_rest(&id()).expect_err("an error of the disk").reason(), Reason::IoError);
}

#[test]
fn at_rest_a_tree_is_held_to_what_is_written_down_and_not_to_what_it_claims_itself() {
    let (plugins, publisher) = (tempfile::tempdir().expect("a directory"), Publisher::new());
    let plugins = plugins.path();
    let source = publisher.source("1.0.0", Coverage::Code);
    fs::rename(source.path(), plugins.join("demo")).expect("one file system");
    let at_rest = observe(plugins).facts_at_rest(&id()).expect("facts");
    assert_eq!(at_rest.coverage_floor.expect("nothing is written down"), Coverage::None);
    assert!(!at_rest.lowers_floor && at_rest.other_spelling.is_none());
    let changing = observe(plugins).facts(&id(), &Access::default()).expect("facts");
    assert_eq!(changing.coverage_floor.expect("what it claims"), Coverage::Code);
}

#[test]
fn what_is_not_installed_is_said_to_stand_elsewhere_where_it_does() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    let site = Site::at(plugins);
    let missing = site.not_installed(&id());
    assert_eq!(missing.message(), format!("there is no plugin `demo` in `{}`", plugins.display()));
    for (directory, hint) in [("placed", "`aisoc plugin uninstall placed`"), ("an odd name", "`rm -r '")] {
        place(plugins, directory, "demo");
        let fault = site.not_installed(&id());
        assert_eq!(fault.reason(), Reason::PluginNotFound);
        assert!(fault.message().ends_with(&format!("the plugin stands in `{}`", plugins.join(directory).display())));
        assert!(fault.next_step().contains(hint), "{fault:?}");
        fs::remove_dir_all(plugins.join(directory)).expect("removed");
    }
    place(plugins, "demo2", "demo2");
    assert_eq!(site.not_installed(&id()).message(), missing.message());
}
