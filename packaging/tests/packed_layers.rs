//! What a packed layer is: its numbers, its order, its times, and what refuses to be packed.

mod common;

use std::fs;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;

use aisoc_manifests::digest::{ContentDigest, LayerDigest};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{
    Limits, PackOptions, PackedLayer, PluginDir, Secrets, Staging, assemble, default_threads, foretell, pack,
};
use common::{GZIP, MANIFEST, demo, directory, inspect, path, titled, unsigned, write};

fn layer(plugin: &PluginDir, mtime: Option<u64>) -> Result<(PackedLayer, Vec<u8>)> {
    let mut bytes = Vec::new();
    let id = "demo".parse().expect("an id");
    let packed = pack(plugin, &unsigned(plugin), &id, &PackOptions { threads: 2, mtime }, &mut bytes)?;
    Ok((packed, bytes))
}

fn archive(layer: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(layer).read_to_end(&mut archive).expect("one member");
    archive
}

fn names(layer: &[u8]) -> Vec<String> {
    let archive = archive(layer);
    let mut archive = tar::Archive::new(archive.as_slice());
    let name = |entry: io::Result<tar::Entry<'_, &[u8]>>| entry.expect("an entry").path_bytes().into_owned();
    let names = archive.entries().expect("a tar").map(name);
    names.map(|name| String::from_utf8(name).expect("text")).collect()
}

#[test]
fn the_numbers_of_a_layer_are_those_of_its_bytes() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let (packed, bytes) = layer(&plugin, None).expect("packed");
    assert_eq!((packed.digest, packed.size), (LayerDigest::of(&bytes), bytes.len() as u64));
    assert_eq!(packed.content_digest, ContentDigest::of(&archive(&bytes)));
    let sizes: u64 = plugin.files().iter().map(|(_, entry)| entry.size).sum();
    assert_eq!((packed.files, packed.unpacked_bytes), (3, sizes));
}

#[test]
fn every_directory_comes_once_and_before_what_is_in_it() {
    // `a.txt` and `a-b` sort before `a/`, and `a0` behind it.
    let root = directory(&[
        ("plugin.yaml", MANIFEST),
        ("a/b/c/deep.py", ""),
        ("a/b.py", ""),
        ("a/z", ""),
        ("a.txt", ""),
        ("a-b/x", ""),
        ("a0", ""),
        ("z/only/below.py", ""),
    ]);
    let (_, bytes) = layer(&PluginDir::open(root.path()).expect("a plugin"), None).expect("packed");
    let expected = [
        "demo/",
        "demo/a-b/",
        "demo/a-b/x",
        "demo/a.txt",
        "demo/a/",
        "demo/a/b.py",
        "demo/a/b/",
        "demo/a/b/c/",
        "demo/a/b/c/deep.py",
        "demo/a/z",
        "demo/a0",
        "demo/plugin.yaml",
        "demo/z/",
        "demo/z/only/",
        "demo/z/only/below.py",
    ];
    assert_eq!(names(&bytes), expected);
}

#[test]
fn a_given_time_is_that_of_every_entry_up_to_the_largest_that_a_header_holds() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let largest = 0o777_7777_7777;
    for (given, written) in [
        (None, 0),
        (Some(0), 0),
        (Some(1_700_000_000), 1_700_000_000),
        (Some(largest), largest),
        (Some(largest + 1), largest),
        (Some(u64::MAX), largest),
    ] {
        let (_, bytes) = layer(&plugin, given).expect("packed");
        let archive = archive(&bytes);
        let mut archive = tar::Archive::new(archive.as_slice());
        let times: Vec<u64> = archive
            .entries()
            .expect("a tar")
            .map(|entry| entry.expect("an entry").header().mtime().expect("a time"))
            .collect();
        assert_eq!(times, [written; 5], "{given:?}");
        inspect(&titled("demo"), GZIP, bytes.as_slice()).expect("our own reader takes it");
    }
}

