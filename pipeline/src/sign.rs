//! `PluginDir` → `Statement` → `SignedStatement` → `plugin.sig`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aisoc_drafts::{Draft, Existing, parent, sweep};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_packaging::PluginDir;
use aisoc_signing::{Fingerprint, SIGNATURE_FILE, Signature, SigningKey, sign};

/// How the temporary names of signatures begin.
const DRAFTS: &str = ".aisoc-signature-";

/// A signature that was written.
#[derive(Debug)]
pub struct SignedDirectory {
    /// Where.
    pub path: PathBuf,
    /// The signature.
    pub signature: Signature,
    /// The canonical digest that it is over.
    pub digest: Digest,
    /// Whose it is.
    pub signer: Fingerprint,
}

/// Signs a plugin's directory and writes `plugin.sig` into it, or to `out`.
///
/// # Errors
/// `forbidden_entry` for links and devices, `manifest_*` for a manifest that cannot be signed; the
/// old signature stays then.
pub fn sign_directory(directory: &Path, key: &SigningKey, out: Option<&Path>) -> Result<SignedDirectory> {
    // What a killed run left would be taken for a file of the plugin.
    sweep(directory, DRAFTS);
    let plugin = PluginDir::open(directory)?;
    let signed = sign(plugin.claim().statement().map_err(|fault| fault.below(directory))?, key);
    let path = out.map_or_else(|| directory.join(SIGNATURE_FILE), Path::to_owned);
    write(&path, signed.signature())?;
    Ok(SignedDirectory {
        path,
        signature: *signed.signature(),
        digest: signed.statement().digest(),
        signer: signed.signer(),
    })
}

/// Written beside and renamed: a verifier that looks meanwhile sees the old signature or the new one.
/// Not synced: a power cut can lose a signature, which the same command makes again, bit for bit; it
/// cannot make another one verify.
fn write(path: &Path, signature: &Signature) -> Result<()> {
    let fail = |error| Fault::io("write the signature", path, error);
    let mut draft = Draft::create(parent(path), DRAFTS, 0o644).map_err(fail)?;
    draft.write_all(signature.to_hex().as_bytes()).map_err(fail)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    draft.file().set_permissions(mode).map_err(fail)?;
    draft.place(path, Existing::Replace).map_err(fail)
}
