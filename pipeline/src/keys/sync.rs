//! `sync`: the keys of a site as a signed set has them.
//!
//! A set is applied in two changes, each of which is whole or not there. The first does everything that takes nothing
//! away but what is revoked: revocations are never waited for. Then it is asked, with the new keys in place, what
//! depends on the keys that are to go, or on what others may sign no more; those wait until nothing does, and the next
//! run asks again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::{Envelope, Fingerprint, PayloadType};
use aisoc_trust::KnownSigner;
use aisoc_trust::journal::Entry;
use aisoc_trust::keys::{
    Advance, Applied, Following, Foreseen, Grounds, KeyMove, KeySet, KeysAccess, KeysSession, LeftAlone,
    SignedSet as _, SyncPlan, SyncSettings, WayIn, advance, require_way_in, revoked_here,
};
use jiff::Timestamp;

use super::change::while_still;
use super::dependence::Dependent;
use super::impact::impact_by_keys;
use crate::afterwards::Afterwards;
use crate::at_rest::AtRestOptions;
use crate::signed_set::Judges;

/// How a site follows a set.
#[derive(Debug)]
pub struct SyncOptions {
    /// The directory of the keys.
    pub keys_dir: PathBuf,
    /// Who changes it, and how long they wait.
    pub access: KeysAccess,
    /// Which set, and how many have to have signed it.
    pub settings: SyncSettings,
    /// Whether that is written down, for the runs to come.
    pub is_saved: bool,
    /// What is installed, and judged by the same keys.
    pub installed: AtRestOptions,
    /// What of the settings by which that is judged could not be read.
    pub doubts: Doubts,
    /// Whether keys go although something depends on them.
    pub is_forced: bool,
    /// What the clock says, which is written down.
    pub now: Timestamp,
    /// Why; the set and its version where nobody says so.
    pub reason: Option<StatedReason>,
}

/// Settings that could not be read, for which something else stands. None of them is asked for a revocation.
#[derive(Debug, Default)]
pub struct Doubts {
    /// The time that was seen last, in place of which stands the clock.
    pub time: Option<Fault>,
    /// Whose plugins are taken, in place of which stands everybody.
    pub policy: Option<Fault>,
}

impl Doubts {
    /// Each of them.
    pub fn all(self) -> impl Iterator<Item = Fault> {
        [self.time, self.policy].into_iter().flatten()
    }
}

/// What a set has made of the keys, or in a dry run would.
#[derive(Debug)]
pub struct Synced {
    /// The set.
    pub set: KeySet,
    /// The set by content.
    pub digest: Digest,
    /// The version that was applied before.
    pub previous_version: Option<u64>,
    /// Whose signatures counted; nobody's where it is what was applied before.
    pub signers: Vec<KnownSigner>,
    /// What was done.
    pub moves: Vec<KeyMove>,
    /// What waits, because something depends on it.
    pub waiting: Vec<KeyMove>,
    /// What depends on that.
    pub dependents: Vec<Dependent>,
    /// Why nobody could tell what depends on it.
    pub not_judged: Option<Fault>,
    /// What is not as the set says, and stays so.
    pub left: Vec<LeftAlone>,
    /// Why it was done, as it is written down.
    pub reason: StatedReason,
    /// Whether anything was written.
    pub is_changed: bool,
    /// What an earlier run had begun and this one has finished.
    pub finished: Option<Entry>,
}

/// The set as it stands under the lock, judged.
struct Round {
    session: KeysSession,
    before: Option<Applied>,
    set: KeySet,
    digest: Digest,
    signers: Vec<KnownSigner>,
    plan: SyncPlan,
    revoked: BTreeSet<Fingerprint>,
    grounds: Grounds,
}

/// What waits, and why.
#[derive(Default)]
struct Waiting {
    keys: BTreeSet<Fingerprint>,
    dependents: Vec<Dependent>,
    not_judged: Option<Fault>,
}

/// Applies the set that is in the envelope.
///
/// # Errors
/// `statement_invalid`, `untrusted_key`, `signature_invalid`, `signers_too_few` for what is not signed by whom this
/// site trusts for it; `keyset_mismatch`, `keyset_expired`, `keyset_rollback`, `keyset_invalid`, `keyset_lockout`; as
/// [`KeysSession::begin`] and [`KeysSession::make`].
pub fn sync(content: &[u8], options: &SyncOptions) -> Result<Synced> {
    let first = Round::begin(content, options)?;
    let losses = first.plan.losses();
    let settings = options.is_saved.then_some(&options.settings);
    let mut synced = first.synced();
    let mut is_changed = first.make(losses.keys(), settings, options)?;
    if !losses.keys().is_empty() {
        let second = Round::begin(content, options)?;
        // Nothing is installed between the question and what follows from it.
        let (waiting, still) = match options.is_forced {
            true => (Waiting::default(), None),
            false => while_still(&options.installed, &options.access, || waiting(options, &losses))?,
        };
        if synced.moves.iter().any(|moved| moved.loss.is_some() && !waiting.keys.contains(&moved.fingerprint)) {
            is_changed |= second.make(&waiting.keys, None, options)?;
        }
        drop(still);
        synced.wait(waiting);
    }
    Ok(Synced { is_changed, ..synced })
}