#[test]
fn only_the_owners_right_to_run_a_file_is_packed() {
    let root = demo();
    for (name, mode) in [("plugin.py", 0o744), ("sub/__init__.py", 0o655)] {
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(mode)).expect("set");
    }
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let (_, bytes) = layer(&plugin, None).expect("packed");
    let staged = inspect(&titled("demo"), GZIP, bytes.as_slice()).expect("walked");
    let executable = |name: &str| staged.files().get(&path(name)).expect("there").executable;
    assert_eq!([executable("plugin.py"), executable("sub/__init__.py")], [true, false]);
    assert_eq!(staged.files(), plugin.files());
}

#[test]
fn a_name_that_no_installer_takes_is_not_packed_and_says_what_to_do() {
    for name in ["con.py", "sub/aux", "trailing.", "a:b"] {
        let root = demo();
        write(root.path(), &[(name, "")]);
        let plugin = PluginDir::open(root.path()).expect("the host signs it");
        let fault = layer(&plugin, None).expect_err(name);
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.next_step().contains("rename the file"), "{}", fault.next_step());
        let manifest = Manifest::from_document(&plugin.document().expect("readable")).expect("complete");
        assert!(foretell(&plugin, &manifest, &PackOptions::default()).is_err(), "no digest of it either");
    }
}

#[test]
fn a_file_that_vanishes_or_becomes_a_link_before_it_is_packed_refuses() {
    for is_link in [false, true] {
        let root = demo();
        let plugin = PluginDir::open(root.path()).expect("a plugin");
        let file = root.path().join("plugin.py");
        fs::rename(&file, root.path().join("moved")).expect("moved");
        if is_link {
            std::os::unix::fs::symlink("moved", &file).expect("linked");
        }
        let fault = layer(&plugin, None).expect_err("it is not what was read");
        assert!(fault.message().contains("plugin.py"), "{fault:?}");
    }
}

#[test]
fn a_full_disk_is_told_from_another_failure_to_write() {
    struct Failing(io::ErrorKind);
    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let id = "demo".parse().expect("an id");
    for (kind, reason) in [
        (io::ErrorKind::StorageFull, Reason::IoNoSpace),
        (io::ErrorKind::QuotaExceeded, Reason::IoNoSpace),
        (io::ErrorKind::BrokenPipe, Reason::IoError),
    ] {
        let outcome = pack(&plugin, &unsigned(&plugin), &id, &PackOptions::default(), Failing(kind));
        assert_eq!(outcome.expect_err("it fails").reason(), reason);
    }
}

#[test]
fn a_signed_copy_keeps_the_manifests_right_to_run_and_gives_none_to_signatures() {
    let root = demo();
    write(root.path(), &[("plugin.sig", "ab"), ("plugin.sig.d/files", "of another signature")]);
    for name in ["plugin.yaml", "plugin.sig"] {
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(0o755)).expect("set");
    }
    let copy = PluginDir::copied(root.path(), &Secrets::default(), default_threads(), &Limits::default());
    let files = vec![(path("plugin.yaml"), b"id: demo\n".to_vec()), (path("plugin.sig"), b"cd".to_vec())];
    let signed = copy.expect("copied").signed_with(files).expect("signed");
    let executable = |name: &str| signed.files().get(&path(name)).expect("there").executable;
    assert_eq!([executable("plugin.yaml"), executable("plugin.sig")], [true, false]);
    let size = |name: &str| signed.files().get(&path(name)).expect("there").size;
    assert_eq!([size("plugin.yaml"), size("plugin.sig")], [9, 2]);
    assert!(signed.files().get(&path("plugin.py")).is_some(), "what is not signed anew stays");
    let held: Vec<String> = signed.claim().tree().signature_files.keys().cloned().collect();
    assert_eq!(held, ["plugin.sig"], "no signature of before is claimed");
}

