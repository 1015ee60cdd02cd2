//! `stage(pack(dir)) == dir`, and packing is the same bytes for everybody.

mod common;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use aisoc_manifests::artifact::{Artifact, LayerForm};
use aisoc_manifests::digest::{Digest, FileDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{
    InstalledDir, Limits, PackOptions, PluginDir, Secrets, assemble, default_threads, foretell, pack,
};
use common::{GZIP, MANIFEST, demo, directory, inspect, packed, path, stage_into, titled, unsigned, write};
use proptest::prelude::*;

/// Names that begin with a letter, so that no rule leaves them out, at all lengths that headers treat differently.
fn names() -> impl Strategy<Value = String> {
    let component = prop_oneof![
        8 => "[a-z][a-z0-9_.-]{0,10}[a-z0-9]",
        2 => "[a-zéß漢][a-z0-9é]{60,80}",
        1 => "[a-z]{101,140}",
    ];
    prop::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"))
}

fn trees() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
    let content = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000),
        1 => (any::<u8>(), 0..300_000_u32).prop_map(|(seed, size)| {
            (0..size).map(|i| (i as u8).wrapping_mul(seed) ^ (i >> 7) as u8).collect()
        }),
        1 => (any::<u32>(), 0..300_000_usize).prop_map(|(seed, size)| noise(seed, size)),
    ];
    prop::collection::vec((names(), content, any::<bool>()), 0..12)
}

/// Bytes that do not compress.
fn noise(seed: u32, size: usize) -> Vec<u8> {
    let mut state = u64::from(seed) | 1 << 40;
    let step = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some((state >> 24) as u8)
    };
    std::iter::repeat_with(step).flatten().take(size).collect()
}

/// Writes what can be written: a name may already be a directory, or collide.
fn make(files: &[(String, Vec<u8>, bool)]) -> tempfile::TempDir {
    let root = directory(&[("plugin.yaml", MANIFEST)]);
    for (name, content, executable) in files {
        let path = root.path().join(name);
        if fs::create_dir_all(path.parent().expect("a parent")).is_ok() && fs::write(&path, content).is_ok() {
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        }
    }
    root
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn staging_what_was_packed_gives_the_same_files(files in trees()) {
        let root = make(&files);
        let Ok(plugin) = PluginDir::open(root.path()) else { return Ok(()) };
        let bytes = packed(root.path(), 2);
        for threads in [1, 4, 2] {
            prop_assert!(packed(root.path(), threads) == bytes);
        }
        let plugins = tempfile::tempdir().expect("a directory");
        let staged = stage_into(plugins.path(), &titled("demo"), GZIP, bytes.as_slice()).expect("staged");
        prop_assert_eq!(staged.files(), plugin.files());
        let (place, name) = staged.into_place();
        let present = InstalledDir::read(&place.path().join(name)).expect("read");
        prop_assert_eq!(present.files(), plugin.files());
        let seen = inspect(&titled("demo"), GZIP, bytes.as_slice()).expect("walked");
        prop_assert_eq!(seen.subject(), plugin.claim().subject());
    }
}

#[test]
fn an_independent_reader_sees_the_same_entries() {
    let root = demo();
    let long = format!("{}/{}.py", "d".repeat(120), "f".repeat(120));
    write(root.path(), &[(&long, "long"), ("bin/run.sh", "#!/bin/sh\n")]);
    fs::set_permissions(root.path().join("bin/run.sh"), fs::Permissions::from_mode(0o700)).expect("set");
    let bytes = packed(root.path(), 2);
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut inflated).expect("one member");
    assert_eq!(&bytes[..10], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], "no name, no time, no system");
    assert!(inflated.ends_with(&[0; 1024]) && inflated[inflated.len() - 1536..][..512] != [0; 512]);

    let mut archive = tar::Archive::new(inflated.as_slice());
    let mut seen = Vec::new();
    for entry in archive.entries().expect("a tar") {
        let entry = entry.expect("an entry");
        let header = entry.header();
        assert_eq!((header.uid().expect("uid"), header.gid().expect("gid"), header.mtime().expect("time")), (0, 0, 0));
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("text");
        seen.push((name, header.mode().expect("a mode")));
    }
    let expected: Vec<(String, u32)> = [
        ("demo/".to_owned(), 0o755),
        ("demo/bin/".to_owned(), 0o755),
        ("demo/bin/run.sh".to_owned(), 0o755),
        (format!("demo/{}/", "d".repeat(120)), 0o755),
        (format!("demo/{long}"), 0o644),
        ("demo/plugin.py".to_owned(), 0o644),
        ("demo/plugin.yaml".to_owned(), 0o644),
        ("demo/sub/".to_owned(), 0o755),
        ("demo/sub/__init__.py".to_owned(), 0o644),
    ]
    .into();
    assert_eq!(seen, expected);
}

