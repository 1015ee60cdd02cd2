//! Signing a set, and believing one: one rule for sets of keys and for sets of plugins.

use std::num::NonZeroUsize;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Envelope, Fingerprint, KeyHolder, Keyring, Standing};
use aisoc_trust::KnownSigner;
use aisoc_trust::keys::{SetHead, SetSigners, SignedSet, require_quorum};
use jiff::Timestamp;

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
pub struct ExportedSet<S> {
    /// What was signed.
    pub set: S,
    /// The envelope.
    pub content: Vec<u8>,
    /// The version that was there before.
    pub previous_version: Option<u64>,
    /// The signers, by the names that the directory has for them; of others nothing is known but the fingerprint.
    pub signers: Vec<KnownSigner>,
    /// Of the signers those whose signature of a set does not count by the keys of the directory.
    pub doubtful: Vec<KnownSigner>,
    /// Key files that are not used.
    pub skipped_keys: Vec<String>,
}

/// The keys by which sets are judged, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judges<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) at: Timestamp,
}

impl Judges<'_> {
    /// What the envelope says, once as many keys as are required vouch for it.
    ///
    /// # Errors
    /// `untrusted_key`, `signature_invalid`, `signers_too_few`, and as [`SignedSet::read`].
    pub(crate) fn vouched<S: SignedSet>(
        &self,
        envelope: &Envelope,
        required: NonZeroUsize,
    ) -> Result<(S, Vec<KnownSigner>)> {
        let Self { keyring, at } = *self;
        let opened = envelope.open(keyring.all_keys().iter().map(|key| &key.key))?;
        let signers = SetSigners::of(S::KIND, keyring, opened.signers(), at);
        let named: Vec<Fingerprint> = envelope.named_signers().into_iter().collect();
        require_quorum(&signers, &named, required, at)?;
        Ok((S::read(opened.payload())?, signers.counting))
    }

    /// The set that is there. Somebody who names the version of the next one needs no signature that holds: a number
    /// that a stranger has written keeps him from nothing but a lower one.
    pub(crate) fn before<S: SignedSet>(&self, content: &[u8], is_version_named: bool) -> Result<S> {
        let envelope = Envelope::read(content, S::KIND)?;
        if is_version_named {
            return S::read(envelope.unverified_payload());
        }
        let vouched = self.vouched(&envelope, NonZeroUsize::MIN).map(|(set, _)| set);
        vouched.map_err(|fault| match is_about_signers(fault.reason()) {
            true => fault
                .about("the set that is there")
                .hint("name the version of the next one with `--set-version N` if you know what is there"),
            false => fault,
        })
    }

    /// The next version of a set that is `made` with its head, signed. `present` is what stands where it goes: verified
    /// before it is built on.
    ///
    /// # Errors
    /// As [`Judges::before`]; `usage` where no name is known, the kind's `mismatch` for another set there,
    /// `already_exists` for a version that is not newer; as `made` and [`Envelope::sign`].
    pub(crate) fn next<S: SignedSet>(
        &self,
        new: &NewVersion,
        present: Option<&[u8]>,
        signers: &[&dyn KeyHolder],
        made: impl FnOnce(SetHead) -> Result<S>,
    ) -> Result<ExportedSet<S>> {
        let before = present.map(|content| self.before::<S>(content, new.version.is_some())).transpose()?;
        let before = before.map(|set| set.head());
        let head = SetHead {
            name: name::<S>(new, before.as_ref())?,
            version: version(new, before.as_ref())?,
            issued_at: new.issued_at,
            expires_at: new.expires_at,
        };
        let set = made(head)?;
        let envelope = Envelope::sign(S::KIND, set.to_payload(), signers)?;
        Ok(self.exported(set, &envelope, before.map(|before| before.version)))
    }

    /// The set that is there, signed by more. Not a byte of what was signed changes. Each signer vouches for the set by
    /// what he has himself, or a number of signers would be worth one: `is_ours` refuses what differs from that.
    ///
    /// # Errors
    /// As [`Judges::before`] and `is_ours`; `usage` for a key that has signed it, the kind's `expired`.
    pub(crate) fn signed_as_well<S: SignedSet>(
        &self,
        present: &[u8],
        signers: &[&dyn KeyHolder],
        is_ours: impl FnOnce(&S) -> Result<()>,
    ) -> Result<ExportedSet<S>> {
        let set: S = self.before(present, false)?;
        let SetHead { version, expires_at, .. } = set.head();
        if self.at >= expires_at {
            return Err(Fault::new(S::REASONS.expired, format!("version {version} of the set has expired"))
                .expected(format!("expires_at behind {}", self.at), expires_at.to_string())
                .hint("have its first signer make the next version, and sign that"));
        }
        is_ours(&set)?;
        let envelope = Envelope::read(present, S::KIND)?;
        let envelope = signers.iter().try_fold(envelope, |envelope, signer| envelope.signed_by(*signer))?;
        Ok(self.exported(set, &envelope, None))
    }

    fn exported<S: SignedSet>(&self, set: S, envelope: &Envelope, previous_version: Option<u64>) -> ExportedSet<S> {
        let Self { keyring, at } = *self;
        let named = envelope.named_signers();
        let known = |fingerprint| {
            let mut held = keyring.all_keys().iter().filter(move |key| key.fingerprint == fingerprint);
            held.next().map(|key| key.id.to_string()).unwrap_or_default()
        };
        let signers = named.iter().map(|key| KnownSigner { key_id: known(*key), fingerprint: *key });
        let counts = |signer: &KnownSigner| {
            let mut held = keyring.keys().iter().filter(|key| key.fingerprint == signer.fingerprint);
            held.any(|key| key.standing_as(S::KIND.kind(), at) == Standing::Current)
        };
        let signers: Vec<KnownSigner> = signers.collect();
        let doubtful = signers.iter().filter(|signer| !counts(signer)).cloned().collect();
        let skipped_keys = keyring.skipped().iter().map(ToString::to_string).collect();
        ExportedSet { set, content: envelope.to_json().into_bytes(), previous_version, signers, doubtful, skipped_keys }
    }
}

/// Whether a set is refused for who has signed it, and not for what it is.
fn is_about_signers(reason: Reason) -> bool {
    matches!(reason, Reason::UntrustedKey | Reason::SignatureInvalid | Reason::SignersTooFew)
}

fn name<S: SignedSet>(new: &NewVersion, before: Option<&SetHead>) -> Result<String> {
    match (&new.name, before) {
        (Some(name), Some(before)) if *name != before.name => {
            Err(Fault::new(S::REASONS.mismatch, format!("another {} is there already", S::KIND.noun()))
                .expected(name, &before.name)
                .hint("each set has a place of its own: name another file or tag"))
        }
        (Some(name), _) => Ok(name.clone()),
        (None, Some(before)) => Ok(before.name.clone()),
        (None, None) => Err(Fault::new(Reason::Usage, "the set has no name yet, and is the first one there")
            .hint("name it with `--name NAME`: sites follow a set by its name, and every version has the same")),
    }
}

fn version(new: &NewVersion, before: Option<&SetHead>) -> Result<u64> {
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
