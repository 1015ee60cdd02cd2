//! What stands in a plugins directory, put there by hand or by an install.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use aisoc_discovery::{Origin, Sources};
use aisoc_installation::{InstallRecord, Site};
use aisoc_manifests::digest::{ArtifactDigest, CanonicalDigest, TreeDigest};
use aisoc_manifests::warning::Warning;
use aisoc_packaging::{Limits, ReferenceDir};
use tempfile::TempDir;

use common::{failures, found, lines, write};

fn manifest(id: &str) -> String {
    format!("id: {id}\nname: Demo\nversion: '1.2.0'\nplugin_type: enricher\n")
}

fn plugin(site: &Path, directory: &str, id: &str) {
    write(&site.join(directory).join("plugin.yaml"), manifest(id));
    write(&site.join(directory).join("plugin.py"), format!("# {directory}\nclass Plugin: pass\n"));
}

fn recorded(site: &Path, id: &str, reference: &str) {
    let record = InstallRecord {
        schema_version: InstallRecord::SCHEMA_VERSION,
        id: id.parse().expect("an id"),
        version: "1.2.0".to_owned(),
        reference: reference.to_owned(),
        digest: ArtifactDigest::of(b"artifact"),
        index_digest: None,
        platform: None,
        tree_digest: TreeDigest::of(b"tree"),
        canonical_digest: Some(CanonicalDigest::of(b"signed")),
        signature_status: "verified".to_owned(),
        signing_key_id: None,
        signers: Vec::new(),
        coverage: None,
        capabilities: None,
        installed_at: "2026-01-01T00:00:00Z".to_owned(),
        rolled_back_at: None,
        rolled_back_from: None,
    };
    write(&site.join(".aisoc/records").join(format!("{id}.json")), record.to_text().expect("a record"));
    for directory in [site.join(".aisoc"), site.join(".aisoc/records")] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("set");
    }
}

fn site() -> (TempDir, Sources) {
    let root = tempfile::tempdir().expect("a directory");
    let sources = Sources { site: Some(Site::at(root.path())), ..Sources::default() };
    (root, sources)
}

#[test]
fn the_identity_is_the_manifests_and_the_record_says_where_it_is_from() {
    let (root, sources) = site();
    plugin(root.path(), "x", "by-hand");
    plugin(root.path(), "installed", "installed");
    recorded(root.path(), "installed", "registry.example:5000/team/installed:1.2.0");
    plugin(root.path(), "layout", "layout");
    recorded(root.path(), "layout", "oci:/srv/plugins:1.2.0");
    write(
        &root.path().join("legacy/aisoc-plugin.json"),
        r#"{"id":"legacy","name":"L","version":"3","plugin_type":"widget","entry_point":"widget.py"}"#,
    );
    write(&root.path().join("notes/README"), "no plugin");
    let found = found(&sources);
    assert_eq!(
        lines(&found),
        [
            "dir widget legacy 3 <local> file:widget.py",
            "dir enricher by-hand 1.2.0 <local> plugin.py:Plugin",
            "oci enricher installed 1.2.0 registry.example:5000/team/installed plugin.py:Plugin",
            "oci enricher layout 1.2.0 oci:/srv/plugins plugin.py:Plugin",
        ]
    );
    assert!(found.failed.is_empty() && found.notes.is_empty());
    for plugin in &found.plugins {
        let claim = ReferenceDir::read(&plugin.place).expect("read").claim();
        assert_eq!(plugin.hash, format!("sha256:{}", claim.statement().expect("a statement").digest().hex()));
    }
    let Origin::Installed(record) = &found.plugins[2].origin else { panic!("{:?}", found.plugins[2].origin) };
    assert_eq!(record.digest, ArtifactDigest::of(b"artifact"));
}

#[test]
fn the_first_directory_has_the_id_and_the_second_fails_with_both_places() {
    let (root, sources) = site();
    plugin(root.path(), "b", "same");
    plugin(root.path(), "a", "same");
    plugin(root.path(), "same", "same");
    recorded(root.path(), "same", "registry.example/team/same:1");
    let found = found(&sources);
    assert_eq!(lines(&found), ["dir enricher same 1.2.0 <local> plugin.py:Plugin"]);
    assert_eq!(found.plugins[0].place, root.path().join("a"));
    assert_eq!(failures(&found), ["dir same duplicate_plugin_id", "oci same duplicate_plugin_id"]);
    let at = |name: &str| root.path().join(name).display().to_string();
    assert_eq!(
        found.failed[0].fault.message(),
        format!(
            "duplicate plugin id 'same': already registered from '{}', cannot also register from '{}'",
            at("a"),
            at("b")
        )
    );
    assert!(found.failed[1].fault.message().ends_with(&format!("from '{}'", at("same"))));
    assert_eq!(found.failed[1].version.as_deref(), Some("1.2.0"));
}

