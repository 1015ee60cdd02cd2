//! Trees beside the one in place: kept versions that come back, what a host may read, what nobody needs.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use aisoc_files::Walk;
use aisoc_installation::{
    Garbage, InstallRecord, PreviousTree, SharedDirectories, Site, read_guarded, require_guarded, tree_bytes,
};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_packaging::{Limits, ReferenceDir, default_threads};
use common::versions::{access, current, id, install, keep, record_file, recorded, tidy, unfinished, versions};
use common::{collect_garbage, finish_interrupted, kept_versions, read_record, write};
use rustix::fs::{CWD, FileType, Mode, mknodat};

const FLOOR: &str = ".aisoc/floors/demo";

fn previous(plugins: &Path, wanted: Option<&str>) -> Result<PreviousTree> {
    Site::at(plugins).previous_tree(&id(), wanted, &Limits::default())
}

fn two_versions() -> tempfile::TempDir {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    plugins
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

#[test]
fn a_kept_version_is_read_as_its_record_says_or_refused_with_what_differs() {
    let plugins = two_versions();
    let kept = kept_versions(plugins.path(), &id()).expect("listed").remove(0);
    let read = previous(plugins.path(), None).expect("whole");
    assert_eq!((read.record(), read.claim().subject()), (&kept.record, kept.record.tree_digest));
    let file = kept.path.join("version.py");
    fs::write(&file, "VERSION = 'edited'\n").expect("written");
    let fault = previous(plugins.path(), None).expect_err("edited");
    assert_eq!(fault.reason(), Reason::TreeModified);
    assert_eq!(fault.difference().expect("both").expected, kept.record.tree_digest.to_string());
    assert!(fault.next_step().contains(&format!("aisoc plugin install {}", kept.record.reference)), "{fault:?}");
    fs::write(&file, "VERSION = '1.0.0'\n").expect("written");
    fs::rename(kept.path.join("plugin.yaml"), kept.path.join("plugin.yml")).expect("moved");
    assert_eq!(previous(plugins.path(), None).expect_err("no manifest").reason(), Reason::TreeModified);
}

#[test]
fn a_kept_version_that_others_could_have_open_or_whose_reading_is_called_off_is_not_called_modified() {
    let plugins = two_versions();
    let tree = plugins.path().join(".aisoc/versions/demo/1/tree");
    set_mode(&tree.join("version.py"), 0o666);
    assert_eq!(previous(plugins.path(), None).expect_err("open to all").reason(), Reason::DirectoryInsecure);
    set_mode(&tree.join("version.py"), 0o644);
    previous(plugins.path(), None).expect("closed again");
    let cancelled = Limits::default();
    cancelled.cancellation.cancel();
    let fault = Site::at(plugins.path()).previous_tree(&id(), None, &cancelled).expect_err("called off");
    assert_eq!(fault.reason(), Reason::Interrupted, "{fault:?}");
}

#[test]
fn a_version_is_wanted_by_its_version_or_by_twelve_digits_of_its_digest() {
    let plugins = tempfile::tempdir().expect("a directory");
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        install(plugins.path(), version, 2);
    }
    let kept = kept_versions(plugins.path(), &id()).expect("listed");
    for (number, version) in ["1.1.0", "1.0.0"].iter().enumerate() {
        assert_eq!(kept[number].record.version, *version);
        let digest = kept[number].record.digest.to_string();
        for wanted in [*version, digest.as_str(), &digest[..19], &digest[7..19]] {
            let wanted = wanted.to_owned();
            assert_eq!(previous(plugins.path(), Some(&wanted)).expect("kept").record(), &kept[number].record);
        }
    }
    for wanted in ["1.0", "1.2.0", "", "1.1.0 ", &kept[0].record.digest.to_string()[..18]] {
        let fault = previous(plugins.path(), Some(wanted)).expect_err("not kept");
        assert_eq!(fault.reason(), Reason::VersionNotFound, "{wanted:?}");
        assert_eq!(fault.difference().expect("both").expected, "1.1.0, 1.0.0");
    }
}

