//! The digest that a signature of a directory covers.

use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_packaging::{Limits, ReferenceDir, default_threads};

use crate::documents::CanonicalDigest;

/// Whether the canonical JSON is shown with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanonicalJson {
    /// It is.
    Shown,
    /// The digest is enough.
    Hidden,
}

/// Reads a directory as the host does, and says what a signature of it would cover.
///
/// # Errors
/// `manifest_missing`, what is wrong with the manifest, I/O reasons.
pub fn canonical_digest(directory: &Path, canonical: CanonicalJson, limits: &Limits) -> Result<CanonicalDigest> {
    let plugin = ReferenceDir::read_with(directory, default_threads(), limits)?;
    let python_file_count = plugin.python().len();
    let statement = plugin.claim().statement().map_err(|fault| fault.below(directory))?;
    let text = || String::from_utf8_lossy(statement.canonical()).into_owned();
    let canonical_json = (canonical == CanonicalJson::Shown).then(text);
    let canonical_digest = format!("sha256:{}", statement.digest().hex());
    Ok(CanonicalDigest { canonical_digest, python_file_count, canonical_json })
}
