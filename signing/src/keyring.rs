//! A directory of trusted public keys.
//!
//! Each file is judged on its own: one that cannot be used is named and skipped, and never breaks
//! the others. Order is by name in code point order; the first key that verifies gives the id.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use jiff::Timestamp;

use crate::key::{Fingerprint, PublicKey};
use crate::key_notes::{KeyNotes, Standing};

/// Largest key file that is read. A public key takes 113 bytes; certificates with notes a few thousand.
const MAX_KEY_FILE_BYTES: u64 = 64 << 10;
/// Most files of a key directory. Beyond, it is not a directory of keys.
const MAX_KEY_FILES: usize = 10_000;

/// The name of a trusted key: its file name without the suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A usable key of the directory.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// File name without suffix.
    pub id: KeyId,
    /// File name.
    pub file: String,
    /// The key.
    pub key: PublicKey,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Whether it may verify anything.
    pub standing: Standing,
}

/// A key file that is not used.
#[derive(Debug)]
pub struct SkippedKey {
    /// File name.
    pub file: String,
    /// Why: `key_invalid`, `weak_key`, or why it could not be read.
    pub fault: Fault,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: error[{}]: {}", self.file, self.fault.reason(), self.fault)
    }
}

/// The keys of a directory, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Keyring {
    directory: PathBuf,
    keys: Vec<TrustedKey>,
    skipped: Vec<SkippedKey>,
}

impl Keyring {
    /// Reads every `*.pem` and `*.pub` of `directory`, in either case, hidden ones included,
    /// sub-directories not. A directory that does not exist holds no keys, which trust then refuses.
    /// `NAME.json` beside `NAME.pem` can limit the key in time or revoke it; `at` is the time to judge by.
    /// A key that is revoked under one name is revoked under every name.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed: unreadable evidence is not absent evidence.
    pub fn read(directory: &Path, at: Timestamp) -> Result<Self> {
        let mut keyring = Self { directory: directory.to_owned(), ..Self::default() };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(keyring),
            Err(error) => return Err(Fault::io("list the trusted keys directory", directory, error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Fault::io("list the trusted keys directory", directory, error))?;
            let name = Text::from_os_bytes(entry.file_name().as_bytes());
            if names.len() == MAX_KEY_FILES {
                return Err(Fault::new(
                    Reason::IoError,
                    format!("`{}` is not a directory of keys", directory.display()),
                )
                .expected(format!("at most {MAX_KEY_FILES} files"), "more"));
            }
            names.push((name, entry.file_name()));
        }
        names.sort();
        for (name, file_name) in names {
            let file = name.to_string();
            let Some(id) = key_id(&file) else {
                continue;
            };
            match read_key(&directory.join(file_name), at) {
                Ok((key, standing)) => {
                    keyring.keys.push(TrustedKey { id, file, fingerprint: key.fingerprint(), key, standing })
                }
                Err(fault) => keyring.skipped.push(SkippedKey { file, fault }),
            }
        }
        keyring.spread_revocations();
        Ok(keyring)
    }

    fn spread_revocations(&mut self) {
        let is_revoked = |key: &&TrustedKey| matches!(key.standing, Standing::Revoked { .. });
        let revoked: Vec<TrustedKey> = self.keys.iter().filter(is_revoked).cloned().collect();
        for key in &mut self.keys {
            if let Some(known) = revoked.iter().find(|revoked| revoked.key == key.key) {
                key.standing = known.standing.clone();
            }
        }
    }

    /// Where the keys are from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The usable keys, in the order in which they are tried.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The key files that are not used, each with its reason.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}

/// The file name without its last suffix, if that is `.pem` or `.pub` in any case. `.pem` alone is a
/// hidden file without a suffix, as in Python's `pathlib`.
fn key_id(file: &str) -> Option<KeyId> {
    let (stem, suffix) = file.rsplit_once('.')?;
    let is_key = suffix.eq_ignore_ascii_case("pem") || suffix.eq_ignore_ascii_case("pub");
    (is_key && !stem.is_empty()).then(|| KeyId(stem.to_owned()))
}

fn read_key(path: &Path, at: Timestamp) -> Result<(PublicKey, Standing)> {
    let key = PublicKey::from_pem(&read_bounded(path)?)?;
    let notes = path.with_extension("json");
    // A link that leads nowhere is there, and cannot be read.
    if notes.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok((key, Standing::Current));
    }
    Ok((key, KeyNotes::read(&notes, &read_bounded(&notes)?)?.standing(at)))
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let fail = |error| Fault::io("read the key", path, error);
    // A FIFO called x.pem would block for ever: look before opening.
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(Fault::new(Reason::KeyInvalid, format!("`{}` is not a regular file", path.display())));
    }
    let mut content = Vec::new();
    let mut file = fs::File::open(path).map_err(fail)?.take(MAX_KEY_FILE_BYTES + 1);
    file.read_to_end(&mut content).map_err(fail)?;
    if content.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(Fault::new(Reason::KeyInvalid, format!("`{}` is larger than a key", path.display()))
            .expected(format!("at most {MAX_KEY_FILE_BYTES} bytes"), "more"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn key_ids_follow_the_hosts_suffix_rule() {
        for (file, id) in [
            ("ops.pem", Some("ops")),
            ("ops.PUB", Some("ops")),
            (".pem", None),
            (".ops.pem", Some(".ops")),
            ("ops", None),
            ("ops.pem.bak", None),
            ("a.b.pem", Some("a.b")),
        ] {
            assert_eq!(key_id(file).as_ref().map(KeyId::as_str), id, "{file}");
        }
    }

    #[test]
    fn one_bad_file_never_breaks_the_others() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let good = SigningKey::generate().expect("random numbers");
        fs::write(directory.path().join("a.pem"), "not a key").expect("written");
        fs::write(directory.path().join("b.pem"), good.to_pem().as_bytes()).expect("written");
        fs::create_dir(directory.path().join("c.pem")).expect("made");
        fs::write(directory.path().join("d.pem"), vec![b'x'; 1 << 20]).expect("written");
        fs::write(directory.path().join("e.pem"), good.public_key().to_pem()).expect("written");
        let keyring = Keyring::read(directory.path(), Timestamp::UNIX_EPOCH).expect("readable");
        assert_eq!(keyring.keys().len(), 1);
        assert_eq!(keyring.keys()[0].id.as_str(), "e");
        assert_eq!(keyring.skipped().len(), 4);
    }
}
