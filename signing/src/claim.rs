//! `Claim`: what a package says about itself, rebuilt from bytes that are already in our hands.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles, UNSIGNED_KEYS};

use crate::signature::SIGNATURE_FILE;
use crate::statement::Statement;
use crate::tree::{FILE_LIST, Integrity, TreeFinding, added_signature, compare};

/// Untrusted: anybody can make one. Worth something only after [`crate::verify`].
#[derive(Debug)]
pub struct Claim {
    tree: ClaimedTree,
    /// The manifest, once it was read: three stages of a verification look into it.
    document: OnceLock<Document>,
}

/// What a claim is made of: the tree as it was read.
#[derive(Debug)]
pub struct ClaimedTree {
    /// The digest of the whole tree that the bytes were taken from; it follows the claim into the
    /// verdict, so that what is activated is what was verified.
    pub subject: Digest,
    /// Which file is the manifest.
    pub manifest_file: ManifestFile,
    /// Its bytes.
    pub manifest: Vec<u8>,
    /// Every `*.py`, as the host finds them.
    pub python: PythonFiles,
    /// Every regular file.
    pub files: Arc<FileMap>,
    /// What stands in the tree and is no file that a list can name: links, devices, forbidden names.
    pub strange: Vec<String>,
    /// The content of the signature files, by name (see [`crate::is_signature_file`]).
    pub signature_files: BTreeMap<String, Vec<u8>>,
}

impl Claim {
    /// The claim of a tree.
    pub fn new(tree: ClaimedTree) -> Self {
        Self { tree, document: OnceLock::new() }
    }

    /// The tree that the claim is about.
    pub fn subject(&self) -> Digest {
        self.tree.subject
    }

    /// The bytes of `plugin.sig`, if the tree has one.
    pub fn signature(&self) -> Option<&[u8]> {
        self.tree.signature_files.get(SIGNATURE_FILE).map(Vec::as_slice)
    }

    /// The signatures of `plugin.sig.d`: file name, the signer's fingerprint that it names, content.
    pub(crate) fn added_signatures(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        self.tree.signature_files.iter().filter_map(|(name, content)| {
            added_signature(name).map(|fingerprint| (name.as_str(), fingerprint, content.as_slice()))
        })
    }

    /// The manifest, as the host reads it.
    ///
    /// # Errors
    /// `manifest_invalid`.
    pub fn document(&self) -> Result<&Document> {
        if let Some(document) = self.document.get() {
            return Ok(document);
        }
        let document = Document::read(self.tree.manifest_file, &self.tree.manifest)?;
        Ok(self.document.get_or_init(|| document))
    }

    /// What a signature of this tree must cover.
    ///
    /// # Errors
    /// `manifest_invalid`, `manifest_not_canonical`.
    pub fn statement(&self) -> Result<Statement> {
        Statement::describe(self.document()?, &self.tree.python)
    }

    /// Everything that was read.
    pub fn tree(&self) -> &ClaimedTree {
        &self.tree
    }

    /// Compares the files with what the manifest states about them.
    ///
    /// # Errors
    /// `integrity_unknown` for a statement of another form.
    pub fn compare_tree(&self, document: &Document) -> Result<TreeFinding> {
        let ClaimedTree { files, manifest_file, strange, signature_files, .. } = &self.tree;
        let list = signature_files.get(FILE_LIST).map(Vec::as_slice);
        // Whoever signs a whole tree signs no manifest with such a key: it was added later.
        let unsigned = UNSIGNED_KEYS.iter().filter(|key| document.root().get(key).is_some());
        let added = unsigned.map(|key| format!("{manifest_file}, key `{key}`"));
        let strange: Vec<String> = strange.iter().cloned().chain(added).collect();
        Ok(compare(Integrity::read(document)?, files, *manifest_file, &strange, list))
    }
}
