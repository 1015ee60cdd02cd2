//! `impact`: what depends on keys that somebody wants to take away.

use aisoc_installation::escaped;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_trust::TrustMode;

use super::dependence::{Compared, Dependence, Dependent, Place, Rule};
use super::here::is_without_plugins;
use super::judged::Judged;
use super::kept::kept_versions;
use crate::afterwards::Afterwards;
use crate::at_rest::{AtRest, AtRestOptions, Seen, see_at_rest};
use crate::judge::{Judgement, TrustInputs};

/// How many of what depends on keys a refusal names: whoever has more asks for the list.
const SHOWN: usize = 20;

/// What to do about a key that has signed no plugin, but what is stated of one.
const PROOF_ALONE: &str = "have another trusted key state the same of it: `aisoc plugin attest REF --type TYPE \
                           --predicate FILE --private-key NEW`, and install it by that key";

/// What depends on keys, and what nobody could tell of.
#[derive(Debug, Default)]
pub struct Impact {
    /// What some of the keys vouch for today, the worst first; the same kind by place and name.
    pub dependents: Vec<Dependent>,
    /// How many the keys have nothing to do with.
    pub independent_count: usize,
    /// How many are refused today, with the keys.
    pub refused_count: usize,
    /// What could not be judged, by its name.
    pub failed: Vec<(String, Fault)>,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
    /// What everybody may write of the plugins directory and the way to it, where that was accepted.
    pub shared: Option<String>,
}

/// What would become of all that is installed, and of the versions that are kept of it, if that became of the keys, all of
/// it together. Every tree is read once and judged twice. Where there is no plugins directory nothing is installed.
///
/// # Errors
/// `usage` in mode `disabled`, in which nothing depends on any key; as [`crate::verify_at_rest`].
pub fn impact(options: &AtRestOptions, afterwards: Afterwards<'_>) -> Result<Impact> {
    require_judging(&options.trust)?;
    impact_by_keys(options, afterwards)
}

/// As [`impact`], whatever the trust mode: what plugins are let in without being asked today depends on keys tomorrow.
/// What keys vouch for is no policy of the moment: what is refused today for what it asks for, or by a list of
/// publishers that names nobody who has signed it, needs its keys all the same.
///
/// # Errors
/// As [`crate::verify_at_rest`].
pub(super) fn impact_by_keys(options: &AtRestOptions, afterwards: Afterwards<'_>) -> Result<Impact> {
    if is_without_plugins(&options.site) {
        return Ok(Impact::default());
    }
    let rule = Rule { policy: &options.trust.policy, gone: afterwards.keys() };
    let options = &options.by_keys_alone();
    let (seen, AtRest { skipped_keys, shared, .. }) = see_at_rest(options, afterwards)?;
    let mut impact = Impact { skipped_keys, shared, ..Impact::default() };
    let kept = kept_versions(options, &seen, afterwards)?;
    seen.into_iter().for_each(|seen| impact.add_installed(seen, &rule));
    kept.into_iter().for_each(|kept| impact.add(kept, &rule));
    impact.sort();
    Ok(impact)
}

/// # Errors
/// `usage` where nothing is judged.
pub(super) fn require_judging(trust: &TrustInputs) -> Result<()> {
    match trust.policy.mode {
        TrustMode::Disabled => {
            Err(Fault::new(Reason::Usage, "nothing depends on a key where no signature is looked at")
                .expected("the trust mode strict or warn", TrustMode::Disabled.as_str())
                .hint("ask what a host in mode strict would say: repeat it with `--trust-mode strict`"))
        }
        TrustMode::Strict | TrustMode::Warn => Ok(()),
    }
}

impl Judged {
    /// What the keys have nothing to do with.
    pub(super) fn of(place: Place, source: String, today: Result<Judgement>) -> Self {
        let is_unread = today.as_ref().is_err_and(|fault| !is_verdict(fault));
        Self {
            place,
            source,
            reference: None,
            id: None,
            version: None,
            today,
            foreseen: None,
            also_named: Vec::new(),
            is_unread,
        }
    }
}

impl Impact {
    /// What is lost with the keys.
    pub fn losses(&self) -> impl Iterator<Item = &Dependent> {
        self.dependents.iter().filter(|dependent| dependent.dependence.is_loss())
    }

    /// How many have become what.
    pub fn count(&self, dependence: Dependence) -> usize {
        self.dependents.iter().filter(|dependent| dependent.dependence == dependence).count()
    }