#[test]
fn the_config_counts_what_is_in_the_layer_and_names_who_claims_to_have_signed_it() {
    let digits = "0".repeat(64);
    let root = demo();
    write(root.path(), &[("plugin.sig", "ab"), (&format!("plugin.sig.d/{digits}.sig"), "cd")]);
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let manifest = Manifest::from_document(&plugin.document().expect("readable")).expect("complete");
    let foretold = foretell(&plugin, &manifest, &PackOptions::default()).expect("foretold");
    let config: serde_json::Value = serde_json::from_slice(&foretold.config).expect("JSON");
    let expected = serde_json::json!({
        "schemaVersion": 1,
        "id": "demo",
        "name": "Demo",
        "version": "1.0.0",
        "type": "enricher",
        "capabilities": [],
        "fileCount": 5,
        "unpackedSize": plugin.files().total_bytes(),
        "signers": [format!("SHA256:{digits}")],
    });
    assert_eq!(config, expected, "what nobody said is not there");
    let described = Manifest { author: Some("Me".into()), license: Some("MIT".into()), ..manifest };
    let foretold = foretell(&plugin, &described, &PackOptions::default()).expect("foretold");
    let config: serde_json::Value = serde_json::from_slice(&foretold.config).expect("JSON");
    assert_eq!((&config["author"], &config["license"]), (&"Me".into(), &"MIT".into()));
}

#[test]
fn an_image_manifest_says_nothing_that_is_empty_and_no_time_that_there_is_none_of() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let manifest = Manifest::from_document(&plugin.document().expect("readable")).expect("complete");
    let described = Manifest { description: Some(" \u{200b} ".into()), license: Some(String::new()), ..manifest };
    let options = PackOptions { threads: 1, mtime: Some(u64::MAX) };
    let leave = unsigned(&plugin);
    let assembled = assemble(&plugin, &leave, &described, &options, Vec::new()).expect("assembled");
    let image: serde_json::Value = serde_json::from_slice(&assembled.manifest).expect("JSON");
    let notes = image["annotations"].as_object().expect("annotations");
    let names: Vec<&str> = notes.keys().map(String::as_str).collect();
    assert_eq!(names, ["org.opencontainers.image.title", "org.opencontainers.image.version"]);
    let title = &image["layers"][0]["annotations"]["org.opencontainers.image.title"];
    assert_eq!(title, "demo", "the directory that every name is below");
}

/// Packs within `limits` on so many threads, and reads it within the same. What is packed is taken; the bytes
/// of what is refused are none of a layer.
fn packs(root: &std::path::Path, limits: &Limits, threads: usize) -> Option<Vec<u8>> {
    let plugin = PluginDir::open_with(root, default_threads(), limits).expect("a plugin");
    let (id, options) = ("demo".parse().expect("an id"), PackOptions { threads, mtime: None });
    let mut bytes = Vec::new();
    if let Err(fault) = pack(&plugin, &unsigned(&plugin), &id, &options, &mut bytes) {
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains("compresses so well"), "{fault:?}");
        return None;
    }
    let mut staging = Staging::hash_only(limits.clone());
    staging.layer(&titled("demo"), GZIP, bytes.as_slice()).expect("whoever installs takes what was packed");
    Some(bytes)
}

#[test]
fn what_compresses_well_is_packed_as_far_as_readers_take_it_on_any_number_of_threads() {
    let root = demo();
    let limits = Limits { max_ratio: 100, max_unrated_bytes: 1 << 20, ..Limits::default() };
    let mut packed = Vec::new();
    for size in (1000..1400).step_by(25) {
        fs::write(root.path().join("zeros.bin"), vec![0; size << 10]).expect("written");
        let outcomes = [1, 2, 4].map(|threads| packs(root.path(), &limits, threads));
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{size} KiB");
        packed.push(outcomes[0].is_some());
    }
    let bound = packed.iter().position(|is_packed| !is_packed).expect("the largest is a bomb");
    assert!(bound > 2 && packed[bound..].iter().all(|is_packed| !is_packed), "{packed:?}");
}