#[test]
fn only_the_given_time_changes_the_bytes() {
    let root = demo();
    let bytes = packed(root.path(), 1);
    fs::File::open(root.path().join("plugin.py"))
        .and_then(|file| file.set_modified(std::time::UNIX_EPOCH))
        .expect("touched");
    assert_eq!(packed(root.path(), 1), bytes);
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let mut dated = Vec::new();
    let options = PackOptions { threads: 1, mtime: Some(1_700_000_000) };
    pack(&plugin, &unsigned(&plugin), &"demo".parse().expect("an id"), &options, &mut dated).expect("packed");
    assert_ne!(dated, bytes);
}

#[test]
fn a_file_that_changes_while_it_is_packed_refuses() {
    for change in ["class Plugin: pass\n", "short", "class Plugin: ...\nmore"] {
        let root = demo();
        let plugin = PluginDir::open(root.path()).expect("a plugin");
        write(root.path(), &[("plugin.py", change)]);
        let fault =
            pack(&plugin, &unsigned(&plugin), &"demo".parse().expect("an id"), &PackOptions::default(), Vec::new())
                .expect_err("it changed");
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains("plugin.py") && fault.message().contains("changed"), "{fault:?}");
    }
}

#[test]
fn the_leave_to_publish_one_tree_packs_no_other() {
    let root = demo();
    let leave = unsigned(&PluginDir::open(root.path()).expect("a plugin"));
    write(root.path(), &[("plugin.py", "class Plugin: pass\n")]);
    let other = PluginDir::open(root.path()).expect("a plugin");
    let fault = pack(&other, &leave, &"demo".parse().expect("an id"), &PackOptions::default(), Vec::new())
        .expect_err("another tree");
    assert_eq!(fault.reason(), Reason::Internal);
    assert!(fault.difference().is_some(), "{fault:?}");
}

#[test]
fn a_private_copy_packs_to_what_was_read_whatever_becomes_of_the_directory() {
    let root = demo();
    write(root.path(), &[("empty.txt", ""), ("data/large.bin", &"0123456789".repeat(100_000))]);
    let expected = packed(root.path(), 1);
    let copy = PluginDir::copied(root.path(), &Secrets::default(), default_threads(), &Limits::default());
    let copy = copy.expect("copied");
    fs::remove_dir_all(root.path()).expect("removed");
    let mut bytes = Vec::new();
    let id = "demo".parse().expect("an id");
    pack(&copy, &unsigned(&copy), &id, &PackOptions { threads: 1, mtime: None }, &mut bytes).expect("packed");
    assert_eq!(bytes, expected);
}

#[test]
fn the_bytes_of_a_file_are_those_that_were_hashed_or_it_is_refused() {
    let root = demo();
    write(root.path(), &[("list.txt", "12345"), ("empty.txt", "")]);
    let (opened, copy) = (
        PluginDir::open(root.path()).expect("a plugin"),
        PluginDir::copied(root.path(), &Secrets::default(), default_threads(), &Limits::default()).expect("copied"),
    );
    for plugin in [&opened, &copy] {
        let content = |name: &str, max_bytes| plugin.small_content(&path(name), max_bytes).expect("read");
        assert_eq!(content("list.txt", 5).as_deref(), Some(&b"12345"[..]));
        assert_eq!(content("list.txt", 6).as_deref(), Some(&b"12345"[..]));
        assert_eq!(content("list.txt", 4), None);
        assert_eq!(content("empty.txt", 0).as_deref(), Some(&b""[..]));
        assert_eq!(content("nowhere.txt", 5), None);
        assert_eq!(content("plugin.yaml", 1_000).as_deref(), Some(plugin.manifest_bytes()));
    }
    for changed in ["54321", "1234", "123456"] {
        write(root.path(), &[("list.txt", changed)]);
        let fault = opened.small_content(&path("list.txt"), 5).expect_err(changed);
        assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{changed}");
        assert!(copy.small_content(&path("list.txt"), 5).expect("held").is_some(), "nobody else writes there");
    }
}

