//! Signing one file: a drop-in, which a host loads because it is there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aisoc_discovery::MAX_DROPIN_BYTES;
use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{FILE_SIGNATURE_SUFFIX, FileStatement, Fingerprint, KeyHolder, SIGNATURE_FILE, Signature};

use crate::redact::resembles_key;
use crate::sign::{draft, is_same, place, require_replaceable};

/// A file that was signed.
#[derive(Debug)]
pub struct SignedFile {
    /// Where the signature is.
    pub path: PathBuf,
    /// The signature.
    pub signature: Signature,
    /// What was signed: the digest of the file's bytes.
    pub digest: FileDigest,
    /// Whose signature it is.
    pub signer: Fingerprint,
}

/// Signs the bytes of a file, and writes the signature to `FILE.sig` beside it, or to `out`.
///
/// # Errors
/// `forbidden_entry` for a link, for what is no file, for one that is larger than any drop-in, for a key, and for one that
/// could be taken for a plugin's statement; `already_exists` where something stands in the place of the signature that is none; as
/// the signer, and I/O reasons.
pub fn sign_file(file: &Path, signer: &dyn KeyHolder, out: Option<&Path>, dry_run: DryRun) -> Result<SignedFile> {
    let content = read(file)?;
    let statement = FileStatement::of(&content);
    let path = out.map_or_else(|| beside(file), Path::to_owned);
    require_another(&path, file)?;
    require_replaceable(&path)?;
    let signature = aisoc_signing::sign_file(&file.display().to_string(), statement, signer)?;
    if !dry_run.is_on() {
        place(draft(&path, signature.to_hex().as_bytes())?, &path)?;
    }
    Ok(SignedFile { path, signature, digest: statement.digest(), signer: signer.public_key().fingerprint() })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let forbidden = |what: &str| {
        Fault::new(Reason::ForbiddenEntry, format!("`{}` {what}", file.display()))
            .hint("name the file itself, as a host would load it")
    };
    if file.is_symlink() {
        return Err(forbidden("is a link"));
    }
    match read_small(file, MAX_DROPIN_BYTES, Links::Refused) {
        // By a slip of the hand: two files stand beside each other in one command line.
        Ok(read) if std::str::from_utf8(&read.content).is_ok_and(resembles_key) => Err(forbidden("looks like a key")),
        Ok(read) => Ok(read.content),
        Err(SmallFileError::NotAFile) => Err(forbidden("is no regular file")),
        Err(error @ SmallFileError::TooLarge { .. }) => Err(forbidden(&format!("is too large: {error}"))),
        Err(SmallFileError::Io(error)) => Err(Fault::io("read", file, error)),
    }
}

/// An empty file would give way to its own signature.
fn require_another(path: &Path, file: &Path) -> Result<()> {
    match is_same(path, file) {
        false => Ok(()),
        true => Err(Fault::new(Reason::AlreadyExists, format!("`{}` is the file that is signed", path.display()))
            .expected("another file for the signature", "the same")
            .hint("leave out `--out`: the signature stands beside the file then")),
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or(OsStr::new(SIGNATURE_FILE)).to_owned();
    name.push(FILE_SIGNATURE_SUFFIX);
    file.with_file_name(name)
}
