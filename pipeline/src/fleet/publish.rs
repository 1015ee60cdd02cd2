//! `export_lock`: the lock of this site as a set, or a set as it is signed by one more.

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{KeyHolder, Keyring};
use aisoc_trust::keys::require_finished;
use aisoc_trust::lock_missing;
use aisoc_trust::lockfile::{LockPath, LockPlace, LockSet, Lockfile};
use jiff::Timestamp;

use crate::accepted::ids;
use crate::signed_set::{ExportedSet, Judges, NewVersion};

/// Which lock becomes a set, and who is known.
#[derive(Debug)]
pub struct LockExportOptions {
    /// The lock.
    pub lock: LockPath,
    /// The directory of the keys, by which what is there is verified and signers have names.
    pub keys_dir: PathBuf,
    /// The time to judge keys by.
    pub at: Timestamp,
}

/// The next version of a set, signed. `present` is what stands where it goes: verified before it is built on.
///
/// # Errors
/// `lock_missing`, and as reading the lock; as [`Keyring::read`]; `usage` where no name is known; `signers_too_few` and
/// its like when nobody known has signed what is there; `lockset_mismatch` for another set there, `already_exists` for a
/// version that is not newer; as [`LockSet::of`] and signing.
pub fn export_lock(
    options: &LockExportOptions,
    new: &NewVersion,
    present: Option<&[u8]>,
    signers: &[&dyn KeyHolder],
) -> Result<ExportedSet<LockSet>> {
    let lock = read(&options.lock)?;
    let keyring = keyring(options)?;
    let judges = Judges { keyring: &keyring, at: options.at };
    judges.next(new, present, signers, |head| LockSet::of(&lock, head))
}

/// The set that is there, signed by more: each signer accepts in a lock of his own what the set accepts.
///
/// # Errors
/// As [`export_lock`]; `usage` for a key that has signed it, `lockset_mismatch` for a set that accepts something else
/// than the lock, `lockset_expired`.
pub fn sign_lock_as_well(
    options: &LockExportOptions,
    present: &[u8],
    signers: &[&dyn KeyHolder],
) -> Result<ExportedSet<LockSet>> {
    let lock = read(&options.lock)?;
    let keyring = keyring(options)?;
    let judges = Judges { keyring: &keyring, at: options.at };
    judges.signed_as_well(present, signers, |set| require_same(set, &lock, &options.lock))
}

fn read(path: &LockPath) -> Result<Lockfile> {
    let lock = LockPlace::open(path)?.map(|place| place.read()).transpose()?.flatten();
    lock.ok_or_else(|| lock_missing(path))
}

fn keyring(options: &LockExportOptions) -> Result<Keyring> {
    require_finished(&options.keys_dir)?;
    Keyring::read(&options.keys_dir)?.require_there()
}

/// Comments may differ, and when something was accepted; what is accepted may not.
fn require_same(set: &LockSet, own: &Lockfile, path: &Path) -> Result<()> {
    let theirs = set.lockfile()?;
    let differing = |one: &Lockfile, other: &Lockfile| -> Vec<String> {
        let is_other = |id: &str| {
            let accepted = |lock: &Lockfile| {
                lock.entry(id).cloned().map(|mut entry| {
                    entry.provenance.accepted_at = None;
                    entry
                })
            };
            accepted(one) != accepted(other)
        };
        one.entries().iter().filter(|entry| is_other(&entry.id)).map(|entry| entry.id.clone()).collect()
    };
    let (ours, other) = (differing(own, &theirs), differing(&theirs, own));
    match ours.is_empty() && other.is_empty() {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::LocksetMismatch,
            format!("the set does not accept what `{}` accepts", path.display()),
        )
        .expected(ids(&ours), ids(&other))
        .hint("find out who is right before you sign it; the first signer pushes what both mean")),
    }
}
