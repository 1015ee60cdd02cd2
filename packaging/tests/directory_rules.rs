//! What refuses a directory or is noted in it: special modes, drafts, names, and what no list can name.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::{
    InstalledDir, Limits, PackOptions, Place, PluginDir, ReferenceDir, Secrets, default_threads, pack, secrets_in,
};
use aisoc_signing::Content;
use common::{MANIFEST, demo, directory, path, unsigned, write};
use rustix::fs::{Mode, OFlags, mkdirat, openat};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

#[track_caller]
fn refusal(root: &Path) -> Fault {
    let fault = PluginDir::open(root).expect_err("it refuses");
    assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}");
    fault
}

fn copied(root: &Path, limits: &Limits) -> Result<PluginDir> {
    PluginDir::copied(root, &Secrets::default(), default_threads(), limits)
}

// ---- on the bench, and as installed

#[test]
fn a_file_that_runs_as_somebody_else_is_in_no_package_and_in_no_installed_tree() {
    for mode in [0o4755, 0o2755, 0o6644] {
        let root = demo();
        set_mode(&root.path().join("plugin.py"), mode);
        assert!(refusal(root.path()).message().contains("runs as its owner or group"));
        assert_eq!(InstalledDir::read(root.path()).expect_err("it refuses").reason(), Reason::ForbiddenEntry);
        let claim = ReferenceDir::read(root.path()).expect("the host reads it").claim();
        assert_eq!(claim.tree().strange, ["plugin.py"]);
    }
    let root = demo();
    set_mode(&root.path().join("plugin.py"), 0o1755);
    assert!(PluginDir::open(root.path()).is_ok(), "the sticky bit lends nobody's rights");
}

#[test]
fn every_reader_takes_the_owners_right_to_run_a_file_and_no_other() {
    for (mode, expected) in [(0o744, true), (0o655, false), (0o644, false)] {
        let root = demo();
        set_mode(&root.path().join("plugin.py"), mode);
        let bench = PluginDir::open(root.path()).expect("a plugin");
        let installed = InstalledDir::read(root.path()).expect("read");
        let reference = ReferenceDir::read(root.path()).expect("read").claim();
        for files in [bench.files(), installed.files(), reference.tree().files.as_ref()] {
            assert_eq!(files.get(&path("plugin.py")).expect("there").executable, expected, "{mode:o}");
        }
    }
}

#[test]
fn drafts_of_our_own_are_left_out_and_python_in_them_refuses() {
    let root = demo();
    write(root.path(), &[(".aisoc-sign-x", "x"), ("sub/.ingest-1/data", "x"), (".aisocignore", "!.aisoc-*\n")]);
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    assert_eq!(plugin.excluded(), [".aisoc-sign-x", ".aisocignore", "sub/.ingest-1/"]);
    assert_eq!(plugin.files().len(), 3);
    write(root.path(), &[("sub/.ingest-1/a.py", "x")]);
    let fault = refusal(root.path());
    assert!(fault.message().contains("`sub/.ingest-1/a.py` is what a killed command left"), "{fault:?}");
    assert!(InstalledDir::read(root.path()).is_ok(), "what is installed is whole");
}

#[test]
fn what_is_left_out_is_named_once_and_not_with_all_that_it_holds() {
    let root = demo();
    let files = [
        ".git/a/b",
        ".git/c",
        ".venv/x.py",
        ".venv/lib/data",
        "out/x",
        "lib/out/y",
        "only/out/z",
        "a.log",
        "lib/b.log",
    ];
    for file in files {
        write(root.path(), &[(file, "x")]);
    }
    write(root.path(), &[(".aisocignore", "out/\n*.log\n"), ("lib/kept", "x")]);
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let expected = [".aisocignore", ".git/", ".venv/", "a.log", "lib/b.log", "lib/out/", "only/out/", "out/"];
    assert_eq!(plugin.excluded(), expected);
    assert!(plugin.files().get(&path(".venv/x.py")).is_some());
    assert!(plugin.files().get(&path("lib/kept")).is_some());
}

