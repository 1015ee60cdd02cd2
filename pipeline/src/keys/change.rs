//! `change_keys`: a change of the trusted keys, decided and made in one session, unless something depends on what it
//! takes away.
//!
//! The lock of the keys comes first, then that of the plugins directory, which is shared: it keeps installs out between
//! the question what depends on a key and its going. An install reads the keys under the lock of its own directory, and
//! waits for no other, so nobody waits for somebody who waits for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_signing::{Fingerprint, KeyPlace, Keyring, SignatureKind};
use aisoc_trust::StateLock;
use aisoc_trust::journal::{Action, Entry};
use aisoc_trust::keys::{Foreseen, Grounds, KeyChange, KeysAccess, KeysSession, counting, require_set_signers};
use jiff::Timestamp;

use super::impact::{Impact, impact, impact_by_keys};
use crate::afterwards::Afterwards;
use crate::at_rest::AtRestOptions;

/// Which keys are changed, by whom and why.
#[derive(Debug)]
pub struct KeyChangeOptions {
    /// The directory of keys.
    pub keys_dir: PathBuf,
    /// Who changes it, and how long they wait.
    pub access: KeysAccess,
    /// When and why.
    pub grounds: Grounds,
}

/// What is asked before a key is taken away.
#[derive(Debug)]
pub struct Guard {
    /// What is installed, and judged by the same directory of keys.
    pub installed: AtRestOptions,
    /// Whether the key goes although something is lost with it.
    pub is_forced: bool,
}

/// What was done, or in a dry run would be.
#[derive(Debug)]
pub struct ChangedKeys {
    /// The line of the journal.
    pub entry: Entry,
    /// The key.
    pub fingerprint: Fingerprint,
    /// Where it stood before; nothing for one that came.
    pub before: Option<KeyPlace>,
    /// What an earlier run had begun and this one has finished.
    pub finished: Option<Entry>,
    /// What depends on the key, where that was asked.
    pub impact: Option<Impact>,
    /// Why nobody could tell, of a key that goes whatever depends on it.
    pub not_judged: Option<Fault>,
}

/// What depends on a key, or why nobody could tell.
#[derive(Default)]
struct Asked {
    impact: Option<Impact>,
    not_judged: Option<Fault>,
    /// Keeps the answer true, as long as it is held: no install comes in between.
    _still: Option<StateLock>,
}

/// Decides about the keys as they are under the lock, asks `guard` what would be lost, and makes the change.
///
/// # Errors
/// What `decide` refuses; `key_needed` for a key that something depends on, and for the last that counts, unless it is
/// forced; as [`KeysSession::begin`] and [`KeysSession::make`].
pub fn change_keys(
    options: &KeyChangeOptions,
    guard: Option<&Guard>,
    decide: impl FnOnce(&Keyring, &Grounds) -> Result<KeyChange>,
) -> Result<ChangedKeys> {
    let changed = change_keys_if(options, guard, |keyring, grounds| decide(keyring, grounds).map(Some))?;
    changed.ok_or_else(|| Fault::new(Reason::Internal, "a change of keys that was decided is none"))
}

/// As [`change_keys`], where under the lock it may turn out that there is nothing to change.
///
/// # Errors
/// As [`change_keys`].
pub(super) fn change_keys_if(
    options: &KeyChangeOptions,
    guard: Option<&Guard>,
    decide: impl FnOnce(&Keyring, &Grounds) -> Result<Option<KeyChange>>,
) -> Result<Option<ChangedKeys>> {
    let session = KeysSession::begin(&options.keys_dir, &options.access)?;
    let Some(change) = decide(session.keyring(), &options.grounds)? else { return Ok(None) };
    let fingerprint = key_of(&change)?;
    let before = session.keyring().all_keys().iter().filter(|key| key.fingerprint == fingerprint).map(|key| key.place);
    let before = before.min();
    // What it holds is held until the key is gone.
    let asked = guard.map(|guard| guard.ask(&session, &change, fingerprint, options)).transpose()?.unwrap_or_default();
    let finished = session.finished().cloned();
    let entry = change.entry.clone();
    session.make(&change)?;
    let Asked { impact, not_judged, .. } = asked;
    Ok(Some(ChangedKeys { entry, fingerprint, before, finished, impact, not_judged }))
}

fn key_of(change: &KeyChange) -> Result<Fingerprint> {
    let hash = change.entry.hash.as_deref().unwrap_or_default();
    hash.parse().map_err(|fault: Fault| Fault::new(Reason::Internal, "a change of keys names no key").caused_by(fault))
}

