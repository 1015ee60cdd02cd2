//! `Claim`: what a package says about itself, rebuilt from bytes that are already in our hands.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};

use crate::statement::Statement;

/// Untrusted: anybody can make one. Worth something only after [`crate::verify`].
#[derive(Debug)]
pub struct Claim {
    subject: Digest,
    file: ManifestFile,
    manifest: Vec<u8>,
    python: PythonFiles,
    signature: Option<Vec<u8>>,
}

impl Claim {
    /// The claim of a tree.
    ///
    /// `subject` is the digest of the whole tree that the bytes were taken from; it follows the claim
    /// into the verdict, so that what is activated is what was verified.
    pub fn new(
        subject: Digest,
        file: ManifestFile,
        manifest: Vec<u8>,
        python: PythonFiles,
        signature: Option<Vec<u8>>,
    ) -> Self {
        Self { subject, file, manifest, python, signature }
    }

    /// The tree that the claim is about.
    pub fn subject(&self) -> Digest {
        self.subject
    }

    /// The bytes of `plugin.sig`, if the tree has one.
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// The manifest, as the host reads it.
    ///
    /// # Errors
    /// `manifest_invalid`.
    pub fn document(&self) -> Result<Document> {
        Document::read(self.file, &self.manifest)
    }

    /// What a signature of this tree must cover.
    ///
    /// # Errors
    /// `manifest_invalid`, `manifest_not_canonical`.
    pub fn statement(&self) -> Result<Statement> {
        Statement::describe(&self.document()?, &self.python)
    }
}
