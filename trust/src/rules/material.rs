//! Files by which others decide what is trusted: who can change one of them, or put another in its place, decides.
//! Each is judged on the whole way to it, and what was judged is what is read.

use std::path::Path;

use aisoc_files::{Arrival, Links, SmallFileError, Walk, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::proof::{MAX_PROOF_KEY_BYTES, MAX_TRUSTED_ROOT_BYTES, ProofKey, RsaVerifiers, TrustedRoot};

use crate::state_directory::changeable;

/// Reads a trusted root of sigstore.
///
/// # Errors
/// `trusted_root_invalid`, `directory_insecure` for one that others can change, and I/O reasons.
pub fn read_trusted_root(path: &Path, rsa: RsaVerifiers) -> Result<TrustedRoot> {
    let content = trusted_root_file(path)?;
    TrustedRoot::read(&path.display().to_string(), &content, rsa)
}

/// The file of a trusted root, unread.
///
/// # Errors
/// As [`read_trusted_root`], but for what is in it.
pub fn trusted_root_file(path: &Path) -> Result<Vec<u8>> {
    read_judged(path, MAX_TRUSTED_ROOT_BYTES, Reason::TrustedRootInvalid)
}

/// Reads a public key by which others' artifacts are judged.
///
/// # Errors
/// `proof_key_invalid`, `directory_insecure` for one that others can change, and I/O reasons.
pub fn read_proof_key(path: &Path, rsa: RsaVerifiers) -> Result<ProofKey> {
    let content = read_judged(path, MAX_PROOF_KEY_BYTES, Reason::ProofKeyInvalid)?;
    ProofKey::read(&path.display().to_string(), &content, rsa)
}

/// Reads such a file whole. `invalid` is what it is refused for that is no file, or has more than `most` bytes.
///
/// # Errors
/// `invalid`, `directory_insecure` for one that others can change, and I/O reasons.
pub(super) fn read_judged(path: &Path, most: u64, invalid: Reason) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Fault::io("read", path, error);
    let mut walk = Walk::default();
    let (Arrival::Directory(place), Some(name)) =
        (walk.to(aisoc_files::parent(path), Links::Followed).map_err(failed)?, path.file_name())
    else {
        return Err(failed(std::io::ErrorKind::NotFound.into()));
    };
    let content = walk.read_file(&place, name, most).map_err(|error| match error {
        SmallFileError::Io(error) => failed(error),
        error => {
            let file = shell_word(path);
            Fault::new(invalid, format!("`{}` is not read", path.display()))
                .expected(format!("a file of at most {most} bytes"), error.to_string())
                .hint(format!("look at what it is: `ls -l {file}`"))
        }
    })?;
    walk.finish().map_err(changeable)?;
    Ok(content)
}