#[test]
fn a_slot_is_a_kept_version_only_when_note_and_tree_are_whole_and_about_this_plugin() {
    let plugins = two_versions();
    let slot = plugins.path().join(".aisoc/versions/demo/1");
    let record = kept_versions(plugins.path(), &id()).expect("listed").remove(0).record;
    let other = InstallRecord { id: "other".parse().expect("an id"), ..record.clone() };
    let later = InstallRecord { schema_version: 2, ..record.clone() };
    for (record, is_kept) in [(&record, true), (&other, false), (&later, false)] {
        keep(&slot, 1, record);
        assert_eq!(versions(plugins.path()).len(), usize::from(is_kept), "{record:?}");
    }
    keep(&slot, 1, &record);
    for name in ["01", "+1", "1.0", "one", "18446744073709551616"] {
        fs::create_dir(slot.with_file_name(name)).expect("made");
        fs::rename(slot.join("tree"), slot.with_file_name(name).join("tree")).expect("moved");
        keep(&slot.with_file_name(name), 1, &record);
        assert_eq!(versions(plugins.path()), Vec::<String>::new(), "{name}");
        fs::rename(slot.with_file_name(name).join("tree"), slot.join("tree")).expect("moved back");
    }
    fs::rename(slot.join("tree"), slot.join("elsewhere")).expect("moved");
    symlink("elsewhere", slot.join("tree")).expect("linked");
    assert_eq!(versions(plugins.path()), Vec::<String>::new(), "a link is no tree");
}

#[test]
fn the_latest_replacement_comes_first_whatever_its_slot_and_versions() {
    let plugins = two_versions();
    let own = plugins.path().join(".aisoc/versions/demo");
    let record = kept_versions(plugins.path(), &id()).expect("listed").remove(0).record;
    for (slot, sequence, version) in [(2, 9, "0.3.0"), (3, 4, "0.9.0"), (7, 4, "0.5.0")] {
        fs::create_dir_all(own.join(format!("{slot}/tree"))).expect("made");
        keep(&own.join(slot.to_string()), sequence, &InstallRecord { version: version.to_owned(), ..record.clone() });
    }
    assert_eq!(versions(plugins.path()), ["0.3.0", "0.5.0", "0.9.0", "1.0.0"]);
    // The next one has a number of its own, in a slot of its own.
    install(plugins.path(), "1.2.0", 32);
    assert_eq!(versions(plugins.path())[0], "1.1.0");
    assert!(own.join("8/tree").is_dir());
}

#[test]
fn everything_of_a_plugin_is_a_directory_or_a_file_that_nobody_else_can_change() {
    type Spoil = fn(&Path);
    let spoiled: [(Spoil, Reason); 7] = [
        (|tree| symlink("version.py", tree.join("link.py")).expect("linked"), Reason::ForbiddenEntry),
        (|tree| symlink(".", tree.join("sub/link")).expect("linked"), Reason::ForbiddenEntry),
        (
            |tree| mknodat(CWD, tree.join("sub/pipe"), FileType::Fifo, Mode::RUSR, 0).expect("made"),
            Reason::ForbiddenEntry,
        ),
        (|tree| set_mode(&tree.join("sub/deep.py"), 0o646), Reason::DirectoryInsecure),
        (|tree| set_mode(&tree.join("sub"), 0o757), Reason::DirectoryInsecure),
        (|tree| set_mode(tree, 0o757), Reason::DirectoryInsecure),
        (|tree| fs::remove_dir_all(tree).expect("removed"), Reason::IoNotFound),
    ];
    for (number, (spoil, reason)) in spoiled.into_iter().enumerate() {
        let plugins = two_versions();
        let tree = plugins.path().join("demo");
        write(&tree, &[("sub/deep.py", "")]);
        require_guarded(&tree).expect("as an install leaves it");
        set_mode(&tree.join("sub"), 0o775);
        require_guarded(&tree).expect("the owner's group may write");
        assert!(as_it_is_read(&tree).expect("the same").watch().is_secure());
        spoil(&tree);
        let fault = require_guarded(&tree).expect_err("spoiled");
        assert_eq!(fault.reason(), reason, "{number}");
        assert_eq!(as_it_is_read(&tree).expect_err("spoiled").to_string(), fault.to_string(), "{number}");
    }
    let plugins = two_versions();
    symlink("demo", plugins.path().join("link")).expect("linked");
    for root in ["link", "demo/version.py"] {
        let fault = require_guarded(&plugins.path().join(root)).expect_err(root);
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{root}: {fault:?}");
        let read = as_it_is_read(&plugins.path().join(root)).expect_err(root);
        assert_eq!(read.to_string(), fault.to_string(), "{root}");
    }
}

fn as_it_is_read(tree: &Path) -> Result<ReferenceDir> {
    read_guarded(tree, &Walk::default(), default_threads(), &Limits::default())
}

