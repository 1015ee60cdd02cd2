//! What is read of a directory on the author's bench, of an installed one, and as the host reads it.

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::Reason;
use aisoc_packaging::{InstalledDir, PluginDir, ReferenceDir, reference_files};
use aisoc_signing::Content;
use common::{MANIFEST, demo, directory, write};

#[track_caller]
fn forbids(root: &tempfile::TempDir, word: &str) {
    let fault = PluginDir::open(root.path()).expect_err(word);
    assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}");
    assert!(fault.to_string().contains(word), "{fault:?} does not say `{word}`");
}

fn names(plugin: &PluginDir) -> Vec<&str> {
    plugin.files().iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn ships_what_the_rules_leave() {
    let root = demo();
    write(
        root.path(),
        &[
            ("__pycache__/plugin.cpython-311.pyc", "x"),
            ("sub/x.pyc", "x"),
            (".git/config", "x"),
            (".venv/lib/signed.py", "x"),
            (".venv/lib/data.txt", "x"),
            ("venv/kept.py", "x"),
            ("notes/todo.txt", "x"),
            (".aisocignore", "notes/\n*.log\n!keep.log\nplugin.yaml\n"),
            ("a.log", "x"),
            ("keep.log", "x"),
            ("plugin.sig", "00"),
        ],
    );
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    assert_eq!(
        names(&plugin),
        [
            ".venv/lib/signed.py",
            "keep.log",
            "plugin.py",
            "plugin.sig",
            "plugin.yaml",
            "sub/__init__.py",
            "venv/kept.py"
        ]
    );
    assert_eq!(plugin.excluded(), [".aisocignore", ".git/", ".venv/", "__pycache__/", "a.log", "notes/", "sub/x.pyc"]);
    assert_eq!(plugin.python().len(), 4, "what is signed is what is shipped");
    assert_eq!(plugin.manifest_bytes(), MANIFEST.as_bytes());
    assert_eq!(plugin.signature(), Some(&Content::Whole(b"00".to_vec())));
    assert_eq!(InstalledDir::read(root.path()).expect("read").files().len(), 14, "an installed tree has no rules");
}

#[test]
fn signs_what_the_host_would_and_what_an_install_will_see() {
    let root = demo();
    write(root.path(), &[(".venv/x.py", "x"), ("__pycache__/y.py", "y"), (".git/hooks/z.py", "z"), (".git/HEAD", "")]);
    let bench = PluginDir::open(root.path()).expect("a plugin").claim().statement().expect("a statement");
    let host = || ReferenceDir::read(root.path()).expect("read").claim().statement().expect("a statement");
    assert_eq!(bench.digest(), host().digest(), "no built-in rule hides a Python file from the signature");
    write(root.path(), &[(".aisocignore", ".venv/\n")]);
    let bench = PluginDir::open(root.path()).expect("a plugin").claim().statement().expect("a statement");
    fs::remove_dir_all(root.path().join(".venv")).expect("removed");
    assert_eq!(bench.digest(), host().digest(), "what the author leaves out is neither signed nor shipped");
}

#[test]
fn refuses_links_and_special_files() {
    let root = demo();
    symlink("plugin.py", root.path().join("link.py")).expect("linked");
    forbids(&root, "symbolic link");
    let root = demo();
    symlink("sub", root.path().join("linked")).expect("linked");
    forbids(&root, "symbolic link");
    let root = demo();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("pipe.py"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .expect("made");
    forbids(&root, "FIFO");
    let root = demo();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("s")).expect("bound");
    forbids(&root, "socket");
}

#[test]
fn an_ignored_link_is_no_obstacle() {
    let root = demo();
    symlink("/etc/passwd", root.path().join("link")).expect("linked");
    write(root.path(), &[(".aisocignore", "/link\n")]);
    assert_eq!(PluginDir::open(root.path()).expect("a plugin").files().len(), 3);
}

#[test]
fn refuses_names_that_cannot_be_shipped() {
    for name in [&b"x\xff.py"[..], b"a\nb.py", b"a\\b.py", b"\xe2\x80\xaeyp.x"] {
        let root = demo();
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(name)), "").expect("written");
        let fault = PluginDir::open(root.path()).expect_err("unshippable");
        assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}");
    }
    let root = demo();
    write(root.path(), &[("Plugin.py", "")]);
    forbids(&root, "one name");
}

#[test]
fn refuses_secrets_by_name_and_by_content() {
    for name in ["release.key", ".env", "sub/id_ed25519", "ID_RSA"] {
        let root = demo();
        write(root.path(), &[(name, "x")]);
        forbids(&root, "looks like a secret");
        let fault = PluginDir::open(root.path()).expect_err("a secret");
        assert!(fault.next_step().contains(".aisocignore"), "{}", fault.next_step());
    }
    let root = demo();
    write(root.path(), &[("certs/key.pem", "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n")]);
    forbids(&root, "looks like a secret");
    let root = demo();
    write(root.path(), &[("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nx\n"), (".env.example", "A=\n")]);
    PluginDir::open(root.path()).expect("public certificates are fine");
}