#[test]
fn a_size_that_refuses_is_said_with_its_bound_and_what_to_do() {
    let root = demo();
    write(root.path(), &[("data.bin", &"x".repeat(1000))]);
    let open = |limits: Limits| PluginDir::open_with(root.path(), default_threads(), &limits);
    let fault = open(Limits { max_file_bytes: 999, ..Limits::default() }).expect_err("too large");
    let difference = fault.difference().expect("two sizes");
    assert_eq!((difference.expected.as_str(), difference.found.as_str()), ("at most 999 bytes", "1000 bytes"));
    assert!(fault.next_step().contains("`data.bin`"), "{}", fault.next_step());
    write(root.path(), &[(".aisocignore", "data.bin\n")]);
    open(Limits { max_file_bytes: 999, ..Limits::default() }).expect("what is left out counts nothing");
}

#[test]
fn names_are_held_to_their_bytes_in_every_directory() {
    let root = demo();
    let names = ["plugin.yaml", "plugin.py", "sub", "sub/__init__.py"].concat().len();
    for (max_name_bytes, is_read) in [(names, true), (names - 1, false)] {
        let limits = Limits { max_name_bytes, ..Limits::default() };
        assert_eq!(PluginDir::open_with(root.path(), default_threads(), &limits).is_ok(), is_read);
        assert_eq!(InstalledDir::read_with(root.path(), default_threads(), &limits).is_ok(), is_read);
        assert_eq!(ReferenceDir::read_with(root.path(), default_threads(), &limits).is_ok(), is_read);
    }
}

#[test]
fn a_refused_name_is_shown_without_what_it_would_do_to_a_terminal() {
    let root = demo();
    fs::write(root.path().join(OsStr::from_bytes(b"a\x1b[2J\xff.py")), "").expect("written");
    let fault = refusal(root.path());
    assert!(!fault.message().contains('\u{1b}'), "{fault:?}");
    assert!(fault.message().contains("is not UTF-8"), "{fault:?}");
}

#[test]
fn an_empty_directory_is_refused_with_the_command_that_removes_it() {
    let root = demo();
    fs::create_dir(root.path().join("a b")).expect("made");
    let fault = refusal(root.path());
    assert!(fault.message().contains("`a b/` is an empty directory"), "{fault:?}");
    let command = format!("`rmdir '{}/'`", root.path().join("a b").display());
    assert!(fault.next_step().contains(&command), "{}", fault.next_step());
}

#[test]
fn a_private_copy_is_held_to_the_same_rules_and_gives_the_same_files() {
    let root = demo();
    write(root.path(), &[("plugin.sig", "ab"), ("data.bin", &"x".repeat(300_000)), ("a.log", "left")]);
    write(root.path(), &[(".aisocignore", "*.log\n")]);
    let opened = PluginDir::open(root.path()).expect("a plugin");
    let copy = copied(root.path(), &Limits::default()).expect("copied");
    assert_eq!((copy.files(), copy.excluded()), (opened.files(), opened.excluded()));
    assert_eq!(copy.manifest_bytes(), opened.manifest_bytes());
    assert_eq!(copy.signature(), Some(&Content::Whole(b"ab".to_vec())));
    assert!(copied(root.path(), &Limits { max_file_bytes: 299_999, ..Limits::default() }).is_err());
    symlink("plugin.py", root.path().join("link")).expect("linked");
    assert!(copied(root.path(), &Limits::default()).is_err());
}

// ---- as the host reads it

#[test]
fn what_no_list_can_name_is_noted_in_order() {
    let root = demo();
    symlink("plugin.py", root.path().join("z-link.py")).expect("linked");
    symlink("sub", root.path().join("a-link")).expect("linked");
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).expect("bound");
    fs::write(root.path().join(OsStr::from_bytes(b"b\xff.py")), "x").expect("written");
    fs::write(root.path().join("c\nd"), "x").expect("written");
    let claim = ReferenceDir::read(root.path()).expect("read").claim();
    assert_eq!(claim.tree().strange, ["a-link", "b\u{fffd}.py", "c\nd", "socket", "z-link.py"]);
    let listed: Vec<&str> = claim.tree().files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(listed, ["plugin.py", "plugin.yaml", "sub/__init__.py"], "a link is no file of a list");
    assert_eq!(claim.tree().python.len(), 4, "and yet the host would run what it leads to");
}

