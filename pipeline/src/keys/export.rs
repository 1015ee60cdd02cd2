//! `export`: the keys of a directory as a set, or a set as it is signed by one more.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Envelope, KeyHolder, Keyring, PayloadType, SignatureKind, Standing};
use aisoc_trust::KnownSigner;
use aisoc_trust::keys::{KeySet, KeysetSigners, SetHead, require_finished, require_quorum};
use jiff::Timestamp;

/// Which keys become a set, and what it says of itself.
#[derive(Debug)]
pub struct ExportOptions {
    /// The directory of the keys.
    pub keys_dir: PathBuf,
    /// The time to judge keys by.
    pub at: Timestamp,
}

/// What a new version says of itself.
#[derive(Debug)]
pub struct NewVersion {
    /// Which set it is; that of the version before where nobody says so.
    pub name: Option<String>,
    /// Its version; one more than the one before where nobody says so.
    pub version: Option<u64>,
    /// When it is made.
    pub issued_at: Timestamp,
    /// Until when it can be relied on.
    pub expires_at: Timestamp,
}

/// A set that is signed.
#[derive(Debug)]
pub struct ExportedSet {
    /// What was signed.
    pub set: KeySet,
    /// The envelope.
    pub content: Vec<u8>,
    /// The version that was there before.
    pub previous_version: Option<u64>,
    /// The signers, by the names that the directory has for them; of others nothing is known but the fingerprint.
    pub signers: Vec<KnownSigner>,
    /// Of the signers those whose signature of a set does not count by the keys of the directory.
    pub doubtful: Vec<KnownSigner>,
    /// Key files that are not used, and so not in the set.
    pub skipped_keys: Vec<String>,
}

/// The next version of a set, signed. `present` is what stands where it goes: verified before it is built on.
///
/// # Errors
/// As [`Keyring::read`] and [`KeySet::of`]; `usage` where no name is known; `signers_too_few` and its like when nobody
/// known has signed what is there; `keyset_mismatch` for another set there, `already_exists` for a version that is not
/// newer; as [`Envelope::sign`].
pub fn export(
    options: &ExportOptions,
    new: &NewVersion,
    present: Option<&[u8]>,
    signers: &[&dyn KeyHolder],
) -> Result<ExportedSet> {
    require_finished(&options.keys_dir)?;
    let keyring = Keyring::read(&options.keys_dir)?.require_there()?;
    let before = present.map(|content| before(content, &keyring, options.at, new.version.is_some())).transpose()?;
    let head = SetHead {
        name: name(new, before.as_ref())?,
        version: version(new, before.as_ref())?,
        issued_at: new.issued_at,
        expires_at: new.expires_at,
    };
    let set = KeySet::of(&keyring, head)?;
    let envelope = Envelope::sign(PayloadType::Keyset, set.to_payload(), signers)?;
    Ok(exported(set, &envelope, before.map(|before| before.version), &keyring, options.at))
}

/// The set that is there, signed by more. Not a byte of what was signed changes.
///
/// Each signer vouches for the set by keys of his own, or a number of signers would be worth one: what the set holds is
/// what the directory holds, or nobody signs it as well.
///
/// # Errors
/// As [`export`]; `usage` for a key that has signed it, `keyset_mismatch` for a set of other keys than those of the
/// directory, `keyset_expired`.
pub fn sign_as_well(options: &ExportOptions, present: &[u8], signers: &[&dyn KeyHolder]) -> Result<ExportedSet> {
    require_finished(&options.keys_dir)?;
    let keyring = Keyring::read(&options.keys_dir)?.require_there()?;
    let set = before(present, &keyring, options.at, false)?;
    require_same_keys(&set, &keyring, options)?;
    let envelope = Envelope::read(present, PayloadType::Keyset)?;
    let envelope = signers.iter().try_fold(envelope, |envelope, signer| envelope.signed_by(*signer))?;
    Ok(exported(set, &envelope, None, &keyring, options.at))
}