#[test]
fn an_unreadable_directory_is_never_left_out_in_silence() {
    let root = demo();
    fs::set_permissions(root.path().join("sub"), fs::Permissions::from_mode(0o000)).expect("set");
    let outcome = PluginDir::open(root.path());
    fs::set_permissions(root.path().join("sub"), fs::Permissions::from_mode(0o755)).expect("set");
    match outcome {
        Err(fault) => assert_eq!(fault.reason(), Reason::IoDenied),
        Ok(plugin) => assert_eq!(plugin.files().len(), 3, "root reads it"),
    }
}

#[test]
fn needs_a_directory_with_a_manifest() {
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(PluginDir::open(empty.path()).expect_err("empty").reason(), Reason::ManifestMissing);
    assert_eq!(PluginDir::open(&empty.path().join("absent")).expect_err("absent").reason(), Reason::IoNotFound);
    assert_eq!(ReferenceDir::read(empty.path()).expect_err("empty").reason(), Reason::ManifestMissing);
    let json = directory(&[("aisoc-plugin.json", "{}")]);
    assert_eq!(PluginDir::open(json.path()).expect("a plugin").manifest_bytes(), b"{}");
    let large = directory(&[("plugin.yaml", &"#".repeat((1 << 20) + 1))]);
    assert_eq!(PluginDir::open(large.path()).expect_err("large").reason(), Reason::TooLarge);
    assert_eq!(ReferenceDir::read(large.path()).expect_err("large").reason(), Reason::TooLarge);
}

#[test]
fn any_number_of_threads_sees_the_same() {
    let root = demo();
    for number in 0..200 {
        write(root.path(), &[(&format!("d{}/f{number}.py", number % 7), &"x".repeat(number * 997))]);
    }
    let threads = |number| NonZeroUsize::new(number).expect("not zero");
    let one = PluginDir::open_with(root.path(), threads(1), &aisoc_packaging::Limits::default()).expect("a plugin");
    let many = PluginDir::open_with(root.path(), threads(7), &aisoc_packaging::Limits::default()).expect("a plugin");
    assert_eq!(one.files(), many.files());
    let reference = reference_files(root.path(), threads(3)).expect("read");
    assert_eq!(reference, one.python());
}

#[test]
fn the_host_follows_links_to_files_and_counts_caches() {
    let root = demo();
    let outside = directory(&[("target.py", "linked\n"), ("dir/inner.py", "x")]);
    symlink(outside.path().join("target.py"), root.path().join("link.py")).expect("linked");
    symlink(outside.path().join("dir"), root.path().join("linked-dir")).expect("linked");
    symlink("nowhere", root.path().join("broken.py")).expect("linked");
    symlink("circle.py", root.path().join("circle.py")).expect("linked");
    write(
        root.path(),
        &[("__pycache__/cached.py", ""), (".venv/x.py", ""), ("x.py/y.py", ""), ("upper.PY", ""), (".py", "")],
    );
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("s.py")).expect("bound");
    fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"bad\xff.py")), "").expect("written");
    let found = reference_files(root.path(), NonZeroUsize::MIN).expect("read");
    let names: Vec<_> = found.iter().map(|(name, _)| name.to_str_lossy().into_owned()).collect();
    let expected = [
        ".py",
        ".venv/x.py",
        "__pycache__/cached.py",
        "bad\u{fffd}.py",
        "link.py",
        "plugin.py",
        "sub/__init__.py",
        "x.py/y.py",
    ];
    assert_eq!(names.len(), expected.len(), "{names:?}");
    let linked = found.iter().find(|(name, _)| name.as_str() == Some("link.py")).expect("there");
    assert_eq!(*linked.1, FileDigest::of(b"linked\n"));
}

#[test]
fn a_verdict_on_a_directory_is_about_no_staged_tree() {
    let root = demo();
    let claimed = ReferenceDir::read(root.path()).expect("read").claim().subject();
    assert_ne!(claimed, InstalledDir::read(root.path()).expect("read").subject());
    write(root.path(), &[("plugin.py", "other")]);
    assert_ne!(claimed, ReferenceDir::read(root.path()).expect("read").claim().subject());
}

#[test]
fn an_empty_directory_is_refused_by_name_on_the_bench_and_in_an_installed_tree() {
    let root =
        directory(&[("plugin.yaml", MANIFEST), ("logs/a.log", "x"), (".aisocignore", "*.log\n"), ("a/b/c", "x")]);
    PluginDir::open(root.path()).expect("what holds something that is not shipped is not empty");
    assert!(InstalledDir::read(root.path()).is_ok());
    fs::create_dir_all(root.path().join("a/empty/below")).expect("made");
    for fault in [PluginDir::open(root.path()).expect_err("empty"), InstalledDir::read(root.path()).expect_err("empty")]
    {
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains("`a/empty/`"), "{fault}");
    }
    let claim = ReferenceDir::read(root.path()).expect("read").claim();
    assert_eq!(claim.tree().empty_directories, ["a/empty/"]);
}
