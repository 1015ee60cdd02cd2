//! `RotatedKeys`: where the two keys of a rotation stand, and what cannot be rotated.

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, KeyPlace, Keyring, SignatureKind, Standing, Wider, wider};
use jiff::Timestamp;

use super::asked::Rotation;
use crate::keys::{counts_beside, require_signers_beside};

/// Both keys as the directory has them.
#[derive(Debug, Clone)]
pub struct RotatedKeys {
    /// Where the new key stands; nothing where it is not there.
    pub new: Option<KeyPlace>,
    /// What is written of its owner.
    pub owner: Option<String>,
    /// From when on the new key counts by its note, where that is still to come.
    pub counts_from: Option<Timestamp>,
    /// Where the old key stands.
    pub old: KeyPlace,
    /// What the new key, which is trusted already, may do beyond the old one.
    pub wider: Option<Wider>,
    /// What no key that is left could sign when the old one is gone, and the new one is trusted.
    pub misses: Option<SignatureKind>,
}

impl RotatedKeys {
    /// The keys as `keyring` has them, and `foreseen` as it would be with the new key trusted.
    ///
    /// # Errors
    /// `usage` for one key in both places, for an old one that nobody trusts yet, and for a staged one that may do more
    /// than the old one; `key_revoked`, `key_expired` and
    /// `already_exists` for a new one that was trusted once; what keeps the settings of sets from being read.
    pub fn of(keyring: &Keyring, foreseen: &Keyring, rotation: &Rotation, at: Timestamp) -> Result<Self> {
        let old = require_two(keyring, rotation)?;
        let new = first_of(keyring, rotation.new);
        let foreseen_key = first_of(foreseen, rotation.new);
        foreseen_key.map_or(Ok(()), |key| require_usable(key, at))?;
        let wider = foreseen_key.filter(|_| new.is_some()).and_then(|key| wider(key, old));
        if let (Some(wider), Some(key)) = (&wider, new.filter(|key| key.place != KeyPlace::Trusted)) {
            return Err(too_wide(wider, key, old));
        }
        let is_there_from = |key: &HeldKey| match key.standing(at) {
            Standing::NotYet(from) => Some(from),
            _ => None,
        };
        Ok(Self {
            new: new.map(|key| key.place),
            owner: new.and_then(|key| key.notes()).and_then(|notes| notes.owner.clone()),
            counts_from: foreseen_key.and_then(is_there_from),
            old: old.place,
            wider,
            misses: misses(foreseen, rotation.old, new.is_some(), at)?,
        })
    }

    /// Whether the old key is trusted still, in one file at least.
    pub fn old_is_trusted(&self) -> bool {
        self.old == KeyPlace::Trusted
    }
}

/// What was limited is the publisher, whose keys both are: a rotation gives its new key no more than the old one has.
fn too_wide(wider: &Wider, new: &HeldKey, old: &HeldKey) -> Fault {
    let Wider { member, own, other } = wider;
    Fault::new(Reason::Usage, format!("the new key, `{}`, may do more than the old one: {member}", new.id))
        .expected(format!("at most what `{}` may do: {other}", old.id), own)
        .hint(format!(
            "let its note say as little, see `aisoc keys annotate --help`; or take `{}` away, and name its PEM file with \
             `--new`: then it gets what the old one may do",
            shell_word(&new.file)
        ))
}

/// A new key that is not here yet gets what the old one may sign.
fn misses(foreseen: &Keyring, old: Fingerprint, new_is_here: bool, at: Timestamp) -> Result<Option<SignatureKind>> {
    if !counts_beside(foreseen, old, at) {
        return Ok(Some(SignatureKind::Plugin));
    }
    match require_signers_beside(foreseen, old, at) {
        Err(fault) if fault.reason() == Reason::KeyNeeded => Ok(Some(SignatureKind::Keyset).filter(|_| new_is_here)),
        asked => asked.map(|()| None),
    }
}

/// The file of a key by which its place is known: the trusted one, else that from which it comes to nothing less.
fn first_of(keyring: &Keyring, fingerprint: Fingerprint) -> Option<&HeldKey> {
    const ORDER: [KeyPlace; 4] = [KeyPlace::Trusted, KeyPlace::Revoked, KeyPlace::Retired, KeyPlace::Staged];
    let files = keyring.all_keys().iter().filter(|key| key.fingerprint == fingerprint);
    files.min_by_key(|key| ORDER.iter().position(|place| *place == key.place))
}

fn require_two<'a>(keyring: &'a Keyring, rotation: &Rotation) -> Result<&'a HeldKey> {
    let old = first_of(keyring, rotation.old)
        .ok_or_else(|| Fault::new(Reason::KeyNotFound, "the key that is to be retired is gone"))?;
    if rotation.new == rotation.old {
        return Err(Fault::new(Reason::Usage, format!("the new key is the one that is to be retired, `{}`", old.id))
            .expected("two keys", rotation.new.to_string())
            .hint(
                "make a new key with `aisoc plugin keygen --out NEW`, and name its public half, NEW.pem, with `--new`",
            ));
    }
    match old.place {
        KeyPlace::Staged => Err(Fault::new(
            Reason::Usage,
            format!("key `{}` is staged: nobody trusts it, and it has nothing to give up", old.id),
        )
        .expected("a key that is trusted, or was", format!("`{}`", old.file))
        .hint("name the key that the new one replaces: see `aisoc keys list`")),
        _ => Ok(old),
    }
}

/// What was taken out of use does not come back with a rotation: somebody has decided that. A staged key is asked as
/// what it is going to be, for where it stands says less than its dates.
fn require_usable(new: &HeldKey, at: Timestamp) -> Result<()> {
    let found = format!("`{}`", new.file);
    match (new.standing(at), new.place) {
        (standing @ Standing::Revoked { .. }, _) => {
            Err(Fault::new(Reason::KeyRevoked, format!("the new key, `{}`, {standing}", new.id))
                .expected("a key that was not revoked", found)
                .hint("ask its publisher for another key"))
        }
        (_, KeyPlace::Retired) => Err(Fault::new(
            Reason::AlreadyExists,
            format!("the new key, `{}`, was retired here", new.id),
        )
        .expected("a key that was never taken out of use", found)
        .hint("ask its publisher for another key; if it is right all the same: `aisoc keys restore ID --reason TEXT`")),
        (standing @ Standing::Expired(_), _) => {
            Err(Fault::new(Reason::KeyExpired, format!("the new key, `{}`, {standing}, and would not count", new.id))
                .expected(format!("a key that counts behind {at}"), found)
                .hint(
                    "use a new key; or change the note first: `aisoc keys annotate ID --not-after TIME --reason TEXT`",
                ))
        }
        _ => Ok(()),
    }
}
