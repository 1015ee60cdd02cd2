//! `Claim`: what a package says about itself, rebuilt from bytes that are already in our hands.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aisoc_manifests::digest::{CanonicalDigest, FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles, UNSIGNED_KEYS};

use crate::content::Content;
use crate::key::Fingerprint;
use crate::signature::SIGNATURE_FILE;
use crate::statement::Statement;
use crate::tree::{Covered, FILE_LIST, Integrity, TreeFinding, added_signature, compare, stamped_signer};

/// Untrusted: anybody can make one. Worth something only after [`crate::verify`].
#[derive(Debug)]
pub struct Claim {
    tree: ClaimedTree,
    /// The manifest, once it was read: three stages of a verification look into it.
    document: OnceLock<Document>,
    /// What [`Claim::told`] says.
    told: OnceLock<(CanonicalDigest, TreeFinding)>,
}

/// What a claim is made of: the tree as it was read.
#[derive(Debug)]
pub struct ClaimedTree {
    /// The digest of the whole tree that the bytes were taken from; it follows the claim into the
    /// verdict, so that what is activated is what was verified.
    pub subject: TreeDigest,
    /// Which file is the manifest.
    pub manifest_file: ManifestFile,
    /// Its bytes, all of them.
    pub manifest: Vec<u8>,
    /// Every `*.py`, as the host finds them.
    pub python: PythonFiles,
    /// Every regular file.
    pub files: Arc<FileMap>,
    /// What stands in the tree and is no file that a list can name: links, devices, forbidden names.
    pub strange: Vec<String>,
    /// Directories in which no file is, with a slash at the end.
    pub empty_directories: Vec<String>,
    /// The content of the signature files, by name (see [`crate::is_signature_file`]).
    pub signature_files: BTreeMap<String, Content>,
}

impl Claim {
    /// The claim of a tree.
    pub fn new(tree: ClaimedTree) -> Self {
        Self { tree, document: OnceLock::new(), told: OnceLock::new() }
    }

    /// The tree that the claim is about.
    pub fn subject(&self) -> TreeDigest {
        self.tree.subject
    }

    /// What `plugin.sig` holds, if the tree has one.
    pub fn signature(&self) -> Option<&Content> {
        self.tree.signature_files.get(SIGNATURE_FILE)
    }

    /// The signatures of `plugin.sig.d`: file name, the signer's fingerprint that it names, content.
    pub(crate) fn added_signatures(&self) -> impl Iterator<Item = (&str, Fingerprint, &Content)> {
        self.tree
            .signature_files
            .iter()
            .filter_map(|(name, content)| added_signature(name).map(|signer| (name.as_str(), signer, content)))
    }

    /// The timestamps of `plugin.sig.d`, as [`Claim::added_signatures`].
    pub(crate) fn timestamps(&self) -> impl Iterator<Item = (&str, Fingerprint, &Content)> {
        let files = self.tree.signature_files.iter();
        files.filter_map(|(name, content)| stamped_signer(name).map(|signer| (name.as_str(), signer, content)))
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

    /// What a signature must be over, and how the tree compares with what the manifest states. Both are told once: a
    /// claim may be judged by other keys again, and neither depends on any.
    ///
    /// # Errors
    /// As [`Claim::statement`].
    pub(crate) fn told(&self) -> Result<(CanonicalDigest, Result<TreeFinding>)> {
        if let Some((digest, tree)) = self.told.get() {
            return Ok((*digest, Ok(tree.clone())));
        }
        let document = self.document()?;
        let digest = Statement::describe(document, &self.tree.python)?.digest();
        let tree = self.compare_tree(document);
        if let Ok(tree) = &tree {
            self.told.get_or_init(|| (digest, tree.clone()));
        }
        Ok((digest, tree))
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
        let ClaimedTree { files, manifest_file, manifest, strange, empty_directories, signature_files, .. } =
            &self.tree;
        let Some(integrity) = Integrity::read(document, manifest)? else { return Ok(TreeFinding::NotStated) };
        self.require_hashed_manifest()?;
        // Whoever signs a whole tree signs no manifest with such a key: it was added later.
        let unsigned = UNSIGNED_KEYS.iter().filter(|key| document.root().get(key).is_some());
        let added = unsigned.map(|key| format!("{manifest_file}, key `{key}`"));
        let extra = strange.iter().chain(empty_directories).cloned().chain(added).collect();
        let blank = integrity.blank(manifest);
        let covered = Covered { scheme: integrity.scheme, files, manifest_file: *manifest_file, blank };
        let list = signature_files.get(FILE_LIST).and_then(Content::whole);
        Ok(compare(integrity.tree, covered, extra, list))
    }

    /// The manifest is read once and hashed with the other files; both must have seen the same bytes.
    fn require_hashed_manifest(&self) -> Result<()> {
        let ClaimedTree { files, manifest_file, manifest, .. } = &self.tree;
        let hashed =
            RelPath::parse(manifest_file.name()).ok().and_then(|path| files.get(&path)).map(|entry| entry.digest);
        match hashed.filter(|hashed| *hashed != FileDigest::of(manifest)) {
            None => Ok(()),
            Some(hashed) => {
                Err(Fault::new(Reason::TreeModified, format!("`{manifest_file}` was changed while it was read"))
                    .expected(hashed.to_string(), FileDigest::of(manifest).to_string()))
            }
        }
    }
}
