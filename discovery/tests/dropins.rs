//! Files in the data directory, and who has an id when several sources claim it.

mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use aisoc_discovery::{Compiled, Origin, Source, Sources, UserPlugins};
use aisoc_installation::Site;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::warning::Warning;

use common::{failures, found, lines, write};

fn of(data_dir: &Path) -> Sources {
    Sources { data_dir: Some(data_dir.to_owned()), ..Sources::default() }
}

fn dropin(data_dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    write(&data_dir.join("plugins").join(name), content);
}

fn notes(discovery: &aisoc_discovery::Discovery) -> Vec<Warning> {
    discovery.notes.iter().map(|note| note.warning).collect()
}

#[test]
fn each_place_has_its_kind_and_its_names() {
    let data = tempfile::tempdir().expect("a directory");
    for name in [
        "loaders/x_loader.py",
        "loaders/loader.py",
        "loaders/x_loader.pyc",
        "tools/x_plugin.py",
        "tools/plugin_x.py",
        "cleaners/x.py",
        "cleaners/_x.py",
        "cleaners/base.py",
        "cleaners/x.pyc",
        "archive_handlers/x.py",
        "archive_handlers/registry.py",
        "archive_handlers/__init__.py",
        "domains/x.txt",
        "others/x.py",
        "x.py",
    ] {
        dropin(data.path(), name, "raise SystemExit('run')\n");
    }
    for name in ["domains/one.jsonld", "domains/two.json", "domains/three/domain.jsonld", "domains/four/domain.json"] {
        dropin(data.path(), name, r#"{"@context": {}}"#);
    }
    for name in ["domains/_five/domain.json", "domains/six/other.json"] {
        dropin(data.path(), name, "not read");
    }
    let found = found(&of(data.path()));
    assert_eq!(
        lines(&found),
        [
            "dropin archive_handler archive_handler/x 0.0.0+local <local> file:archive_handlers/x.py",
            "dropin cleaner cleaner/x 0.0.0+local <local> file:cleaners/x.py",
            "dropin domain domain/four 0.0.0+local <local> file:domains/four/domain.json",
            "dropin domain domain/one 0.0.0+local <local> file:domains/one.jsonld",
            "dropin domain domain/three 0.0.0+local <local> file:domains/three/domain.jsonld",
            "dropin domain domain/two 0.0.0+local <local> file:domains/two.json",
            "dropin loader loader/x_loader 0.0.0+local <local> file:loaders/x_loader.py",
            "dropin tool tool/x_plugin 0.0.0+local <local> file:tools/x_plugin.py",
        ]
    );
    assert!(found.failed.is_empty() && found.notes.is_empty(), "{found:?}");
    let loader = &found.plugins[6];
    assert_eq!(loader.hash, format!("sha256:{}", FileDigest::of(b"raise SystemExit('run')\n").hex()));
    assert_eq!(loader.place, data.path().join("plugins/loaders/x_loader.py"));
    let Origin::File { registry, .. } = loader.origin else { panic!("{loader:?}") };
    assert_eq!(registry, "LoaderRegistry");
}

#[test]
fn the_switch_leaves_no_drop_in_and_says_which_it_has_left_out() {
    let data = tempfile::tempdir().expect("a directory");
    dropin(data.path(), "loaders/x_loader.py", "");
    dropin(data.path(), "domains/one.jsonld", "{}");
    let disabled = Sources { user_plugins: UserPlugins::Disabled, ..of(data.path()) };
    let found = found(&disabled);
    assert!(found.plugins.is_empty() && found.failed.is_empty());
    assert_eq!(notes(&found), [Warning::UserPluginDisabledSkip; 2]);
    let path = data.path().join("plugins/loaders/x_loader.py");
    assert_eq!(
        found.notes[0].message,
        format!("`{}` is not loaded (LoaderRegistry): drop-ins are switched off", path.display())
    );
}

#[test]
fn the_switch_does_not_touch_what_an_installer_has_put_there() {
    let (data, site) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    dropin(data.path(), "cleaners/x.py", "");
    let place = site.path().join("lab-1.dist-info");
    write(&place.join("METADATA"), "Name: lab\nVersion: 1\n");
    write(&place.join("entry_points.txt"), "[chaoscypher.cleaners]\nlab = lab:Cleaner\n");
    let sources =
        Sources { site_packages: vec![site.path().to_owned()], user_plugins: UserPlugins::Disabled, ..of(data.path()) };
    assert_eq!(lines(&found(&sources)), ["entry_point cleaner lab 1 lab lab:Cleaner"]);
}

#[test]
fn a_domain_is_data_and_one_that_is_no_json_fails() {
    let data = tempfile::tempdir().expect("a directory");
    for (name, content) in [
        ("a-list.json", &b"[]"[..]),
        ("b-cut.jsonld", b"{\"a\": "),
        ("c-number.json", b"12"),
        ("d-bytes.json", b"{\"a\": \"\xff\"}"),
        ("e-more.json", b"{} {}"),
        ("f-code.json", b"__import__('os')"),
        ("g-empty.json", b""),
    ] {
        dropin(data.path(), &format!("domains/{name}"), content);
    }
    let found = found(&of(data.path()));
    assert_eq!(lines(&found), ["dropin domain domain/a-list 0.0.0+local <local> file:domains/a-list.json"]);
    let expected = ["b-cut", "c-number", "d-bytes", "e-more", "f-code", "g-empty"];
    assert_eq!(failures(&found), expected.map(|stem| format!("dropin domain/{stem} dropin_invalid")));
}

#[test]
fn no_link_and_nothing_but_a_file_is_a_drop_in() {
    let data = tempfile::tempdir().expect("a directory");
    dropin(data.path(), "outside.py", "x = 1\n");
    dropin(data.path(), "cleaners/good.py", "");
    let plugins = data.path().join("plugins");
    symlink("../outside.py", plugins.join("cleaners/link.py")).expect("linked");
    let fifo = plugins.join("cleaners/fifo.py");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    fs::create_dir(plugins.join("cleaners/directory.py")).expect("made");
    fs::write(plugins.join("cleaners").join(std::ffi::OsStr::from_bytes(b"\xff.py")), "").expect("written");
    dropin(data.path(), "cleaners/hid\u{202e}den.py", "");
    dropin(data.path(), "real/x_loader.py", "");
    symlink("real", plugins.join("loaders")).expect("linked");
    dropin(data.path(), "domains/real/domain.json", "{}");
    symlink("real", plugins.join("domains/linked")).expect("linked");
    let found = found(&of(data.path()));
    assert_eq!(
        lines(&found),
        [
            "dropin cleaner cleaner/good 0.0.0+local <local> file:cleaners/good.py",
            "dropin domain domain/real 0.0.0+local <local> file:domains/real/domain.json",
        ]
    );
    assert_eq!(
        failures(&found),
        [
            format!("dropin {} directory_insecure", plugins.join("loaders").display()),
            "dropin \\xFF.py forbidden_entry".to_owned(),
            "dropin cleaner/fifo forbidden_entry".to_owned(),
            "dropin cleaner/link forbidden_entry".to_owned(),
            "dropin domain/linked directory_insecure".to_owned(),
            "dropin hid\\u{202e}den.py forbidden_entry".to_owned(),
        ]
    );
}

#[test]
fn an_archive_is_passed_over_with_a_word() {
    let data = tempfile::tempdir().expect("a directory");
    dropin(data.path(), "tools/handed.zip", "PK");
    dropin(data.path(), "loaders/HANDED.ZIP", "PK");
    // Beside the places, too; a directory is no archive, whatever it is called, and counts as another one does.
    dropin(data.path(), "beside.zip", "PK");
    dropin(data.path(), "others.zip/x.py", "");
    dropin(data.path(), "domains/d.zip/domain.json", "{}");
    let found = found(&of(data.path()));
    assert!(found.failed.is_empty(), "{found:?}");
    assert_eq!(lines(&found), ["dropin domain domain/d.zip 0.0.0+local <local> file:domains/d.zip/domain.json"]);
    assert_eq!(notes(&found), [Warning::ArchiveNotLoaded; 3]);
    let beside = data.path().join("plugins/beside.zip");
    assert_eq!(found.notes[0].message, format!("`{}` is an archive, and no host loads one", beside.display()));
    // The switch is about what counts, and an archive never does.
    let disabled = Sources { user_plugins: UserPlugins::Disabled, ..of(data.path()) };
    let found = common::found(&disabled);
    assert_eq!(notes(&found).iter().filter(|note| **note == Warning::ArchiveNotLoaded).count(), 3);
}

#[test]
fn two_files_of_one_id_are_told_apart_by_their_paths() {
    let data = tempfile::tempdir().expect("a directory");
    for name in ["domains/x.json", "domains/x.jsonld", "domains/x/domain.json", "domains/x/domain.jsonld"] {
        dropin(data.path(), name, "{}");
    }
    let found = found(&of(data.path()));
    assert_eq!(lines(&found), ["dropin domain domain/x 0.0.0+local <local> file:domains/x/domain.json"]);
    assert_eq!(failures(&found), ["dropin domain/x duplicate_plugin_id"; 3]);
    let at = |name: &str| data.path().join("plugins/domains").join(name).display().to_string();
    assert_eq!(
        found.failed[2].fault.message(),
        format!(
            "Duplicate user plugin id 'domain/x': already registered from '{}', cannot also register from '{}'",
            at("x/domain.json"),
            at("x.jsonld")
        )
    );
}

#[test]
fn an_unreadable_file_fails_and_has_no_hash() {
    let data = tempfile::tempdir().expect("a directory");
    dropin(data.path(), "cleaners/x.py", "");
    let path = data.path().join("plugins/cleaners/x.py");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("set");
    if fs::File::open(&path).is_ok() {
        eprintln!("SKIPPED: to this user nothing is unreadable");
        return;
    }
    let found = found(&of(data.path()));
    assert_eq!(failures(&found), ["dropin cleaner/x io_denied"]);
    assert_eq!(notes(&found), [Warning::UserPluginAuditHashFailed]);
}

#[test]
fn a_file_is_as_large_as_it_may_be_and_no_larger() {
    const MOST: u64 = 8 << 20;
    for (bytes, is_read) in [(MOST - 1, true), (MOST, true), (MOST + 1, false)] {
        let data = tempfile::tempdir().expect("a directory");
        dropin(data.path(), "cleaners/x.py", "");
        let file = fs::OpenOptions::new().write(true).open(data.path().join("plugins/cleaners/x.py"));
        file.expect("opened").set_len(bytes).expect("grown");
        let found = found(&of(data.path()));
        let failed = if is_read { Vec::new() } else { vec!["dropin cleaner/x forbidden_entry".to_owned()] };
        assert_eq!((found.plugins.len(), failures(&found)), (usize::from(is_read), failed), "{bytes}");
    }
}

#[test]
fn sources_claim_ids_in_their_order_and_only_a_drop_in_takes_what_is_built_in() {
    let root = tempfile::tempdir().expect("a directory");
    let (site, packages, data) = (root.path().join("site"), root.path().join("packages"), root.path().join("data"));
    let manifest = |id: &str| format!("id: {id}\nname: x\nversion: '1'\nplugin_type: widget\n");
    write(&site.join("one/plugin.yaml"), manifest("sdk-one"));
    write(&site.join("two/plugin.yaml"), manifest("two"));
    write(&packages.join("p-1.dist-info/METADATA"), "Name: p\nVersion: 1\n");
    write(&packages.join("p-1.dist-info/entry_points.txt"), "[aisoc.plugins]\ntwo = p:Two\nthree = p:Three\n");
    dropin(&data, "tools/x_plugin.py", "");
    let executable = root.path().join("aisoc");
    let named = |name: &str| (name.to_owned(), "9".to_owned());
    let sources = Sources {
        compiled: Some(Compiled {
            executable: executable.clone(),
            digest: FileDigest::of(b"program"),
            plugins: vec![named("tool/x_plugin"), named("sdk-one")],
        }),
        site: Some(Site::at(&site)),
        site_packages: vec![packages],
        ..of(&data)
    };
    let found = found(&sources);
    assert_eq!(
        lines(&found),
        [
            "compiled sdk sdk-one 9 aisoc compiled:sdk-one",
            "dir widget two 1 <local> plugin.py:Plugin",
            "entry_point extension three 1 p p:Three",
            "dropin tool tool/x_plugin 0.0.0+local <local> file:tools/x_plugin.py",
        ]
    );
    assert_eq!(failures(&found), ["dir sdk-one duplicate_plugin_id", "entry_point two duplicate_plugin_id"]);
    assert_eq!(notes(&found), [Warning::PluginAlreadyRegistered]);
    assert_eq!(found.plugins[0].hash, format!("sha256:{}", FileDigest::of(b"program").hex()));
    assert_eq!((found.plugins[0].source, &found.plugins[0].place), (Source::Compiled, &executable));
}
