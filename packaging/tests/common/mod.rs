//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod versions;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{InstallRecord, Limits, PackOptions, PluginDir, Staged, Staging, pack};
use aisoc_signing::{Appearance, Publishable};
use aisoc_testkit::archive::TarBuilder;
use aisoc_trust::{Admitted, Policy, TrustMode, admit};
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";
pub(crate) const GZIP: &str = "application/vnd.aisoc.plugin.v1.tar+gzip";
pub(crate) const TAR: &str = "application/vnd.aisoc.plugin.v1+tar";

/// A directory with those files.
pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), files);
    root
}

pub(crate) fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
}

/// Makes `.aisoc-staging-killed` in `plugins` what a killed process leaves: ours, private, held by nobody.
pub(crate) fn abandon_staging(plugins: &Path) {
    let staging = plugins.join(".aisoc-staging-killed");
    write(&staging, &[(aisoc_files::MARKER, aisoc_files::MARKER_TEXT)]);
    fs::set_permissions(&staging, fs::Permissions::from_mode(0o700)).expect("mode");
}

pub(crate) fn demo() -> TempDir {
    directory(&[("plugin.yaml", MANIFEST), ("plugin.py", "class Plugin: ...\n"), ("sub/__init__.py", "")])
}

pub(crate) fn titled(title: &str) -> LayerForm {
    LayerForm::Archive { title: Some(path(title)), content_digest: None }
}

pub(crate) fn untitled() -> LayerForm {
    LayerForm::Archive { title: None, content_digest: None }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a valid path")
}

/// Stages one layer into `plugins`.
pub(crate) fn stage_into(plugins: &Path, form: &LayerForm, media_type: &str, reader: impl Read) -> Result<Staged> {
    let mut staging = Staging::begin(plugins, Limits::default())?;
    staging.layer(form, media_type, reader)?;
    staging.finish()
}

/// Walks one layer and writes nothing.
pub(crate) fn inspect(form: &LayerForm, media_type: &str, reader: impl Read) -> Result<Staged> {
    let mut staging = Staging::hash_only(Limits::default());
    staging.layer(form, media_type, reader)?;
    staging.finish()
}

/// The leave to publish a plugin that has no signature.
pub(crate) fn unsigned(plugin: &PluginDir) -> Publishable {
    let Appearance::Unsigned(statement) = Appearance::of(&plugin.claim()).expect("readable") else {
        panic!("a signature")
    };
    Publishable::meant_unsigned(statement)
}

pub(crate) fn packed(plugin: &Path, threads: usize) -> Vec<u8> {
    let plugin = PluginDir::open(plugin).expect("a plugin");
    let mut bytes = Vec::new();
    let id = "demo".parse().expect("an id");
    pack(&plugin, &unsigned(&plugin), &id, &PackOptions { threads, mtime: None }, &mut bytes).expect("packed");
    bytes
}

/// An admission of whatever was staged, as trust mode `disabled` gives it.
pub(crate) fn admission(staged: &Staged) -> Admitted {
    let claim = staged.claim().expect("a claim");
    admit(&Policy::of(TrustMode::Disabled), &claim, |_| Err(Fault::new(Reason::Internal, "unread"))).expect("admitted")
}

pub(crate) fn record(staged: &Staged, version: &str) -> InstallRecord {
    InstallRecord {
        schema_version: InstallRecord::SCHEMA_VERSION,
        id: "demo".parse().expect("an id"),
        version: version.to_owned(),
        reference: "localhost:5000/demo:1".to_owned(),
        digest: Digest::of(version.as_bytes()),
        tree_digest: staged.subject(),
        canonical_digest: None,
        signature_status: "skipped".to_owned(),
        signing_key_id: None,
        coverage: None,
        installed_at: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// Everything below a directory: names, kinds, modes, contents and inode numbers.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("there");
            let content = if metadata.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
            let line = format!("{:o} {} {}", metadata.permissions().mode(), metadata.ino(), Digest::of(&content));
            found.insert(path.strip_prefix(root).expect("below").display().to_string(), line);
            if metadata.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}

/// The refusal of an archive below the title `demo`, the same when it is walked and when it is staged.
pub(crate) fn refusal(archive: &[u8]) -> Fault {
    refusal_of(&titled("demo"), TAR, archive)
}

pub(crate) fn refusal_of(form: &LayerForm, media_type: &str, layer: &[u8]) -> Fault {
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("sentinel"), "untouched").expect("written");
    let plugins = outside.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    let before = snapshot(outside.path());
    let Err(staged) = stage_into(&plugins, form, media_type, layer) else { panic!("it was staged") };
    let Err(walked) = inspect(form, media_type, layer) else { panic!("it was walked") };
    assert_eq!(staged.to_string(), walked.to_string());
    assert_eq!(snapshot(outside.path()), before);
    staged
}

#[track_caller]
pub(crate) fn refuses(archive: &[u8], word: &str) {
    let fault = refusal(archive);
    assert_eq!(fault.reason(), Reason::UnsafeArchive, "{fault:?}");
    assert!(fault.to_string().contains(word), "{fault:?} does not say `{word}`");
}

pub(crate) fn good() -> TarBuilder {
    TarBuilder::new().directory("demo/").file("demo/plugin.yaml", MANIFEST).file("demo/plugin.py", "pass\n")
}

pub(crate) fn accepts(form: &LayerForm, media_type: &str, layer: &[u8], files: &[&str]) {
    let plugins = tempfile::tempdir().expect("a directory");
    for staged in [inspect(form, media_type, layer), stage_into(plugins.path(), form, media_type, layer)] {
        let names: Vec<String> = staged.expect("taken").files().iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(names, files);
    }
}

pub(crate) const DEMO: [&str; 2] = ["plugin.py", "plugin.yaml"];

/// As [`refusal`], without the directories.
pub(crate) fn refusal_quick(archive: &[u8]) -> Fault {
    match inspect(&titled("demo"), TAR, archive) {
        Err(fault) => fault,
        Ok(_) => panic!("it was walked"),
    }
}
