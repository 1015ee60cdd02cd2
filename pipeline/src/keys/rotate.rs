//! `rotate`: one key gives way to another, as far as that is due, each step a change of its own.

use std::collections::BTreeSet;

use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, KeyNotes, KeyPlace, Keyring, PublicKey, SignatureKind, inherited};
use aisoc_trust::journal::{Entry, JournalPlace};
use aisoc_trust::keys::{Addition, Grounds, KeyChange, KeysAccess, KeysSession};
use aisoc_trust::rotation::{Needed, Plan, RotatedKeys, Rotation, RotationStep, trusted_since};
use jiff::Timestamp;

use super::change::{ChangedKeys, Guard, KeyChangeOptions, change_keys_if};
use super::dependence::Dependent;
use super::impact::{Impact, impact, require_judging};
use crate::afterwards::Afterwards;
use crate::judge::TrustInputs;

/// How often a run looks again at keys that others change meanwhile. A rotation has six steps.
const MAX_TURNS: usize = 40;

/// Asks what is published and depends on keys that would be gone.
pub type Published<'a> = &'a dyn Fn(&BTreeSet<Fingerprint>, &TrustInputs) -> Result<Impact>;

/// Which key comes, which one goes, and what is asked before.
pub struct RotateOptions<'a> {
    /// The directory, by whom and why.
    pub change: KeyChangeOptions,
    /// What is asked for.
    pub rotation: Rotation,
    /// The new key.
    pub new: PublicKey,
    /// Under which name it is trusted, where it is not there yet.
    pub new_id: String,
    /// What is installed.
    pub guard: Guard,
    /// What is published.
    pub published: Published<'a>,
    /// The time that keys are judged by, asked anew at every step: others may take one meanwhile.
    pub now: &'a dyn Fn() -> Result<Timestamp>,
}

/// What a run has done, and what is left.
#[derive(Debug)]
pub struct Rotated {
    /// The plan behind the run; of a dry run the one that it would begin with.
    pub plan: Plan,
    /// What was changed, in order.
    pub changes: Vec<ChangedKeys>,
    /// What an earlier run had begun and this one has finished.
    pub finished: Option<Entry>,
    /// What depends on the old key, where it was trusted when the run began.
    pub impact: Option<Impact>,
    /// The keys as they are now.
    pub keyring: Keyring,
}

/// Takes every step of a rotation that is due, each under the lock for itself, and says what the others wait for.
///
/// # Errors
/// `usage`, `key_revoked`, `key_expired` and `already_exists` for keys that cannot be rotated, `key_needed` when
/// something begins to depend on the old key meanwhile, `locked` when others change the keys all the time; as
/// [`super::change_keys`] and [`impact`].
pub fn rotate(options: &RotateOptions<'_>) -> Result<Rotated> {
    let access = &options.change.access;
    require_judging(&options.guard.installed.trust)?;
    let finished = KeysSession::begin(&options.change.keys_dir, access)?.finished().cloned();
    let mut changes = Vec::new();
    match go_on(options, &mut changes) {
        Ok(seen) => Ok(Rotated { changes, finished, ..seen }),
        Err(fault) => Err(although(fault, &changes)),
    }
}

/// Takes what is due until nothing is.
fn go_on(options: &RotateOptions<'_>, changes: &mut Vec<ChangedKeys>) -> Result<Rotated> {
    let access = &options.change.access;
    let mut impact = None;
    for _ in 0..MAX_TURNS {
        access.patience.cancellation.check()?;
        let turn = Turn::of(options)?;
        let plan = turn.plan(&mut impact)?;
        match plan.due().filter(|_| !access.dry_run.is_on()) {
            Some(step) => changes.extend(turn.take(step)?),
            None => {
                let keyring = turn.keyring;
                return Ok(Rotated { plan, changes: Vec::new(), finished: None, impact, keyring });
            }
        }
    }
    Err(Fault::new(Reason::Locked, "the keys are changed by others all the time")
        .hint("find out who else changes them with `aisoc keys journal show`, and run the command again"))
}