fn require_same_keys(set: &KeySet, keyring: &Keyring, options: &ExportOptions) -> Result<()> {
    if options.at >= set.expires_at {
        return Err(Fault::new(Reason::KeysetExpired, format!("version {} of the set has expired", set.version))
            .expected(format!("expires_at behind {}", options.at), set.expires_at.to_string())
            .hint("have its first signer export the next version, and sign that"));
    }
    let KeySet { name, version, issued_at, expires_at, .. } = set.clone();
    let own = KeySet::of(keyring, SetHead { name, version, issued_at, expires_at })?;
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

fn exported(
    set: KeySet,
    envelope: &Envelope,
    previous_version: Option<u64>,
    keyring: &Keyring,
    at: Timestamp,
) -> ExportedSet {
    let named = envelope.named_signers();
    let known = |fingerprint| {
        let mut held = keyring.all_keys().iter().filter(move |key| key.fingerprint == fingerprint);
        held.next().map(|key| key.id.to_string()).unwrap_or_default()
    };
    let signers = named.iter().map(|key| KnownSigner { key_id: known(*key), fingerprint: *key });
    let counts = |signer: &KnownSigner| {
        let mut held = keyring.keys().iter().filter(|key| key.fingerprint == signer.fingerprint);
        held.any(|key| key.standing_as(SignatureKind::Keyset, at) == Standing::Current)
    };
    let signers: Vec<KnownSigner> = signers.collect();
    let doubtful = signers.iter().filter(|signer| !counts(signer)).cloned().collect();
    let skipped_keys = keyring.skipped().iter().map(ToString::to_string).collect();
    ExportedSet { set, content: envelope.to_json().into_bytes(), previous_version, signers, doubtful, skipped_keys }
}

/// The set that is there. Somebody who names the version of the next one needs no signature that holds: a number that a
/// stranger has written keeps him from nothing but a lower one.
fn before(content: &[u8], keyring: &Keyring, at: Timestamp, is_version_named: bool) -> Result<KeySet> {
    let envelope = Envelope::read(content, PayloadType::Keyset)?;
    if is_version_named {
        return KeySet::read(envelope.unverified_payload());
    }
    let keys = keyring.all_keys().iter().map(|key| &key.key);
    let advice = "name the version of the next one with `--set-version N` if you know what is there";
    let opened = envelope.open(keys).map_err(|fault| fault.about("the set that is there").hint(advice))?;
    let named: Vec<_> = envelope.named_signers().into_iter().collect();
    let signers = KeysetSigners::of(keyring, opened.signers(), at);
    require_quorum(&signers, &named, NonZeroUsize::MIN, at)
        .map_err(|fault| fault.about("the set that is there").hint(advice))?;
    KeySet::read(opened.payload())
}

fn name(new: &NewVersion, before: Option<&KeySet>) -> Result<String> {
    match (&new.name, before) {
        (Some(name), Some(before)) if *name != before.name => {
            Err(Fault::new(Reason::KeysetMismatch, "another set of keys is there already")
                .expected(name, &before.name)
                .hint("each set has a place of its own: name another file or tag"))
        }
        (Some(name), _) => Ok(name.clone()),
        (None, Some(before)) => Ok(before.name.clone()),
        (None, None) => Err(Fault::new(Reason::Usage, "the set has no name yet, and is the first one there")
            .hint("name it with `--name NAME`: sites follow a set by its name, and every version has the same")),
    }
}

fn version(new: &NewVersion, before: Option<&KeySet>) -> Result<u64> {
    let last = before.map_or(0, |before| before.version);
    match new.version {
        Some(version) if version > last => Ok(version),
        Some(version) => Err(Fault::new(Reason::AlreadyExists, "that version of the set, or a newer one, is there")
            .expected(format!("a version behind {last}"), version.to_string())
            .hint("leave `--set-version` out for the next one")),
        None => last.checked_add(1).ok_or_else(|| {
            Fault::new(Reason::Usage, "the versions of the set are used up")
                .hint("begin a set of another name in another place")
        }),
    }
}