#[test]
fn what_cannot_be_read_is_failed_and_never_left_out() {
    let (root, sources) = site();
    plugin(root.path(), "good", "good");
    write(&root.path().join("bad-yaml/plugin.yaml"), "id: [");
    write(&root.path().join("no-type/plugin.yaml"), "id: no-type\nname: x\nversion: '1'\n");
    write(
        &root.path().join("date/plugin.yaml"),
        "id: date\nname: x\nversion: '1'\nplugin_type: widget\nwhen: 2026-01-01\n",
    );
    plugin(root.path(), "linked", "linked");
    symlink("plugin.py", root.path().join("linked/other.py")).expect("linked");
    symlink("good", root.path().join("link")).expect("linked");
    plugin(root.path(), "broken-record", "broken-record");
    write(&root.path().join(".aisoc/records/broken-record.json"), "{}");
    plugin(root.path(), "renamed", "another");
    recorded(root.path(), "renamed", "registry.example/team/renamed:1");
    recorded(root.path(), "gone", "registry.example/team/gone:1");
    let found = found(&sources);
    assert_eq!(lines(&found), ["dir enricher good 1.2.0 <local> plugin.py:Plugin"]);
    assert_eq!(
        failures(&found),
        [
            "dir bad-yaml manifest_invalid",
            "dir date manifest_not_canonical",
            "dir link directory_insecure",
            "dir linked forbidden_entry",
            "dir no-type manifest_field_missing",
            "oci broken-record record_invalid",
            "oci gone io_not_found",
            "oci another identity_ambiguous",
        ]
    );
}

#[test]
fn a_plugins_directory_that_is_absent_holds_nothing_and_one_that_is_none_is_failed() {
    let (root, _) = site();
    let at = |name: &str| Sources { site: Some(Site::at(root.path().join(name))), ..Sources::default() };
    write(&root.path().join("file"), "");
    let absent = found(&at("absent"));
    assert!(absent.plugins.is_empty() && absent.failed.is_empty());
    let none = found(&at("file"));
    assert_eq!(failures(&none), [format!("dir {} io_error", root.path().join("file").display())]);
}

#[test]
fn many_plugins_are_found_in_order() {
    let (root, sources) = site();
    for number in 0..300 {
        plugin(root.path(), &format!("p{number:05}"), &format!("id-{number:05}"));
    }
    let found = found(&sources);
    assert_eq!((found.plugins.len(), found.failed.len()), (300, 0));
    assert!(found.plugins.is_sorted_by(|one, other| one.id < other.id));
}

#[test]
fn a_pass_that_is_interrupted_says_nothing() {
    let (root, sources) = site();
    plugin(root.path(), "one", "one");
    let limits = Limits::default();
    limits.cancellation.cancel();
    let fault = aisoc_discovery::discover(&sources, &limits).expect_err("interrupted");
    assert_eq!(fault.reason(), aisoc_manifests::fault::Reason::Interrupted);
}

#[test]
fn an_archive_among_the_plugins_is_passed_over_with_a_word() {
    let (root, sources) = site();
    for name in ["handed.zip", "Handed.ZIP"] {
        write(&root.path().join(name), "PK");
    }
    symlink("handed.zip", root.path().join("link.zip")).expect("linked");
    write(&root.path().join("handed.tar"), "");
    fs::create_dir(root.path().join("empty.zip")).expect("made");
    // A directory is no archive, whatever it is called.
    plugin(root.path(), "demo.zip", "demo");
    let found = found(&sources);
    assert_eq!(lines(&found), ["dir enricher demo 1.2.0 <local> plugin.py:Plugin"]);
    assert!(found.failed.is_empty(), "{found:?}");
    let said: Vec<_> = found.notes.iter().map(|note| (note.warning, note.message.clone())).collect();
    let expected = ["Handed.ZIP", "handed.zip", "link.zip"].map(|name| {
        let place = root.path().join(name);
        (Warning::ArchiveNotLoaded, format!("`{}` is an archive, and no host loads one", place.display()))
    });
    assert_eq!(said, expected);
}
