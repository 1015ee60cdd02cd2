//! `export`: the keys of a directory as a set, or a set as it is signed by one more.

use std::path::PathBuf;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{KeyHolder, Keyring};
use aisoc_trust::keys::{KeySet, SignedSet as _, require_finished};
use jiff::Timestamp;

use crate::signed_set::{ExportedSet, Judges, NewVersion};

/// Which keys become a set, and what it says of itself.
#[derive(Debug)]
pub struct ExportOptions {
    /// The directory of the keys.
    pub keys_dir: PathBuf,
    /// The time to judge keys by.
    pub at: Timestamp,
    /// Whether a set that revokes may leave no key that counts for plugins.
    pub is_forced: bool,
}

/// The next version of a set, signed. `present` is what stands where it goes: verified before it is built on.
///
/// # Errors
/// As [`Keyring::read`] and [`KeySet::of`]; `usage` where no name is known; `signers_too_few` and its like when nobody
/// known has signed what is there; `keyset_mismatch` for another set there, `already_exists` for a version that is not
/// newer; as signing.
pub fn export(
    options: &ExportOptions,
    new: &NewVersion,
    present: Option<&[u8]>,
    signers: &[&dyn KeyHolder],
) -> Result<ExportedSet<KeySet>> {
    require_finished(&options.keys_dir)?;
    let keyring = Keyring::read(&options.keys_dir)?.require_there()?;
    let judges = Judges { keyring: &keyring, at: options.at };
    judges.next(new, present, signers, |head| KeySet::of(&keyring, head, options.is_forced))
}

/// The set that is there, signed by more. Not a byte of what was signed changes: what the set holds is what the
/// directory holds, or nobody signs it as well.
///
/// # Errors
/// As [`export`]; `usage` for a key that has signed it, `keyset_mismatch` for a set of other keys than those of the
/// directory, `keyset_expired`.
pub fn sign_as_well(
    options: &ExportOptions,
    present: &[u8],
    signers: &[&dyn KeyHolder],
) -> Result<ExportedSet<KeySet>> {
    require_finished(&options.keys_dir)?;
    let keyring = Keyring::read(&options.keys_dir)?.require_there()?;
    let judges = Judges { keyring: &keyring, at: options.at };
    judges.signed_as_well(present, signers, |set| require_same_keys(set, &keyring, options))
}

fn require_same_keys(set: &KeySet, keyring: &Keyring, options: &ExportOptions) -> Result<()> {
    let own = KeySet::of(keyring, set.head(), options.is_forced)?;
    let only_in = |one: &KeySet, other: &KeySet| {
        let differing = one.keys.iter().filter(|key| !other.keys.contains(key));
        let named: Vec<String> = differing.map(|key| format!("`{}` {}", key.id, key.place.as_str())).collect();
        if named.is_empty() { "no other key".to_owned() } else { named.join(", ") }
    };
    match own.keys == set.keys {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::KeysetMismatch,
            format!("the set does not hold the keys of `{}`", options.keys_dir.display()),
        )
        .expected(only_in(&own, set), only_in(set, &own))
        .hint("find out who is right before you sign it; the first signer exports what both mean")),
    }
}
