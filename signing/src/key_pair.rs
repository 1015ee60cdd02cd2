//! The pair of files that `keygen` writes: both, whole, or neither.
#![expect(
    clippy::disallowed_methods,
    reason = "it removes the half of a pair that it has just written, and what `--force` replaces"
)]

use std::fs;
use std::path::{Path, PathBuf};

use aisoc_files::{Nameless, parent, settle, shell_word, sync_directory};
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::key::{SigningKey, wipe_stack};

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
/// Both are on disk, without a name, before either gets its own, and each appears whole: a process that is
/// killed leaves no private key that nobody knows of. The private key comes first: a public key without its
/// private half would be trusted and useless. When a pair is replaced, the old public half goes before
/// anything else, so that a process killed in between leaves half a pair, which the next call names, or
/// none, and never two halves of different pairs.
///
/// # Errors
/// `key_exists` when either file is there and may not be replaced; nothing is written then.
pub fn write_key_pair(prefix: &Path, key: &SigningKey, overwrite: Overwrite) -> Result<WrittenPair> {
    write(prefix, &key.to_pem(), key, overwrite)
}

/// As [`write_key_pair`], with a private key that needs that passphrase.
///
/// # Errors
/// As [`write_key_pair`].
pub fn write_encrypted_key_pair(
    prefix: &Path,
    key: &SigningKey,
    passphrase: &[u8],
    overwrite: Overwrite,
) -> Result<WrittenPair> {
    write(prefix, &key.to_encrypted_pem(passphrase)?, key, overwrite)
}

fn write(prefix: &Path, private: &str, key: &SigningKey, overwrite: Overwrite) -> Result<WrittenPair> {
    let pair = pair_at(prefix);
    if overwrite == Overwrite::Refuse {
        refuse_present(&pair)?;
    }
    let public = key.public_key().to_pem();
    let private = Half::write(&pair.private, private.as_bytes(), 0o600)?;
    let public = Half::write(&pair.public, public.as_bytes(), 0o644)?;
    match overwrite {
        Overwrite::Refuse => place_new(&pair, private, public)?,
        Overwrite::Replace => replace(&pair, private, public)?,
    }
    settle(&pair.public).map_err(|error| Fault::io("write the key", &pair.public, error))?;
    wipe_stack();
    Ok(pair)
}

/// The files of the pair of that name, whether they are there or not.
pub fn pair_at(prefix: &Path) -> WrittenPair {
    let with_suffix = |suffix: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    };
    WrittenPair { private: with_suffix(".key"), public: with_suffix(".pem") }
}

/// Refuses a name under which a file of a pair exists, before there is a key to write.
///
/// # Errors
/// `key_exists`.
pub fn require_no_pair(prefix: &Path) -> Result<()> {
    refuse_present(&pair_at(prefix))
}

fn refuse_present(pair: &WrittenPair) -> Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    match (is_there(&pair.private), is_there(&pair.public)) {
        (false, false) => Ok(()),
        (true, false) => Err(half_a_pair(pair)),
        (true, true) => Err(key_exists(&pair.private)),
        (false, true) => Err(key_exists(&pair.public)),
    }
}

/// What a keygen leaves that was stopped between its two files.
fn half_a_pair(pair: &WrittenPair) -> Fault {
    let (private, public) = (pair.private.display(), pair.public.display());
    let from = shell_word(&pair.private);
    let to = shell_word(&pair.public);
    Fault::new(Reason::KeyExists, format!("`{private}` is half a pair: its public half `{public}` is missing"))
        .hint(format!(
            "write the public half with `openssl pkey -in {from} -pubout -out {to}`, or delete `{from}` if it was never used",
        ))
}

/// One file of a pair, on disk and without a name.
struct Half<'a> {
    path: &'a Path,
    content: &'a [u8],
    file: Nameless,
}

impl<'a> Half<'a> {
    fn write(path: &'a Path, content: &'a [u8], mode: u32) -> Result<Self> {
        let file = Nameless::write(parent(path), mode, content);
        Ok(Self { path, content, file: file.map_err(|error| Fault::io("write the key", path, error))? })
    }

    fn place(self) -> Result<()> {
        self.file.name(self.path, self.content).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => key_exists(self.path),
            _ => Fault::io("write the key", self.path, error),
        })
    }
}

/// Gives both their names, or neither.
fn place_new(pair: &WrittenPair, private: Half<'_>, public: Half<'_>) -> Result<()> {
    private.place()?;
    sync(pair).and_then(|()| public.place()).inspect_err(|_| {
        // Nobody has seen the private key yet; what is reported is why there is no pair.
        let _ = fs::remove_file(&pair.private);
    })
}

fn replace(pair: &WrittenPair, private: Half<'_>, public: Half<'_>) -> Result<()> {
    let unfinished =
        |fault: Fault| fault.hint(format!("`{}` is half a pair now; run the command again", shell_word(&pair.private)));
    remove_old(&pair.public)?;
    sync(pair)
        .and_then(|()| remove_old(&pair.private))
        .and_then(|()| sync(pair))
        .and_then(|()| private.place())
        .and_then(|()| sync(pair))
        .and_then(|()| public.place())
        .map_err(unfinished)
}

fn remove_old(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Fault::io("replace the key", path, error)),
        _ => Ok(()),
    }
}

fn sync(pair: &WrittenPair) -> Result<()> {
    let directory = parent(&pair.private);
    sync_directory(directory).map_err(|error| Fault::io("sync", directory, error))
}

fn key_exists(path: &Path) -> Fault {
    Fault::new(Reason::KeyExists, format!("`{}` exists", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};

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
    fn keygen_names_half_a_pair() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let prefix = directory.path().join("release");
        let key = SigningKey::generate().expect("random numbers");
        fs::write(directory.path().join("release.key"), key.to_pem().as_bytes()).expect("written");
        let fault = write_key_pair(&prefix, &key, Overwrite::Refuse).expect_err("half a pair");
        assert_eq!(fault.reason(), Reason::KeyExists);
        assert!(fault.message().contains("half a pair"), "{fault:?}");
        let pair = write_key_pair(&prefix, &key, Overwrite::Replace).expect("replaced");
        assert_eq!(fs::read(pair.public).expect("public"), key.public_key().to_pem().as_bytes());
    }

    #[test]
    fn a_new_private_key_never_stands_under_another_name() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let prefix = directory.path().join("release");
        let key = SigningKey::generate().expect("random numbers");
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut strange = Vec::new();
                while !is_done.load(Ordering::Relaxed) {
                    let names =
                        fs::read_dir(directory.path()).expect("listed").flatten().map(|entry| entry.file_name());
                    strange.extend(names.filter(|name| name != "release.key" && name != "release.pem"));
                }
                strange
            });
            for _ in 0..50 {
                write_key_pair(&prefix, &key, Overwrite::Replace).expect("replaced");
            }
            is_done.store(true, Ordering::Relaxed);
            assert_eq!(watcher.join().expect("watched"), Vec::<std::ffi::OsString>::new());
        });
    }
}
