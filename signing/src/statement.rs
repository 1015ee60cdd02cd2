//! `Statement`: exactly what is signed.

use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin::{Document, PythonFiles};

/// Canonical JSON of manifest and `*.py` map, and the SHA-256 that is the Ed25519 message.
#[derive(Debug)]
pub struct Statement {
    canonical: Vec<u8>,
    digest: CanonicalDigest,
}

impl Statement {
    /// Describes a manifest and the Python files beside it.
    ///
    /// # Errors
    /// `manifest_not_canonical`, naming the value that has no canonical form.
    pub fn describe(document: &Document, python: &PythonFiles) -> Result<Self> {
        let canonical = document.signed_payload(python)?;
        let digest = CanonicalDigest::of(&canonical);
        Ok(Self { canonical, digest })
    }

    /// The canonical JSON, pure ASCII.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// Its SHA-256: the 32 bytes that are signed.
    pub fn digest(&self) -> CanonicalDigest {
        self.digest
    }
}
