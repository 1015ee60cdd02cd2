//! Claims, keys and sites of which the gates are asked.

use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::Fault;
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_signing::{Claim, ClaimedTree, Content, Coverage, Keyring, Overwrite, SigningKey, sign, write_key_pair};
use aisoc_trust::{Consent, Errand, Facts, UnderLock};
use jiff::Timestamp;

pub(crate) const MANIFEST: &[u8] = b"id: demo.one\nname: D\nversion: \"1\"\nplugin_type: enricher\n";

/// A claim of a tree with those signature files, and further files that hold their own names.
pub(crate) fn claim_with(
    subject: &[u8],
    manifest: &[u8],
    signatures: impl IntoIterator<Item = (String, Vec<u8>)>,
    files: &[&str],
) -> Claim {
    let signatures: Vec<(String, Vec<u8>)> = signatures.into_iter().collect();
    let mut present = tree(manifest, files);
    for (name, content) in &signatures {
        present.insert(RelPath::parse(name).expect("a name"), entry(content));
    }
    Claim::new(ClaimedTree {
        subject: TreeDigest::of(subject),
        manifest_file: ManifestFile::Yaml,
        manifest: manifest.to_vec(),
        python: PythonFiles::default(),
        files: Arc::new(present),
        strange: Vec::new(),
        empty_directories: Vec::new(),
        signature_files: signatures.into_iter().map(|(name, content)| (name, Content::Whole(content))).collect(),
    })
}

pub(crate) fn tree(manifest: &[u8], files: &[&str]) -> FileMap {
    let files = files.iter().map(|name| (*name, name.as_bytes())).chain([("plugin.yaml", manifest)]);
    files.map(|(name, content)| (RelPath::parse(name).expect("a name"), entry(content))).collect()
}

pub(crate) fn entry(content: &[u8]) -> FileEntry {
    FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable: false }
}

/// A directory of trusted keys with those names.
pub(crate) fn keyring(keys: &[(&str, &SigningKey)]) -> (tempfile::TempDir, Keyring) {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, key) in keys {
        write_key_pair(&directory.path().join(name), key, Overwrite::Refuse).expect("written");
    }
    let keyring = read(directory.path());
    (directory, keyring)
}

pub(crate) fn read(directory: &Path) -> Keyring {
    Keyring::read(directory).expect("readable")
}

pub(crate) fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

pub(crate) fn signed(manifest: &[u8], key: &SigningKey) -> Vec<u8> {
    sign(claim_with(b"t", manifest, [], &[]).statement().expect("a statement"), key)
        .expect("signed")
        .signature()
        .to_hex()
        .into_bytes()
}

/// `plugin.sig` by the first key, `plugin.sig.d` by each.
pub(crate) fn signature_files(manifest: &[u8], keys: &[&SigningKey]) -> Vec<(String, Vec<u8>)> {
    let named = |key: &&SigningKey| {
        (format!("plugin.sig.d/{}.sig", key.public_key().fingerprint().hex()), signed(manifest, key))
    };
    let first = ("plugin.sig".to_owned(), signed(manifest, keys[0]));
    keys.iter().map(named).chain([first]).collect()
}

/// A site of which those facts are known.
pub(crate) struct Site(pub(crate) Facts);

impl UnderLock for Site {
    type Held = ();

    fn facts(&self) -> &Facts {
        &self.0
    }

    fn held(&self) {}
}

pub(crate) fn facts(coverage_floor: Result<Coverage, Fault>) -> Facts {
    Facts {
        plugin: "demo.one".parse().expect("an id"),
        coverage_floor,
        lowers_floor: false,
        other_spelling: None,
        in_place: None,
        errand: Errand::Arrival,
        consent: Consent::default(),
        lock: None,
    }
}