impl Guard {
    /// What depends on the key. One that goes whatever depends on it waits for nobody, and for no answer.
    ///
    /// # Errors
    /// `key_needed`, and `locked` while the plugins directory is changed.
    fn ask(
        &self,
        session: &KeysSession,
        change: &KeyChange,
        key: Fingerprint,
        options: &KeyChangeOptions,
    ) -> Result<Asked> {
        let foreseen = Foreseen::of(change, key);
        if change.action() == Action::KeyAnnotate && !foreseen.limits_anew(session.keyring()) {
            return Ok(Asked { impact: Some(Impact::default()), ..Asked::default() });
        }
        let gone = BTreeSet::from([key]);
        // A key that is taken away is asked about as if all its files were: who takes the first away means the key.
        let afterwards = match change.action() {
            Action::KeyAnnotate => Afterwards::Behind(&foreseen),
            _ => Afterwards::Without(&gone),
        };
        if self.is_forced {
            return match impact_by_keys(&self.installed, afterwards) {
                Ok(impact) => Ok(Asked { impact: Some(impact), ..Asked::default() }),
                Err(fault) if fault.class() == Class::Interrupted => Err(fault),
                Err(fault) => Ok(Asked { not_judged: Some(fault), ..Asked::default() }),
            };
        }
        let judge = || self.judge(session, afterwards, options.grounds.at);
        let (impact, still) = while_still(&self.installed, &options.access, judge)?;
        Ok(Asked { impact: Some(impact), not_judged: None, _still: still })
    }

    fn judge(&self, session: &KeysSession, afterwards: Afterwards<'_>, at: Timestamp) -> Result<Impact> {
        // The keys that went before are gone in a dry run as well, which has taken none away.
        let keyring = &session.keyring().without(&self.installed.trust.foreseen.gone);
        let impact = impact(&self.installed, afterwards)?;
        let after = afterwards.of(keyring);
        if let Some(refusal) = impact.refusal() {
            if impact.losses().next().is_some_and(|loss| loss.unlisted().is_some() || loss.is_proof_alone) {
                return Err(refusal);
            }
            return Err(refusal.hint(match afterwards {
                Afterwards::Behind(_) => {
                    "let the note allow what is installed; or have its publisher sign it with another key (`aisoc plugin \
                     resign`), and install that first. `--force` is for a key that is in the wrong hands"
                }
                Afterwards::Without(_) => {
                    "see each with `aisoc keys impact ID`; have its publisher sign it with the key that stays (`aisoc \
                     plugin resign`), and install that. `--force` is for a key that is in the wrong hands"
                }
            }));
        }
        match impact.failed.first() {
            Some((name, fault)) => {
                Err(Fault::new(Reason::KeyNeeded, format!("nobody can tell whether `{name}` depends on the key"))
                    .expected("every plugin read", fault.to_string())
                    .hint("set right what cannot be read; `--force` is for a key that is in the wrong hands"))
            }
            None => {
                self.require_way_in(keyring, &after, at)?;
                require_set_signers(keyring, &after, at).map(|()| impact)
            }
        }
    }

    /// Whether as many keys count then as have to sign a plugin here. Where too few do today, it is not this change that
    /// locks anybody out.
    fn require_way_in(&self, before: &Keyring, after: &Keyring, at: Timestamp) -> Result<()> {
        let required = self.installed.trust.policy.required_signers.get();
        let [were, left] = [before, after].map(|keyring| counting(keyring, SignatureKind::Plugin, at));
        if left >= required || left == were {
            return Ok(());
        }
        let fault = match left {
            0 => Fault::new(Reason::KeyNeeded, "it is the last key that counts: without it nothing is verified")
                .expected("another trusted key that counts", "none"),
            _ => Fault::new(
                Reason::KeyNeeded,
                "fewer keys would count than have to sign a plugin: nothing is verified then",
            )
            .expected(format!("at least {required}, as `--require` asks"), left.to_string()),
        };
        Err(fault.hint(
            "trust another one first: `aisoc keys add PEM --reason TEXT`. `--force` is for a key that is in the wrong hands",
        ))
    }
}

/// Who keeps the keys need not be who installs: what is missing then is no mode of a file.
fn kept_out(fault: Fault, plugins: &Path) -> Fault {
    match fault.reason() {
        Reason::IoDenied => fault
            .although(format!("no install into `{}` may come in while it is asked what depends on the key", plugins.display()))
            .hint(
                "repeat it as the user who installs plugins there, with the right to write in both directories. `--force` is \
                 for a key that is in the wrong hands",
            ),
        _ => fault,
    }
}

/// The answer to a question about what is installed, and what keeps it true.
///
/// # Errors
/// `locked` while the plugins directory is changed, and what the question comes to.
pub(super) fn while_still<T>(
    installed: &AtRestOptions,
    access: &KeysAccess,
    ask: impl Fn() -> Result<T>,
) -> Result<(T, Option<StateLock>)> {
    let KeysAccess { patience, dry_run, .. } = access;
    let AtRestOptions { site, shared_directories, .. } = installed;
    let hold = || {
        let held = match dry_run {
            DryRun::Yes => site.hold_still(patience),
            DryRun::No => site.hold_still_from_now_on(*shared_directories, patience),
        };
        held.map_err(|fault| kept_out(fault, site.path()))
    };
    let still = hold()?;
    let answer = ask()?;
    if still.is_some() {
        return Ok((answer, still));
    }
    // The first install of all may have made the directory meanwhile.
    match hold()? {
        None => Ok((answer, None)),
        still => Ok((ask()?, still)),
    }
}