    /// Why the keys cannot be taken away, where something is lost with them: whoever is told to do it all the same
    /// does not ask.
    pub fn refusal(&self) -> Option<Fault> {
        let first = self.losses().next()?;
        let names: Vec<String> = self.losses().map(Dependent::named).collect();
        let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = match names.len() {
            1 => format!("{shown} depends on the keys"),
            count if count > SHOWN => format!("{count} depend on the keys: {shown} and {} more", count - SHOWN),
            count => format!("{count} depend on the keys: {shown}"),
        };
        if let Some(unlisted) = first.unlisted() {
            let others: Vec<String> = first.others.iter().map(|signer| format!("`{}`", signer.key_id)).collect();
            let found = format!("signed by {} as well, on no list of publishers", others.join(", "));
            let fault = Fault::new(Reason::KeyNeeded, message).expected("other keys on a list of publishers", found);
            return Some(fault.hint(unlisted.next_step()));
        }
        let signers: Vec<String> = first.signers.iter().map(|signer| format!("`{}`", signer.key_id)).collect();
        let found = format!("{} and no other that is enough", signers.join(", "));
        let fault = Fault::new(Reason::KeyNeeded, message).expected("other trusted keys that vouch for each", found);
        Some(match first.is_proof_alone {
            true => fault.hint(PROOF_ALONE),
            false => fault,
        })
    }

    pub(super) fn sort(&mut self) {
        self.dependents.sort_by(|one, other| one.order().cmp(&other.order()));
    }

    fn add_installed(&mut self, seen: Seen, rule: &Rule<'_>) {
        let Seen { plugin, foreseen } = seen;
        let source = escaped(plugin.path.as_os_str());
        let (id, version) = (Some(plugin.id), plugin.version);
        let reference = plugin.record.map(|record| record.reference);
        self.add(
            Judged { id, version, reference, foreseen, ..Judged::of(Place::Installed, source, plugin.verdict) },
            rule,
        );
    }

    pub(super) fn add(&mut self, judged: Judged, rule: &Rule<'_>) {
        let Judged { place, source, reference, id, version, today, foreseen, also_named, is_unread } = judged;
        match (today, foreseen) {
            (Err(fault), _) if is_unread => self.failed.push((source, fault)),
            (Err(_), _) => self.refused_count += 1,
            // Whoever asks for more signers says so each time.
            (Ok(today), _) if rule.refuses_for(&today, Reason::SignersTooFew) => self.refused_count += 1,
            (Ok(today), None) if rule.refuses(&today) => self.refused_count += 1,
            (Ok(_), None) => self.independent_count += 1,
            (Ok(today), Some(foreseen)) => {
                let Compared { dependence, signers, others, objection, is_proof_alone } =
                    Compared::of(&today, foreseen, rule);
                if !dependence.is_loss() && rule.refuses(&today) {
                    self.refused_count += 1;
                    return;
                }
                self.dependents.push(Dependent {
                    place,
                    source,
                    reference,
                    also_named,
                    id,
                    version,
                    dependence,
                    signers,
                    others,
                    objection,
                    is_proof_alone,
                });
            }
        }
    }

    /// Both answers as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.dependents.extend(other.dependents);
        self.failed.extend(other.failed);
        self.independent_count += other.independent_count;
        self.refused_count += other.refused_count;
        if self.skipped_keys.is_empty() {
            self.skipped_keys = other.skipped_keys;
        }
        self.shared = self.shared.or(other.shared);
        self.sort();
        self
    }
}

/// Whether something is known to be refused today. What could not be read may be anything.
fn is_verdict(fault: &Fault) -> bool {
    let is_unread = fault.is_unread() || fault.reason() == Reason::IoNotFound;
    matches!(fault.class(), Class::Refused | Class::Failed) && !is_unread
}

impl Dependent {
    fn order(&self) -> (Dependence, Place, Option<&str>, &str, Option<&str>) {
        (self.dependence, self.place, self.id.as_deref(), &self.source, self.version.as_deref())
    }

    fn named(&self) -> String {
        let version = self.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        match (&self.id, self.place) {
            (Some(id), Place::Installed) => format!("`{id}`{version}"),
            (Some(id), Place::Kept) => format!("`{id}`{version} (kept for a rollback)"),
            _ => format!("`{}`", self.source),
        }
    }
}