#[test]
fn manifest_and_signature_are_read_through_links_as_the_host_does() {
    let outside = directory(&[("manifest", MANIFEST), ("signature", "ab"), ("large", &"0".repeat(1025))]);
    let root = directory(&[("plugin.py", "x")]);
    symlink(outside.path().join("manifest"), root.path().join("plugin.yaml")).expect("linked");
    let signature = root.path().join("plugin.sig");
    for (target, expected) in [
        ("signature", Some(Content::Whole(b"ab".to_vec()))),
        ("large", Some(Content::TooLarge { max_bytes: 1024 })),
        (".", Some(Content::NotAFile)),
        ("absent", None),
    ] {
        symlink(outside.path().join(target), &signature).expect("linked");
        let reference = ReferenceDir::read(root.path()).expect("read");
        assert_eq!(reference.manifest_bytes(), MANIFEST.as_bytes());
        assert_eq!(reference.signature(), expected.as_ref(), "{target}");
        fs::remove_file(&signature).expect("removed");
    }
    fs::remove_file(root.path().join("plugin.yaml")).expect("removed");
    fs::create_dir(root.path().join("plugin.yaml")).expect("made");
    assert_eq!(ReferenceDir::read(root.path()).expect_err("a directory").reason(), Reason::ManifestInvalid);
}

#[test]
fn the_subject_of_a_directory_is_its_manifest_and_its_python_by_name_and_content() {
    let subject = |files: &[(&str, &str)]| {
        let root = directory(files);
        ReferenceDir::read(root.path()).expect("read").claim().subject()
    };
    let base = [("plugin.yaml", MANIFEST), ("a.py", "1"), ("b.py", "2")];
    assert_eq!(subject(&base), subject(&base));
    let renamed = MANIFEST.replace("Demo", "Other");
    for other in [
        &[("plugin.yaml", renamed.as_str()), ("a.py", "1"), ("b.py", "2")][..],
        &[("plugin.yaml", MANIFEST), ("a.py", "2"), ("b.py", "1")],
        &[("plugin.yaml", MANIFEST), ("a.py", "1"), ("c.py", "2")],
        &[("plugin.yaml", MANIFEST), ("a.py", "1")],
        &[("plugin.yaml", MANIFEST), ("a.py", "12"), ("b.py", "")],
    ] {
        assert_ne!(subject(&base), subject(other), "{other:?}");
    }
}

#[test]
fn a_signature_is_held_from_each_place_and_only_from_the_top() {
    let fingerprint = format!("plugin.sig.d/{}.sig", "0".repeat(64));
    let root = demo();
    write(root.path(), &[("plugin.sig", "a"), (&fingerprint, "b"), ("sub/plugin.sig", "c"), ("plugin.sig.d/x", "d")]);
    write(root.path(), &[("aisoc-plugin.json", "{}")]);
    let expected: BTreeSet<&str> = ["plugin.sig", &fingerprint].into();
    let bench = PluginDir::open(root.path()).expect("a plugin").claim();
    let installed = InstalledDir::read(root.path()).expect("read").claim();
    let reference = ReferenceDir::read(root.path()).expect("read").claim();
    for claim in [bench, installed, reference] {
        let held: BTreeSet<&str> = claim.tree().signature_files.keys().map(String::as_str).collect();
        assert_eq!(held, expected);
    }
}

// ---- secrets

const TOKEN: &str = "a9Kd02LmQx7VbN4tRw8ZyE6uHs1JfGc3PiTo";

fn allowing(root: &Path, allowed: &[&str]) -> Result<PluginDir> {
    let allowed = allowed.iter().map(|name| path(name)).collect();
    PluginDir::open_knowing(root, &Secrets::Refused { allowed }, default_threads(), &Limits::default())
}