#[test]
fn a_private_copy_is_signed_with_signature_files_and_a_manifest_alone() {
    let root = demo();
    write(root.path(), &[("plugin.sig.d/files", "of another signature"), ("plugin.sig", "ab")]);
    let copied =
        || PluginDir::copied(root.path(), &Secrets::default(), default_threads(), &Limits::default()).expect("copied");
    let manifest = MANIFEST.replace("1.0.0", "2.0.0").into_bytes();
    let signed =
        copied().signed_with(vec![(path("plugin.yaml"), manifest.clone()), (path("plugin.sig"), b"cd".to_vec())]);
    let signed = signed.expect("signed");
    assert_eq!(signed.manifest_bytes(), manifest);
    assert_eq!(signed.files().get(&path("plugin.sig")).map(|entry| entry.digest), Some(FileDigest::of(b"cd")));
    assert!(signed.files().get(&path("plugin.sig.d/files")).is_none());
    assert_eq!(copied().signed_with(vec![(path("plugin.py"), vec![])]).expect_err("code").reason(), Reason::Internal);
    let opened = PluginDir::open(root.path()).expect("a plugin");
    assert_eq!(opened.signed_with(vec![]).expect_err("no copy").reason(), Reason::Internal);
}

#[test]
fn refuses_to_pack_what_every_reader_would_take_for_a_bomb() {
    let root = demo();
    fs::write(root.path().join("zeros.bin"), vec![0; 64 << 20]).expect("written");
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let fault = pack(&plugin, &unsigned(&plugin), &"demo".parse().expect("an id"), &PackOptions::default(), Vec::new())
        .expect_err("a bomb");
    assert_eq!(fault.reason(), Reason::ForbiddenEntry);
}

#[test]
fn an_assembled_artifact_reads_back() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let manifest = Manifest::from_document(&plugin.document().expect("readable")).expect("complete");
    let described = Manifest {
        description: Some("Two\n  li\u{ad}nes\u{1b}[2J\u{e0041}".into()),
        license: Some(String::new()),
        ..manifest
    };
    let leave = unsigned(&plugin);
    let mut bytes = Vec::new();
    let assembled = assemble(&plugin, &leave, &described, &PackOptions::default(), &mut bytes).expect("assembled");
    let again = foretell(&plugin, &described, &PackOptions { threads: 1, mtime: None }).expect("foretold");
    assert_eq!(assembled.manifest, again.manifest);

    let artifact = Artifact::read(assembled.manifest.clone(), None).expect("an artifact");
    let notes = &artifact.manifest().annotations;
    assert_eq!(notes["org.opencontainers.image.description"], "Two lines [2J");
    assert!(!notes.contains_key("org.opencontainers.image.licenses"));
    assert!(!notes.contains_key("org.opencontainers.image.created"));
    let [layer] = artifact.layers() else { panic!("one layer") };
    let LayerForm::Archive { title: Some(title), content_digest: Some(_) } = &layer.form else { panic!("titled") };
    assert_eq!(title.as_str(), "demo");
    assert_eq!(bytes.len() as u64, assembled.layer.size);
    assert_eq!(Digest::of(&bytes), layer.descriptor.digest);
    let staged = inspect(&layer.form, &layer.descriptor.media_type, bytes.as_slice()).expect("staged");
    assert_eq!(staged.files(), plugin.files());
    assert_eq!(Digest::of(&assembled.config), assembled.config_descriptor.digest);

    let options = PackOptions { threads: 1, mtime: Some(1_700_000_000) };
    let dated = assemble(&plugin, &leave, &described, &options, Vec::new()).expect("assembled");
    let dated = Artifact::read(dated.manifest, None).expect("an artifact");
    assert_eq!(dated.manifest().annotations["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
}

#[test]
fn annotations_hold_nothing_that_is_not_seen() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let manifest = Manifest::from_document(&plugin.document().expect("readable")).expect("complete");
    let hostile = "a\u{9b}b\u{202e}\u{200b}\u{e0041}\u{3164}c\u{7f}\u{2028}d \u{ad} é";
    let described = Manifest { name: hostile.into(), author: Some(hostile.into()), ..manifest };
    let assembled = foretell(&plugin, &described, &PackOptions::default()).expect("foretold");
    let artifact = Artifact::read(assembled.manifest, None).expect("an artifact");
    for key in ["title", "authors"] {
        assert_eq!(artifact.manifest().annotations[&format!("org.opencontainers.image.{key}")], "a bc d é");
    }
}
