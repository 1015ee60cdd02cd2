//! Entry points of Python distributions, as installers leave them in site-packages.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use aisoc_discovery::{Origin, Sources, distribution_hash};
use aisoc_manifests::warning::Warning;

use common::{failures, found, lines, write};

const METADATA: &str = "Metadata-Version: 2.1\nName: lab-heatflux\nVersion: 1.4.2\n";
const RECORD: &str = "lab/__init__.py,sha256=abc,10\nlab-1.dist-info/RECORD,,\n";

fn dist_info(site: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let directory = site.join(format!("{name}.dist-info"));
    fs::create_dir_all(&directory).expect("made");
    files.iter().for_each(|(file, text)| write(&directory.join(file), text));
    directory
}

fn lab(site: &Path, entry_points: &str) -> PathBuf {
    let files = [("METADATA", METADATA), ("RECORD", RECORD), ("entry_points.txt", entry_points)];
    dist_info(site, "lab_heatflux-1.4.2", &files)
}

fn of(site_packages: &[&Path]) -> Sources {
    let site_packages = site_packages.iter().map(|path| path.to_path_buf()).collect();
    Sources { site_packages, ..Sources::default() }
}

#[test]
fn what_a_distribution_declares_is_found_without_importing_it() {
    let site = tempfile::tempdir().expect("a directory");
    write(&site.path().join("lab/__init__.py"), "raise SystemExit('imported')\n");
    let place = lab(
        site.path(),
        "[console_scripts]\nlab = lab:main\n\n[capa.procedures]\nlab.flux = lab.heat : Flux\nlab.free = lab.heat:Free [fast]\n",
    );
    dist_info(site.path(), "other-1", &[("METADATA", "Name: other\nVersion: 1\n")]);
    dist_info(
        site.path(),
        "hooks-2",
        &[
            ("METADATA", "Name: hooks\r\nVersion: 2\r\n"),
            ("entry_points.txt", "[stigmem.plugins]\r\naudit = hooks:manifest\r\n"),
        ],
    );
    let found = found(&of(&[site.path()]));
    assert_eq!(
        lines(&found),
        [
            "entry_point hook audit 2 hooks hooks:manifest",
            "entry_point procedure lab.flux 1.4.2 lab-heatflux lab.heat:Flux",
            "entry_point procedure lab.free 1.4.2 lab-heatflux lab.heat:Free",
        ]
    );
    assert!(found.failed.is_empty() && found.notes.is_empty(), "{found:?}");
    // Two plugins of one distribution share its hash, and one without RECORD has one as well.
    let hash = "sha256:05cea4a1da92466935101046922ecc077e9c97217dd1f9efa67ab84bcf9c24e6";
    assert_eq!([&found.plugins[1].hash, &found.plugins[2].hash], [hash; 2]);
    let without_record = distribution_hash(Some(b"Name: hooks\nVersion: 2\n"), None);
    assert_eq!(Ok(&found.plugins[0].hash), without_record.as_ref());
    assert_eq!(found.plugins[1].place, place);
    let Origin::EntryPoint { group, name, site_packages, .. } = &found.plugins[1].origin else { panic!("{found:?}") };
    assert_eq!((group.as_str(), name.as_str(), site_packages.as_path()), ("capa.procedures", "lab.flux", site.path()));
}

#[test]
fn line_ends_do_not_change_a_hash() {
    let site = tempfile::tempdir().expect("a directory");
    lab(site.path(), "[capa.procedures]\nlab = m:C\n");
    let before = found(&of(&[site.path()])).plugins[0].hash.clone();
    let record = site.path().join("lab_heatflux-1.4.2.dist-info/RECORD");
    write(&record, RECORD.replace('\n', "\r\n"));
    assert_eq!(found(&of(&[site.path()])).plugins[0].hash, before);
    write(&record, RECORD.replace("abc", "abd"));
    assert_ne!(found(&of(&[site.path()])).plugins[0].hash, before);
}