impl Rotated {
    /// A failure behind what was changed: whoever is told of it must not believe that nothing was done.
    pub fn behind_changes(&self, fault: Fault) -> Fault {
        although(fault, &self.changes)
    }
}

/// Whoever is told that a run has failed must not believe that it has done nothing.
fn although(fault: Fault, changes: &[ChangedKeys]) -> Fault {
    let done: Vec<&str> = changes.iter().map(|changed| changed.entry.action.as_str()).collect();
    match done.is_empty() {
        true => fault,
        false => fault.although(format!("{} is done, and the same line goes on behind it", done.join(", "))),
    }
}

/// One look at the keys, and the step that follows.
struct Turn<'a> {
    options: &'a RotateOptions<'a>,
    change: KeyChangeOptions,
    keyring: Keyring,
    since: Option<Timestamp>,
}

impl<'a> Turn<'a> {
    /// The clock is read last: whatever was written down before has happened before.
    fn of(options: &'a RotateOptions<'a>) -> Result<Self> {
        let KeyChangeOptions { keys_dir, access, grounds } = &options.change;
        let keyring = Keyring::read(keys_dir)?.require_there()?;
        let since = options.since()?;
        let grounds = Grounds { at: (options.now)()?, reason: grounds.reason.clone() };
        let change = KeyChangeOptions { keys_dir: keys_dir.clone(), access: access.clone(), grounds };
        Ok(Self { options, change, keyring, since })
    }

    fn at(&self) -> Timestamp {
        self.change.grounds.at
    }

    /// What depends on the old key is read once in a run, as if the new one were trusted already, and before anything is
    /// begun: what cannot be asked at all refuses the run. Before the old key goes it is asked again, under the lock.
    fn plan(&self, impact: &mut Option<Impact>) -> Result<Plan> {
        let keys = self.keys(&self.keyring)?;
        if impact.is_none() && keys.old_is_trusted() {
            *impact = Some(self.options.impact()?);
        }
        let count = |impact: &Impact| {
            let (unlisted, lost): (Vec<&Dependent>, _) = impact.losses().partition(|loss| loss.unlisted().is_some());
            Needed { lost_count: lost.len(), unlisted_count: unlisted.len(), unknown_count: impact.failed.len() }
        };
        let plan = Plan::of(&self.options.rotation, &keys, self.since, impact.as_ref().map(count), self.at());
        self.require_possible(&plan)?;
        Ok(plan)
    }

    /// Nothing is begun that could not be finished: a name that is taken where the old key is to go, or a link in place
    /// of its file, is found before the new one is trusted. What a real run would be refused, a dry one is as well.
    /// Asked in a session that changes nothing, and of what is left: others may have taken a step meanwhile.
    fn require_possible(&self, plan: &Plan) -> Result<()> {
        let KeyChangeOptions { keys_dir, access, grounds } = &self.change;
        let session = KeysSession::begin(keys_dir, &KeysAccess { dry_run: DryRun::Yes, ..access.clone() })?;
        let keyring = session.keyring();
        let keys = self.keys(keyring)?;
        let mut steps = Vec::from_iter(plan.due());
        steps.extend([RotationStep::Retire, RotationStep::Revoke]);
        for step in steps {
            if self.is_left(step, &keys)? {
                session.require_possible(&self.options.decide(step, keyring, grounds)?)?;
            }
        }
        Ok(())
    }

    /// Whether a step is still to come, now or later.
    fn is_left(&self, step: RotationStep, keys: &RotatedKeys) -> Result<bool> {
        match step {
            RotationStep::Retire => Ok(keys.old_is_trusted()),
            RotationStep::Revoke => Ok(self.options.rotation.revokes && keys.old != KeyPlace::Revoked),
            step => self.is_to_be_taken(step, keys),
        }
    }

    fn keys(&self, keyring: &Keyring) -> Result<RotatedKeys> {
        let foreseen = keyring.with_trusted(&self.options.new_id, self.options.new);
        RotatedKeys::of(keyring, &foreseen, &self.options.rotation, self.at())
    }

