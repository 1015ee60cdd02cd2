//! Versions of one plugin, installed, kept, and left in every state that a kill can leave.

use aisoc_trust::Consent;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_installation::{Access, InstallRecord};
use aisoc_manifests::digest::RecordDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_packaging::InstalledDir;
use serde::Serialize;
use tempfile::TempDir;

use super::{
    GZIP, MANIFEST, activate, admission, directory, kept_versions, packed, read_record, record, restore, snapshot,
    stage_into, titled,
};

pub(crate) fn id() -> PluginId {
    "demo".parse().expect("an id")
}

/// Waits a little for the lock: while another test starts a process, that child holds every open file of
/// ours until it has become the program that it runs.
pub(crate) fn access() -> Access {
    // Trees of one manifest are recorded as several versions: which is older is no matter of these tests.
    let consent = Consent { downgrade: true, signer_change: true, ..Consent::default() };
    Access { lock_timeout: Duration::from_secs(5), consent, ..Access::default() }
}

/// A plugin whose content is its version.
pub(crate) fn source(version: &str) -> TempDir {
    directory(&[("plugin.yaml", MANIFEST), ("version.py", &format!("VERSION = '{version}'\n"))])
}

pub(crate) fn install(plugins: &Path, version: &str, keep: u8) {
    let staged = stage_into(plugins, &titled("demo"), GZIP, packed(source(version).path(), 1).as_slice());
    let staged = staged.expect("staged");
    let (admitted, record) = (admission(&staged), record(&staged, version));
    activate(admitted, staged, &record, keep, &access()).expect("activated");
}

pub(crate) fn roll_back(plugins: &Path, wanted: Option<&str>) -> Result<()> {
    restore(plugins, &id(), wanted, &access())
}

pub(crate) fn versions(plugins: &Path) -> Vec<String> {
    kept_versions(plugins, &id()).expect("listed").into_iter().map(|kept| kept.record.version).collect()
}

/// The version in place, when tree and record are about one content.
#[track_caller]
pub(crate) fn current(plugins: &Path) -> String {
    let record = read_record(plugins, &id()).expect("readable").expect("a record");
    let tree = InstalledDir::read(&plugins.join("demo")).expect("a tree");
    assert_eq!(tree.subject(), record.tree_digest, "the record is about the tree in place");
    let content = fs::read_to_string(plugins.join("demo/version.py")).expect("there");
    assert_eq!(content, format!("VERSION = '{}'\n", record.version));
    record.version
}

/// Nothing but the plugin and ours is in the directory, no change is pending, and every slot is whole.
#[track_caller]
pub(crate) fn tidy(plugins: &Path) {
    let names = |path: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
    };
    assert!(names(plugins.to_owned()).iter().all(|name| name == "demo" || name == ".aisoc"), "{plugins:?}");
    assert_eq!(names(plugins.join(".aisoc/pending")), Vec::<String>::new());
    assert_eq!(names(plugins.join(".aisoc/versions/demo")).len(), versions(plugins).len());
}

/// The text of one of our small files, made here by other means: a checksum over the canonical JSON.
pub(crate) fn sealed(content: &impl Serialize) -> String {
    let mut compact = serde_json::to_value(content).expect("JSON");
    compact.sort_all_objects();
    let checksum = RecordDigest::of(compact.to_string().as_bytes());
    let text = serde_json::to_string_pretty(content).expect("JSON");
    format!("{},\n  \"checksum\": \"{checksum}\"\n}}\n", text.strip_suffix("\n}").expect("an object"))
}

/// The note of a change, in the order of its file.
#[derive(Serialize)]
struct Note<'a> {
    schema_version: u32,
    id: &'a str,
    before: Option<&'a InstallRecord>,
    after: Option<&'a InstallRecord>,
    slot: u64,
    moving_inode: u64,
    keep: Option<u8>,
}

/// The note of a kept version, in the order of its file.
#[derive(Serialize)]
struct Kept<'a> {
    schema_version: u32,
    sequence: u64,
    record: &'a InstallRecord,
}

/// Writes down a change as a process does before it makes it.
pub(crate) fn unfinished(
    plugins: &Path,
    before: Option<&InstallRecord>,
    after: Option<&InstallRecord>,
    slot: u64,
    moving: &Path,
    keep: Option<u8>,
) {
    let moving_inode = fs::metadata(moving).expect("there").ino();
    let note = Note { schema_version: 1, id: "demo", before, after, slot, moving_inode, keep };
    fs::create_dir_all(plugins.join(".aisoc/pending")).expect("made");
    fs::write(plugins.join(".aisoc/pending/demo.json"), sealed(&note)).expect("written");
}

/// Writes down that the tree in `slot` is a kept version.
pub(crate) fn keep(slot: &Path, sequence: u64, record: &InstallRecord) {
    fs::write(slot.join("kept.json"), sealed(&Kept { schema_version: 1, sequence, record })).expect("written");
}

pub(crate) fn record_file(plugins: &Path) -> PathBuf {
    plugins.join(".aisoc/records/demo.json")
}

/// What the record's file says, whatever tree is in place.
pub(crate) fn recorded(plugins: &Path) -> InstallRecord {
    InstallRecord::parse(&fs::read(record_file(plugins)).expect("there")).expect("a record")
}

/// The record that an install of `version` writes, and its tree in `place`.
pub(crate) fn incoming(version: &str, place: &Path) -> InstallRecord {
    let elsewhere = tempfile::tempdir().expect("a directory");
    install(elsewhere.path(), version, 0);
    fs::create_dir_all(place.parent().expect("a parent")).expect("made");
    fs::rename(elsewhere.path().join("demo"), place).expect("one file system");
    recorded(elsewhere.path())
}

/// Reading heals nothing and writes nothing.
#[track_caller]
pub(crate) fn reads_without_writing(plugins: &Path, expected: &str) {
    let before = snapshot(plugins);
    assert_eq!(current(plugins), expected);
    let _ = versions(plugins);
    assert_eq!(snapshot(plugins), before);
}
