//! The pair of files that `keygen` writes: both, whole, or neither.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aisoc_drafts::{Draft, Existing, parent, settle, sweep, sync_directory};
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::key::SigningKey;

/// How the temporary names begin.
const DRAFTS: &str = ".aisoc-key-";

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
/// Both are on disk under temporary names before either gets its own, and each appears whole. The
/// private key comes first: a public key without its private half would be trusted and useless. When
/// a pair is replaced, the old public half goes before anything else, so that a process killed in
/// between leaves half a pair, which the next call names, and never two halves of different pairs.
///
/// # Errors
/// `key_exists` when either file is there and may not be replaced; nothing is written then.
pub fn write_key_pair(prefix: &Path, key: &SigningKey, overwrite: Overwrite) -> Result<WrittenPair> {
    let with_suffix = |suffix: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(suffix);
        PathBuf::from(path)
    };
    let pair = WrittenPair { private: with_suffix(".key"), public: with_suffix(".pem") };
    // A keygen that was killed may have left a private key there that nobody will ever use.
    sweep(parent(&pair.private), DRAFTS);
    if overwrite == Overwrite::Refuse {
        refuse_present(&pair)?;
    }
    let private = draft(&pair.private, key.to_pem().as_bytes(), 0o600)?;
    let public = draft(&pair.public, key.public_key().to_pem().as_bytes(), 0o644)?;
    match overwrite {
        Overwrite::Refuse => place_new(&pair, private, public)?,
        Overwrite::Replace => replace(&pair, private, public)?,
    }
    settle(&pair.public).map_err(|error| Fault::io("write the key", &pair.public, error))?;
    Ok(pair)
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
    Fault::new(Reason::KeyExists, format!("`{private}` is half a pair: its public half `{public}` is missing"))
        .hint(format!("write the public half with `openssl pkey -in {private} -pubout -out {public}`, or delete `{private}` if it was never used"))
}

fn draft(path: &Path, content: &[u8], mode: u32) -> Result<Draft> {
    let fail = |error| Fault::io("write the key", path, error);
    let mut draft = Draft::create(parent(path), DRAFTS, mode).map_err(fail)?;
    draft.write_all(content).map_err(fail)?;
    // The mode of an open call is narrowed by the umask; the public key must be readable.
    draft.file().set_permissions(fs::Permissions::from_mode(mode)).map_err(fail)?;
    draft.file().sync_all().map_err(fail)?;
    Ok(draft)
}

/// Gives both their names, or neither.
fn place_new(pair: &WrittenPair, private: Draft, public: Draft) -> Result<()> {
    place(private, &pair.private, Existing::Keep)?;
    sync(pair).and_then(|()| place(public, &pair.public, Existing::Keep)).inspect_err(|_| {
        // Nobody has seen the private key yet; what is reported is why there is no pair.
        let _ = fs::remove_file(&pair.private);
    })
}

fn replace(pair: &WrittenPair, private: Draft, public: Draft) -> Result<()> {
    match fs::remove_file(&pair.public) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Fault::io("replace the key", &pair.public, error));
        }
        _ => {}
    }
    let unfinished =
        |fault: Fault| fault.hint(format!("`{}` is half a pair now; run the command again", pair.private.display()));
    sync(pair)
        .and_then(|()| place(private, &pair.private, Existing::Replace))
        .and_then(|()| sync(pair))
        .and_then(|()| place(public, &pair.public, Existing::Replace))
        .map_err(unfinished)
}

fn place(draft: Draft, path: &Path, existing: Existing) -> Result<()> {
    draft.place(path, existing).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => key_exists(path),
        _ => Fault::io("write the key", path, error),
    })
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
    fn keygen_names_half_a_pair_and_clears_up_after_one_that_was_killed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let prefix = directory.path().join("release");
        let key = SigningKey::generate().expect("random numbers");
        let abandoned = directory.path().join(".aisoc-key-killed");
        fs::create_dir(&abandoned).expect("made");
        fs::set_permissions(&abandoned, fs::Permissions::from_mode(0o700)).expect("mode");
        fs::write(abandoned.join("file-1"), "a private key").expect("written");
        fs::write(abandoned.join(aisoc_drafts::MARKER), aisoc_drafts::MARKER_TEXT).expect("written");
        fs::write(directory.path().join("release.key"), key.to_pem().as_bytes()).expect("written");
        let fault = write_key_pair(&prefix, &key, Overwrite::Refuse).expect_err("half a pair");
        assert_eq!(fault.reason(), Reason::KeyExists);
        assert!(fault.message().contains("half a pair"), "{fault:?}");
        let names: Vec<_> = fs::read_dir(directory.path()).expect("listed").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["release.key"]);
        let pair = write_key_pair(&prefix, &key, Overwrite::Replace).expect("replaced");
        assert_eq!(fs::read(pair.public).expect("public"), key.public_key().to_pem().as_bytes());
    }
}