/// What nobody else may change by now was changed by them before, as far as anybody knows.
#[test]
fn what_others_could_change_when_it_was_read_is_refused() {
    let plugins = two_versions();
    let tree = plugins.path().join("demo");
    let read = |walk: &Walk| ReferenceDir::read_guarded(&tree, walk, default_threads(), &Limits::default());
    let walk = Walk::default();
    assert_eq!(read(&walk).expect("read").watch().insecure(), None);
    for (path, mode) in [("version.py", 0o646), ("plugin.yaml", 0o666), ("", 0o757)] {
        let before = fs::metadata(tree.join(path)).expect("there").permissions();
        set_mode(&tree.join(path), mode);
        let read = read(&walk).expect("read");
        assert_eq!(read.watch().insecure(), Some(tree.join(path).components().as_path()), "{path}");
        assert!(!read.watch().is_secure());
        fs::set_permissions(tree.join(path), before).expect("set back");
    }
}

#[test]
fn readers_hold_every_directory_of_ours_to_what_an_install_asks() {
    let plugins = two_versions();
    let site = Site::at(plugins.path());
    let is_secure = || site.require_secure(SharedDirectories::Refused);
    is_secure().expect("as an install leaves it");
    assert_eq!(site.shared().expect("walked"), None);
    for name in ["", ".aisoc", ".aisoc/records", ".aisoc/pending", ".aisoc/floors", ".aisoc/versions"] {
        let path = plugins.path().join(name);
        let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        set_mode(&path, mode | 0o002);
        assert_eq!(is_secure().expect_err(name).reason(), Reason::DirectoryInsecure, "{name}");
        // Who answers for the volume does not answer for what is ours in it.
        assert_eq!(site.require_secure(SharedDirectories::Accepted).is_ok(), name.is_empty(), "{name}");
        assert_eq!(site.shared().expect("walked").is_some(), name.is_empty(), "{name}");
        set_mode(&path, mode);
    }
    is_secure().expect("closed again");
    for replace in [|path: &Path| symlink("versions", path), |path: &Path| fs::write(path, "")] {
        let path = plugins.path().join(".aisoc/floors");
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).expect("removed");
        is_secure().expect("what was never made is no danger");
        replace(&path).expect("put there");
        assert_eq!(is_secure().expect_err("no directory").reason(), Reason::DirectoryInsecure);
    }
    let missing = Site::at(plugins.path().join("absent")).require_secure(SharedDirectories::Refused);
    assert_eq!(missing.expect_err("not there").reason(), Reason::IoNotFound);
}

#[test]
fn the_record_of_a_plugin_is_its_own_and_a_file() {
    let plugins = two_versions();
    let text = fs::read(record_file(plugins.path())).expect("there");
    let other = InstallRecord { id: "other".parse().expect("an id"), ..recorded(plugins.path()) };
    fs::write(record_file(plugins.path()), other.to_text().expect("a text")).expect("written");
    let fault = read_record(plugins.path(), &id()).expect_err("another's");
    let difference = fault.difference().expect("both");
    assert_eq!((difference.expected.as_str(), difference.found.as_str()), ("demo", "other"));
    assert!(fault.message().contains("records/demo.json"), "{fault:?}");
    fs::write(record_file(plugins.path()).with_extension("aside"), &text).expect("written");
    fs::remove_file(record_file(plugins.path())).expect("removed");
    symlink("demo.aside", record_file(plugins.path())).expect("linked");
    assert_eq!(read_record(plugins.path(), &id()).expect_err("a link").reason(), Reason::RecordInvalid);
    fs::remove_file(record_file(plugins.path())).expect("removed");
    assert_eq!(read_record(plugins.path(), &id()).expect("readable"), None);
    fs::write(record_file(plugins.path()), &text).expect("written");
    set_mode(&record_file(plugins.path()), 0o646);
    assert_eq!(read_record(plugins.path(), &id()).expect_err("anybody's").reason(), Reason::DirectoryInsecure);
    set_mode(&record_file(plugins.path()), 0o644);
    assert_eq!(current(plugins.path()), "1.1.0");
}

#[test]
fn a_record_that_is_replaced_while_it_is_read_is_one_of_the_two_and_never_none() {
    let plugins = two_versions();
    let (file, draft) = (record_file(plugins.path()), plugins.path().join("draft"));
    let one = recorded(plugins.path());
    let other = InstallRecord { reference: "elsewhere".to_owned(), ..one.clone() };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..400 {
                let record = if round % 2 == 0 { &other } else { &one };
                fs::write(&draft, record.to_text().expect("a text")).expect("written");
                fs::rename(&draft, &file).expect("replaced");
            }
        });
        while !writer.is_finished() {
            let read = read_record(plugins.path(), &id()).expect("readable").expect("there");
            assert!(read == one || read == other, "{read:?}");
        }
    });
}