#[test]
fn an_allowed_secret_is_shipped_and_said_and_no_other_is() {
    let root = demo();
    write(root.path(), &[("test.key", "x"), ("docs/a.md", &format!("\n\nghp_{TOKEN}\n"))]);
    let plugin = allowing(root.path(), &["test.key", "docs/a.md"]).expect("allowed");
    let said: Vec<String> = plugin.allowed_secrets().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "`docs/a.md` looks like a secret (an access token, line 3)",
            "`test.key` looks like a secret (a private key, by its name)",
        ]
    );
    assert_eq!(plugin.allowed_secrets()[0].place, Some(Place::Line(3)));
    assert!(plugin.files().get(&path("test.key")).is_some());
    let fault = allowing(root.path(), &["test.key"]).expect_err("the other one");
    assert_eq!(fault.reason(), Reason::ForbiddenEntry);
    assert!(fault.message().contains("docs/a.md") && !fault.message().contains("test.key"), "{fault:?}");
    assert!(!fault.to_string().contains(TOKEN), "what was found is not shown");
}

#[test]
fn allowing_what_is_no_secret_is_a_mistake() {
    let root = demo();
    write(root.path(), &[("test.key", "x")]);
    for name in ["plugin.py", "absent.key"] {
        let fault = allowing(root.path(), &["test.key", name]).expect_err(name);
        assert_eq!(fault.reason(), Reason::Usage);
        assert!(fault.message().contains(name), "{fault:?}");
    }
}

#[test]
fn a_refusal_names_a_few_and_counts_all() {
    for (others, is_cut) in [(0, false), (1, false), (5, false), (6, true)] {
        let root = demo();
        for number in 0..=others {
            write(root.path(), &[(&format!("{number}.key"), "x")]);
        }
        let fault = refusal(root.path());
        assert!(fault.message().starts_with("`0.key` looks like a secret"), "{fault:?}");
        assert_eq!(fault.message().contains(&format!("so do {others} more")), others > 0, "{fault:?}");
        assert_eq!(fault.message().contains("`5.key`"), others >= 5, "{fault:?}");
        assert_eq!(fault.message().ends_with(", …"), is_cut, "{fault:?}");
        assert!(!fault.message().contains("`6.key`"), "{fault:?}");
    }
}

#[test]
fn an_unsearched_directory_is_read_with_all_that_it_holds() {
    let root = demo();
    write(root.path(), &[("test.key", "x")]);
    let plugin = PluginDir::open_knowing(root.path(), &Secrets::Unsearched, default_threads(), &Limits::default());
    let plugin = plugin.expect("nothing is published");
    assert!(plugin.files().get(&path("test.key")).is_some() && plugin.allowed_secrets().is_empty());
    assert!(InstalledDir::read(root.path()).is_ok(), "an installed tree is not searched");
}

#[test]
fn what_is_packed_in_place_is_what_was_read() {
    let root = demo();
    write(root.path(), &[("data.bin", &"0123456789".repeat(50_000))]);
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    let copy = copied(root.path(), &Limits::default()).expect("copied");
    let bytes = |plugin: &PluginDir| {
        let mut bytes = Vec::new();
        let id = "demo".parse().expect("an id");
        pack(plugin, &unsigned(plugin), &id, &PackOptions::default(), &mut bytes).expect("packed");
        bytes
    };
    assert_eq!(bytes(&plugin), bytes(&copy));
    let digest = plugin.files().get(&path("data.bin")).expect("there").digest;
    assert_eq!(digest, FileDigest::of("0123456789".repeat(50_000).as_bytes()));
    assert!(secrets_in(&String::from_utf8_lossy(plugin.manifest_bytes())).is_empty());
}

/// A refusal may be about what was in there alone, so whoever judges asks for it. Nothing is unlistable to root but what
/// has too long a path.
#[test]
fn a_directory_that_cannot_be_listed_is_remembered() {
    let root = tempfile::tempdir().expect("a directory");
    fs::write(root.path().join("plugin.yaml"), "id: demo\n").expect("written");
    assert!(ReferenceDir::read(root.path()).expect("readable").unread().is_none());
    let name = "d".repeat(250);
    let mut at = File::open(root.path()).expect("opened");
    for _ in 0..18 {
        mkdirat(&at, &name, Mode::RWXU).expect("made");
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        at = openat(&at, &name, flags, Mode::empty()).expect("opened").into();
    }
    let read = ReferenceDir::read(root.path()).expect("readable");
    let unread = read.unread().expect("the last of them");
    assert!(unread.message().starts_with("cannot list `"), "{unread:?}");
}