#[test]
fn what_cannot_be_told_is_failed_and_named() {
    let site = tempfile::tempdir().expect("a directory");
    let declared = ("entry_points.txt", "[capa.procedures]\nlab = m:C\n");
    dist_info(site.path(), "a-no-metadata", &[("RECORD", RECORD), declared]);
    dist_info(site.path(), "b-no-version", &[("METADATA", "Name: b\n"), declared]);
    let bytes = dist_info(site.path(), "c-not-utf8", &[("METADATA", METADATA), declared]);
    write(&bytes.join("RECORD"), b"x\xff,,\n");
    let bytes = dist_info(site.path(), "d-not-utf8", &[("METADATA", METADATA)]);
    write(&bytes.join("entry_points.txt"), b"[capa.procedures]\n\xff = m:C\n");
    let linked = dist_info(site.path(), "e-linked", &[("RECORD", RECORD), declared]);
    write(&site.path().join("METADATA"), METADATA);
    symlink("../METADATA", linked.join("METADATA")).expect("linked");
    symlink("e-linked.dist-info", site.path().join("f-link.dist-info")).expect("linked");
    write(&site.path().join("g-file.dist-info"), "");
    let nested = dist_info(site.path(), "h-directory", &[("METADATA", METADATA), declared]);
    fs::create_dir(nested.join("RECORD")).expect("made");
    dist_info(
        site.path(),
        "i-malformed",
        &[("METADATA", METADATA), ("entry_points.txt", "[capa.procedures]\nbad = module\ngood = m:C\n")],
    );
    let found = found(&of(&[site.path()]));
    assert_eq!(lines(&found), ["entry_point procedure good 1.4.2 lab-heatflux m:C"]);
    assert_eq!(
        failures(&found),
        [
            "entry_point a-no-metadata.dist-info distribution_invalid",
            "entry_point b-no-version.dist-info distribution_invalid",
            "entry_point bad entry_point_invalid",
            "entry_point c-not-utf8.dist-info distribution_invalid",
            "entry_point d-not-utf8.dist-info distribution_invalid",
            "entry_point e-linked.dist-info distribution_invalid",
            "entry_point f-link.dist-info directory_insecure",
            "entry_point g-file.dist-info directory_insecure",
            "entry_point h-directory.dist-info distribution_invalid",
        ]
    );
    for (failed, what) in found.failed.iter().zip([
        "it has no METADATA",
        "its METADATA has no Version",
        "names no",
        "its RECORD is not UTF-8",
    ]) {
        assert!(failed.fault.message().contains(what), "{:?}", failed.fault);
    }
}

#[test]
fn a_distribution_that_declares_nothing_of_ours_may_be_as_broken_as_it_likes() {
    let site = tempfile::tempdir().expect("a directory");
    dist_info(site.path(), "broken", &[("entry_points.txt", "[console_scripts]\nx\n")]);
    write(&site.path().join("empty.dist-info/METADATA"), b"\xff");
    let found = found(&of(&[site.path()]));
    assert!(found.plugins.is_empty() && found.failed.is_empty(), "{found:?}");
}

#[test]
fn of_two_of_one_name_the_first_on_the_path_counts_and_both_places_are_named() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let first = lab(one.path(), "[capa.procedures]\nlab = m:First\n");
    let second = lab(other.path(), "[capa.procedures]\nlab = m:Second\n");
    let found = found(&of(&[one.path(), other.path()]));
    assert_eq!(lines(&found), ["entry_point procedure lab 1.4.2 lab-heatflux m:First"]);
    assert_eq!(failures(&found), ["entry_point lab duplicate_plugin_id"]);
    assert_eq!(
        found.failed[0].fault.message(),
        format!(
            "duplicate plugin id (entry point m:Second) 'lab': already registered from '{}', cannot also register from '{}'",
            first.display(),
            second.display()
        )
    );
}

#[test]
fn a_directory_that_is_not_there_fails_and_older_forms_are_said() {
    let site = tempfile::tempdir().expect("a directory");
    for name in ["old.egg-info/PKG-INFO", "develop.egg-link", "whole.egg/EGG-INFO/x", "two.egg-info"] {
        write(&site.path().join(name), "");
    }
    let absent = site.path().join("absent");
    let found = found(&of(&[&absent, site.path()]));
    assert_eq!(failures(&found), [format!("entry_point {} io_not_found", absent.display())]);
    let notes: Vec<_> = found.notes.iter().map(|note| (note.warning, note.message.as_str())).collect();
    let expected = format!(
        "`{}` holds distributions that are no `*.dist-info`, and whose entry points are not read: `develop.egg-link`, \
         `old.egg-info`, `two.egg-info` and 1 more",
        site.path().display()
    );
    assert_eq!(notes, [(Warning::DistributionNotRead, expected.as_str())]);
}