impl Round {
    fn begin(content: &[u8], options: &SyncOptions) -> Result<Self> {
        let at = options.installed.trust.at;
        let session = KeysSession::begin(&options.keys_dir, &options.access)?;
        let before = Applied::read(&options.keys_dir)?;
        let Judged { set, digest, signers, doubt } = judged(content, &session, before.as_ref(), options)?;
        let name = &options.settings.name;
        let why = format!("set {name}, version {}", set.version);
        let reason = options.reason.clone().map_or_else(|| why.parse(), Ok)?;
        let revoked = revoked_here(&options.keys_dir)?;
        let following =
            Following { keyring: session.keyring(), before: before.as_ref(), set: &set, digest, revoked: &revoked, at };
        let plan = SyncPlan::of(&following)?;
        let asks_for_more = SyncSettings::read(&options.keys_dir)
            .ok()
            .flatten()
            .is_none_or(|saved| saved.required_signatures < options.settings.required_signatures);
        if let Some(doubt) = doubt.filter(|_| plan.brings_keys() || (options.is_saved && asks_for_more)) {
            return Err(doubt);
        }
        // A clock that may have been set back brings no key again, and takes none away but those that are revoked.
        if let Some(fault) = options.doubts.time.as_ref().filter(|_| !plan.only_revokes()) {
            return Err(fault.clone());
        }
        let required = WayIn {
            signers: options.installed.trust.policy.required_signers,
            set_signers: options.settings.required_signatures,
            is_forced: options.is_forced,
        };
        require_way_in(&plan, &following, required)?;
        let grounds = Grounds { at: options.now, reason };
        Ok(Self { session, before, set, digest, signers, plan, revoked, grounds })
    }

    /// Whether anything was written.
    fn make(
        self,
        waiting: &BTreeSet<Fingerprint>,
        settings: Option<&SyncSettings>,
        options: &SyncOptions,
    ) -> Result<bool> {
        let Self { session, before, set, digest, plan, revoked, grounds, .. } = self;
        let at = options.installed.trust.at;
        let (keyring, before) = (session.keyring(), before.as_ref());
        let following = Following { keyring, before, set: &set, digest, revoked: &revoked, at };
        match plan.change(&following, waiting, settings, &grounds) {
            None => Ok(false),
            Some(change) => session.make(&change).map(|()| true),
        }
    }

    fn synced(&self) -> Synced {
        Synced {
            set: self.set.clone(),
            digest: self.digest,
            previous_version: self.before.as_ref().and_then(|it| it.last_of(&self.set.name)).map(|last| last.version),
            signers: self.signers.clone(),
            moves: self.plan.moves.clone(),
            waiting: Vec::new(),
            dependents: Vec::new(),
            not_judged: None,
            left: self.plan.left.clone(),
            reason: self.grounds.reason.clone(),
            is_changed: false,
            finished: self.session.finished().cloned(),
        }
    }
}

/// A set that may be believed.
struct Judged {
    set: KeySet,
    digest: Digest,
    /// Whose signatures count; of what was applied before nobody's are asked for.
    signers: Vec<KnownSigner>,
    /// Why it would not be believed today, if it was applied before and would not.
    doubt: Option<Fault>,
}

/// The set, once it is known that it may be believed. The very bytes that were applied before were judged then, and who
/// had signed them may have been replaced by them: they may still take away and keep, and bring nothing.
fn judged(content: &[u8], session: &KeysSession, before: Option<&Applied>, options: &SyncOptions) -> Result<Judged> {
    let at = options.installed.trust.at;
    let SyncSettings { name, required_signatures, .. } = &options.settings;
    let envelope = Envelope::read(content, PayloadType::Keyset)?;
    let digest = Digest::of(envelope.unverified_payload());
    let keyring = session.keyring();
    let vouched = || Judges { keyring, at }.vouched::<KeySet>(&envelope, *required_signatures);
    let last = before.and_then(|before| before.last_of(name));
    if before.is_some_and(|before| before.name == *name && before.payload_digest == digest) {
        let set = KeySet::read(envelope.unverified_payload())?;
        advance(&set, digest, name, last.as_ref(), at)?;
        return Ok(Judged { set, digest, signers: Vec::new(), doubt: vouched().err() });
    }
    let (set, signers) = vouched()?;
    match advance(&set, digest, name, last.as_ref(), at)? {
        Advance::Newer | Advance::Same => Ok(Judged { set, digest, signers, doubt: None }),
    }
}

/// Which of the keys that are to lose something something depends on. What nobody could tell is no "nothing".
fn waiting(options: &SyncOptions, losses: &Foreseen) -> Result<Waiting> {
    let all = |fault| Waiting { keys: losses.keys().clone(), not_judged: Some(fault), ..Waiting::default() };
    if let Some(fault) = &options.doubts.policy {
        return Ok(all(fault.clone()));
    }
    let found = match impact_by_keys(&options.installed, Afterwards::Behind(losses)) {
        Err(fault) if fault.class() == Class::Interrupted => return Err(fault),
        Err(fault) => return Ok(all(fault)),
        Ok(found) => found,
    };
    if let Some((name, fault)) = found.failed.first() {
        return Ok(all(fault.clone().about(name)));
    }
    let dependents: Vec<Dependent> = found.dependents.into_iter().filter(|it| it.dependence.is_loss()).collect();
    let keys = dependents.iter().flat_map(|it| &it.signers).map(|signer| signer.fingerprint).collect();
    Ok(Waiting { keys, dependents, not_judged: None })
}

impl Synced {
    fn wait(&mut self, waiting: Waiting) {
        let waits = |moved: &KeyMove| moved.loss.is_some() && waiting.keys.contains(&moved.fingerprint);
        let (waits, moves) = std::mem::take(&mut self.moves).into_iter().partition(waits);
        (self.waiting, self.moves) = (waits, moves);
        (self.dependents, self.not_judged) = (waiting.dependents, waiting.not_judged);
    }
}