#[test]
fn nothing_is_packed_that_a_reader_refuses_half_way() {
    // Zeros up to the bound, and noise behind them that makes the whole harmless: readers see the zeros first.
    let limits = Limits { max_ratio: 100, max_unrated_bytes: 1 << 20, ..Limits::default() };
    let noise: Vec<u8> =
        (0_u32..40_000).flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes()).collect();
    let outcomes: Vec<bool> = (1000..1600)
        .step_by(50)
        .map(|size| {
            let root = demo();
            fs::write(root.path().join("a.bin"), vec![0; size << 10]).expect("written");
            fs::write(root.path().join("b.bin"), &noise).expect("written");
            packs(root.path(), &limits, 2).is_some()
        })
        .collect();
    assert!(outcomes[0] && !outcomes[outcomes.len() - 1], "{outcomes:?}");
}

/// Records as a generator of detections writes them: they compress two hundred times and more.
fn records(number: usize) -> String {
    let record = |n| format!(r#"{{"id": "R{:05}", "severity": "low", "enabled": true, "tags": []}}"#, n / 40);
    format!("[{}]", (0..number).map(record).collect::<Vec<_>>().join(", "))
}

#[test]
fn a_table_that_its_author_wrote_is_packed_and_taken_at_the_bounds_of_every_host() {
    for number in [200_000, 600_000] {
        let root = demo();
        let table = records(number);
        fs::write(root.path().join("rules.json"), &table).expect("written");
        let bytes = packs(root.path(), &Limits::default(), 2).expect("packed");
        assert!(table.len() > 100 * bytes.len(), "{} of {}", table.len(), bytes.len());
    }
}

#[test]
fn an_id_that_names_no_directory_everywhere_is_not_packed() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let id = "con".parse().expect("the host takes it");
    let fault = pack(&plugin, &unsigned(&plugin), &id, &PackOptions::default(), Vec::new()).expect_err("a device");
    assert_eq!(fault.reason(), Reason::InvalidPluginId);
    assert!(fault.next_step().contains("another id"), "{}", fault.next_step());
}

/// Packs the directory within those limits, and has the layer read within the same.
fn packed_and_read(root: &std::path::Path, limits: &Limits) -> (bool, bool) {
    let Ok(plugin) = PluginDir::open_with(root, default_threads(), limits) else { return (false, false) };
    let mut bytes = Vec::new();
    let id = "demo".parse().expect("an id");
    let options = PackOptions { threads: 2, mtime: None };
    pack(&plugin, &unsigned(&plugin), &id, &options, &mut bytes).expect("packed");
    let mut staging = Staging::hash_only(limits.clone());
    let read = staging.layer(&titled("demo"), GZIP, bytes.as_slice()).and_then(|()| staging.finish());
    (true, read.is_ok())
}

#[test]
fn what_an_author_may_pack_every_reader_takes_at_every_bound() {
    let long = "n".repeat(120);
    let root = directory(&[("plugin.yaml", MANIFEST), (&long, "x"), ("sub/a", "y"), ("sub/b", "")]);
    let entries = 5;
    let names = ["plugin.yaml", &long, "sub", "sub/a", "sub/b"].concat().len();
    let total = MANIFEST.len() as u64 + 2;
    for (at, below) in [
        (
            Limits { max_entries: entries, ..Limits::default() },
            Limits { max_entries: entries - 1, ..Limits::default() },
        ),
        (
            Limits { max_name_bytes: names, ..Limits::default() },
            Limits { max_name_bytes: names - 1, ..Limits::default() },
        ),
        (
            Limits { max_total_bytes: total, ..Limits::default() },
            Limits { max_total_bytes: total - 1, ..Limits::default() },
        ),
    ] {
        assert_eq!(packed_and_read(root.path(), &at), (true, true), "{at:?}");
        assert_eq!(packed_and_read(root.path(), &below), (false, false), "{below:?}");
    }
}