#[test]
fn collecting_removes_what_has_no_owner_and_says_how_much_that_was() {
    let plugins = two_versions();
    let plugins = plugins.path();
    let record = kept_versions(plugins, &id()).expect("listed").remove(0).record;
    let own = plugins.join(".aisoc/versions");
    // A second copy of what is installed, and of what is kept, whichever is older.
    for (slot, sequence, record) in [(5, 5, &recorded(plugins)), (6, 0, &record)] {
        write(&own.join(format!("demo/{slot}/tree")), &[("a", "12345")]);
        keep(&own.join(format!("demo/{slot}")), sequence, record);
    }
    let foreign = own.join(OsStr::from_bytes(b"d\xffmo"));
    fs::create_dir(&foreign).expect("made");
    let collected = collect_garbage(plugins, 32, &access()).expect("collected");
    let found: Vec<_> = collected.removed.iter().map(|one| (one.kind, one.path.to_str(), one.bytes)).collect();
    let version = |path: &'static str| (Garbage::PreviousVersion, Some(path), 5);
    assert_eq!(found, [version(".aisoc/versions/demo/5"), version(".aisoc/versions/demo/6")]);
    assert_eq!((collected.bytes(), versions(plugins).len()), (10, 1));
    assert!(foreign.exists(), "no name that we would give");
}

#[test]
fn collecting_leaves_alone_what_an_unfinished_change_is_about() {
    let plugins = two_versions();
    let plugins = plugins.path();
    fs::create_dir(plugins.join(".aisoc/pending/demo.json")).expect("a note that cannot be read");
    fs::rename(plugins.join("demo"), plugins.join("aside")).expect("out of its place");
    write(&plugins.join(".aisoc/versions/demo/9/tree"), &[("a", "on its way")]);
    let collected = collect_garbage(plugins, 0, &access()).expect("collected");
    assert!(collected.removed.is_empty() && collected.finished.is_empty(), "{collected:?}");
    assert!(collected.leftovers.is_empty(), "none of it was tried: {collected:?}");
    assert_eq!(collected.unfinished.len(), 1);
    assert!(record_file(plugins).exists() && plugins.join(".aisoc/versions/demo/9/tree/a").exists());
    assert!(plugins.join(".aisoc/versions/demo/1/tree").exists() && !plugins.join(FLOOR).exists());
    fs::remove_dir(plugins.join(".aisoc/pending/demo.json")).expect("it can be read again");
    let kinds: Vec<_> =
        collect_garbage(plugins, 0, &access()).expect("collected").removed.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Garbage::Orphan, Garbage::PreviousVersion, Garbage::Record]);
}

#[test]
fn what_was_finished_on_the_way_is_named_once_and_nothing_is_left_to_finish() {
    let plugins = two_versions();
    let plugins = plugins.path();
    let site = Site::at(plugins);
    assert!(!site.is_interrupted().expect("looked at"));
    finish_interrupted(plugins, &access()).expect("nothing to do");
    unfinished(plugins, Some(&recorded(plugins)), None, 2, &plugins.join("demo"), None);
    assert!(site.is_interrupted().expect("looked at"), "a change was begun");
    assert_eq!(collect_garbage(plugins, 1, &access()).expect("collected").finished, [id()]);
    assert!(!site.is_interrupted().expect("looked at"));
    common::abandon_staging(plugins);
    assert!(site.is_interrupted().expect("looked at"), "staging was left");
    finish_interrupted(plugins, &access()).expect("finished");
    assert!(!site.is_interrupted().expect("looked at"));
    assert_eq!(current(plugins), "1.1.0");
    tidy(plugins);
}

#[test]
fn the_bytes_of_a_tree_are_those_of_its_files_and_of_nothing_that_a_link_leads_to() {
    let top = common::directory(&[("tree/a", "123"), ("tree/sub/b", "4567"), ("large", "89012345")]);
    symlink("../large", top.path().join("tree/link")).expect("linked");
    symlink("..", top.path().join("tree/sub/up")).expect("linked");
    assert_eq!(tree_bytes(&top.path().join("tree")), 7);
    assert_eq!(tree_bytes(&top.path().join("absent")), 0);
}