    /// Takes a step, unless somebody else has taken it meanwhile.
    fn take(&self, step: RotationStep) -> Result<Option<ChangedKeys>> {
        let guard = (step == RotationStep::Retire).then_some(&self.options.guard);
        change_keys_if(&self.change, guard, |keyring, grounds| {
            match self.is_to_be_taken(step, &self.keys(keyring)?)? {
                true => self.options.decide(step, keyring, grounds).map(Some),
                false => Ok(None),
            }
        })
    }

    /// Asked under the lock: what a step needs is there still, and nobody has done it.
    fn is_to_be_taken(&self, step: RotationStep, keys: &RotatedKeys) -> Result<bool> {
        let is_trusted = keys.new == Some(KeyPlace::Trusted);
        Ok(match step {
            RotationStep::Stage => keys.new.is_none(),
            RotationStep::Annotate => keys.new.is_some() && keys.owner != self.options.rotation.owner,
            RotationStep::Promote => keys.new.is_some() && (!is_trusted || self.options.since()?.is_none()),
            RotationStep::Resign => false,
            RotationStep::Retire => is_trusted && keys.old_is_trusted(),
            RotationStep::Revoke => !keys.old_is_trusted() && keys.old != KeyPlace::Revoked,
        })
    }
}

impl RotateOptions<'_> {
    fn since(&self) -> Result<Option<Timestamp>> {
        let Some(journal) = JournalPlace::in_keyring(&self.change.keys_dir)? else { return Ok(None) };
        trusted_since(&journal, self.rotation.new, self.change.grounds.at)
    }

    fn impact(&self) -> Result<Impact> {
        let gone = BTreeSet::from([self.rotation.old]);
        let installed = impact(&self.guard.installed, Afterwards::Without(&gone))?;
        Ok(installed.and((self.published)(&gone, &self.guard.installed.trust)?))
    }

    fn decide(&self, step: RotationStep, keyring: &Keyring, grounds: &Grounds) -> Result<KeyChange> {
        let new = || keyring.named(&self.rotation.new.to_string());
        let old = || keyring.named(&self.rotation.old.to_string());
        match step {
            RotationStep::Stage => KeyChange::stage(keyring, &self.addition(old()?)?, grounds),
            RotationStep::Annotate => {
                let key = new()?;
                KeyChange::annotate(key, Some(self.noted(key.notes())), grounds)
            }
            RotationStep::Promote if new()?.place == KeyPlace::Trusted => KeyChange::write_down(new()?, grounds),
            RotationStep::Promote => KeyChange::promote(keyring, new()?, grounds),
            RotationStep::Retire => KeyChange::retire(keyring, old()?, None, grounds),
            RotationStep::Revoke => KeyChange::revoke(keyring, old()?, None, grounds),
            RotationStep::Resign => Err(Fault::new(Reason::Internal, "what publishers sign is signed by nobody here")),
        }
    }

    /// A new key may do what the old one may, by every note on it, and nothing more: what is limited is the publisher,
    /// whose key it is. The dates are those of the old key alone.
    fn addition(&self, old: &HeldKey) -> Result<Addition> {
        let KeyNotes { scope, coverage, may_sign, .. } = inherited(&[old], self.change.grounds.at)?;
        // What a key without a note signs needs none.
        let may_sign = may_sign.filter(|kinds| *kinds != [SignatureKind::Plugin]);
        let note = self.noted(Some(&KeyNotes { scope, coverage, may_sign, ..KeyNotes::default() }));
        let says_something =
            note.owner.is_some() || note.scope.is_some() || note.coverage.is_some() || note.may_sign.is_some();
        Ok(Addition { key: self.new, id: self.new_id.clone(), note: says_something.then_some(note) })
    }

    fn noted(&self, notes: Option<&KeyNotes>) -> KeyNotes {
        let notes = notes.cloned().unwrap_or_default();
        KeyNotes { schema_version: KeyNotes::SCHEMA_VERSION, owner: self.rotation.owner.clone(), ..notes }
    }
}
