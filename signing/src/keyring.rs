//! A directory of trusted public keys, and the pair of files that `keygen` writes.
//!
//! Each file is judged on its own: one that cannot be used is named and skipped, and never breaks
//! the others. Order is by name in code point order; the first key that verifies gives the id.

use std::fmt;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use jiff::Timestamp;

use crate::key::{PublicKey, SigningKey};
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
                Ok((key, standing)) => keyring.keys.push(TrustedKey { id, file, key, standing }),
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

/// What to do about key files that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave them and refuse.
    Refuse,
    /// Replace them.
    Replace,
}

/// Where a key pair was written.
#[derive(Debug)]
pub struct WrittenPair {
    /// The private key, mode 0600.
    pub private: PathBuf,
    /// The public key, mode 0644.
    pub public: PathBuf,
}

/// Writes `PREFIX.key` (PKCS#8, mode 0600 from its first byte) and `PREFIX.pem` (public).
///
/// Each file appears whole or not at all. The private key comes first: a public key without its
/// private half would be trusted and useless.
///
/// # Errors
/// `key_exists` when either file is there and may not be replaced; nothing is written then.
pub fn write_key_pair(prefix: &Path, key: &SigningKey, overwrite: Overwrite) -> Result<WrittenPair> {
    let with_suffix = |suffix: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    };
    let (private, public) = (with_suffix(".key"), with_suffix(".pem"));
    if overwrite == Overwrite::Refuse
        && let Some(present) = [&private, &public].into_iter().find(|path| path.symlink_metadata().is_ok())
    {
        return Err(key_exists(present));
    }
    publish(&private, key.to_pem().as_bytes(), 0o600, overwrite)?;
    if let Err(fault) = publish(&public, key.public_key().to_pem().as_bytes(), 0o644, overwrite) {
        if overwrite == Overwrite::Refuse {
            // Nobody has seen the private key yet; what is reported is why there is no pair.
            let _ = fs::remove_file(&private);
        }
        return Err(fault);
    }
    Ok(WrittenPair { private, public })
}

fn publish(path: &Path, content: &[u8], mode: u32, overwrite: Overwrite) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fail = |error| Fault::io("write the key", path, error);
    let mut file = tempfile::Builder::new()
        .prefix(".aisoc-key-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(directory)
        .map_err(fail)?;
    file.write_all(content).map_err(fail)?;
    // The mode of an open call is narrowed by the umask; the public key must be readable.
    file.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    match overwrite {
        Overwrite::Replace => file.persist(path).map_err(|error| fail(error.error))?,
        Overwrite::Refuse => file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => key_exists(path),
            _ => fail(error.error),
        })?,
    };
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(fail)
}

fn key_exists(path: &Path) -> Fault {
    Fault::new(Reason::KeyExists, format!("`{}` exists", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

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
    fn keygen_writes_a_private_key_that_only_its_owner_reads_and_never_overwrites() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let prefix = directory.path().join("release");
        let key = SigningKey::generate().expect("random numbers");
        let pair = write_key_pair(&prefix, &key, Overwrite::Refuse).expect("written");
        assert_eq!(fs::metadata(&pair.private).expect("exists").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&pair.public).expect("exists").permissions().mode() & 0o777, 0o644);
        let before = fs::read(&pair.private).expect("readable");
        let other = SigningKey::generate().expect("random numbers");
        assert_eq!(write_key_pair(&prefix, &other, Overwrite::Refuse).expect_err("exists").reason(), Reason::KeyExists);
        assert_eq!(fs::read(&pair.private).expect("readable"), before);
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 2);
        write_key_pair(&prefix, &other, Overwrite::Replace).expect("replaced");
        assert_ne!(fs::read(&pair.private).expect("readable"), before);
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
