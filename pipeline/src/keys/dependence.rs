//! `Dependence`: what becomes of something without the keys that would be gone, read off two verdicts of the gate.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::Fingerprint;
use aisoc_trust::{KnownSigner, Policy, SignatureStatus, TrustMode};

use crate::foresight::Foretold;
use crate::judge::Judgement;

/// What would become of something. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// It would be refused: what other keys vouch for is not enough, or nobody does.
    OnlyThisKey,
    /// Fewer keys would vouch for it than have to.
    BelowRequired,
    /// It would be let in although nobody vouches for it as the site asks, as mode `warn` does.
    WouldBecomeUnsigned,
    /// Other trusted keys vouch for it as well.
    AlsoAnotherKey,
}

impl Dependence {
    /// Every kind, the worst first.
    pub const ALL: [Self; 4] =
        [Self::OnlyThisKey, Self::BelowRequired, Self::WouldBecomeUnsigned, Self::AlsoAnotherKey];

    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnlyThisKey => "only_this_key",
            Self::BelowRequired => "below_required",
            Self::WouldBecomeUnsigned => "would_become_unsigned",
            Self::AlsoAnotherKey => "also_another_key",
        }
    }

    /// Whether something is lost with the keys.
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::AlsoAnotherKey)
    }

    /// What the second verdict makes of the first.
    fn between(today: &Judgement, foreseen: &Result<Judgement>) -> Self {
        let objection = match foreseen {
            Err(refusal) => Some(refusal),
            Ok(judgement) => judgement.objection.as_ref(),
        };
        match (objection, foreseen) {
            (Some(objection), _) if objection.reason() == Reason::SignersTooFew => Self::BelowRequired,
            // What is short of the same thing today loses nothing.
            (Some(objection), _) if is_as_short(today, foreseen, objection) => Self::AlsoAnotherKey,
            (_, Err(_)) => Self::OnlyThisKey,
            (None, Ok(_)) => Self::AlsoAnotherKey,
            (Some(_), Ok(_)) => Self::WouldBecomeUnsigned,
        }
    }
}

/// Whether something is short of the same thing today, and somebody goes on vouching for it.
fn is_as_short(today: &Judgement, foreseen: &Result<Judgement>, objection: &Fault) -> bool {
    let is_objected_today = today.objection.as_ref().is_some_and(|today| today.reason() == objection.reason());
    let is_vouched_for = match foreseen {
        Ok(foreseen) => foreseen.status == SignatureStatus::Verified,
        // How much of it somebody has signed is asked of what somebody has signed alone.
        Err(refusal) => refusal.reason() == Reason::CoveragePartial,
    };
    is_vouched_for && is_objected_today
}

/// Where something is that depends on keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In place: a host loads it.
    Installed,
    /// Kept for a rollback.
    Kept,
    /// In a registry, a layout or a directory that was named.
    Named,
}

impl Place {
    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Kept => "kept",
            Self::Named => "named",
        }
    }
}

/// Something that keys vouch for which would be gone.
#[derive(Debug)]
pub struct Dependent {
    /// Where it is.
    pub place: Place,
    /// Its place, from which a path can be had back, or the reference.
    pub source: String,
    /// What it was installed from, as its record says; nothing for what has no record.
    pub reference: Option<String>,
    /// Other references that lead to the same artifact.
    pub also_named: Vec<String>,
    /// The plugin, when it is known.
    pub id: Option<String>,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// What would become of it.
    pub dependence: Dependence,
    /// Those of the keys that vouch for it today, or show a proof of it that is required.
    pub signers: Vec<KnownSigner>,
    /// The keys that would go on vouching for it.
    pub others: Vec<KnownSigner>,
    /// What it would be refused for, or let in despite.
    pub objection: Option<Fault>,
    /// Whether none of the keys has signed it: they show a proof of it that nobody else shows.
    pub is_proof_alone: bool,
}

impl Dependent {
    /// Why the keys that would go on vouching for it are not enough, where they are but for a list of publishers: nobody
    /// has to sign it again.
    pub fn unlisted(&self) -> Option<&Fault> {
        self.objection.as_ref().filter(|objection| objection.reason() == Reason::UntrustedPublisher)
    }
}

/// By what two verdicts are compared that were given by keys alone.
pub(super) struct Rule<'a> {
    /// What the site asks.
    pub(super) policy: &'a Policy,
    /// The keys that would be gone.
    pub(super) gone: &'a BTreeSet<Fingerprint>,
}

impl Rule<'_> {
    /// Whether the site refuses what keys alone let in with an objection.
    pub(super) fn refuses(&self, judgement: &Judgement) -> bool {
        self.policy.mode != TrustMode::Warn && judgement.objection.is_some()
    }

    /// Whether the site refuses it for that.
    pub(super) fn refuses_for(&self, judgement: &Judgement, reason: Reason) -> bool {
        self.refuses(judgement) && judgement.objection.as_ref().is_some_and(|objection| objection.reason() == reason)
    }

    /// Why the site would take it no more from those who are left, where it takes it from those who vouch for it today.
    fn unlisted(&self, today: &Judgement, foreseen: &Judgement) -> Option<Fault> {
        let is_taken = self.policy.publishers.are_limited() && self.policy.unlisted(&today.signers).is_none();
        is_taken.then(|| self.policy.unlisted(&foreseen.signers)).flatten()
    }
}

/// What the second verdict says beside the first.
pub(super) struct Compared {
    pub(super) dependence: Dependence,
    pub(super) signers: Vec<KnownSigner>,
    pub(super) others: Vec<KnownSigner>,
    pub(super) objection: Option<Fault>,
    pub(super) is_proof_alone: bool,
}

impl Compared {
    pub(super) fn of(today: &Judgement, foretold: Foretold, rule: &Rule<'_>) -> Self {
        let (gone, Foretold { verdict: foreseen, provers }) = (rule.gone, foretold);
        let dependence = Dependence::between(today, &foreseen);
        let signed = today.signers.iter().filter(|signer| gone.contains(&signer.fingerprint));
        let mut signers: Vec<KnownSigner> = signed.cloned().collect();
        let is_proof_alone = signers.is_empty() && !provers.is_empty();
        for prover in provers {
            if !signers.contains(&prover) {
                signers.push(prover);
            }
        }
        let (others, objection) = match foreseen {
            Ok(judgement) => match rule.unlisted(today, &judgement).filter(|_| !dependence.is_loss()) {
                Some(unlisted) => {
                    let (others, objection) = (judgement.signers, Some(unlisted));
                    let dependence = Dependence::OnlyThisKey;
                    return Self { dependence, signers, others, objection, is_proof_alone };
                }
                None => (judgement.signers, judgement.objection),
            },
            Err(refusal) => {
                let stays = |signer: &&KnownSigner| !gone.contains(&signer.fingerprint);
                (today.signers.iter().filter(stays).cloned().collect(), Some(refusal))
            }
        };
        Self { dependence, signers, others, objection, is_proof_alone }
    }
}

#[cfg(test)]
mod tests {
    use aisoc_signing::{Coverage, SigningKey};

    use super::*;

    fn judgement(status: SignatureStatus, objection: Option<Reason>) -> Judgement {
        Judgement {
            status,
            key_id: None,
            fingerprint: None,
            signers: Vec::new(),
            coverage: Coverage::Full,
            coverage_accepted_from: Vec::new(),
            decision: None,
            objection: objection.map(refused),
            ending_keys: Vec::new(),
            skipped_keys: Vec::new(),
        }
    }

    fn refused(reason: Reason) -> Fault {
        Fault::new(reason, reason.as_str())
    }

    #[test]
    fn what_becomes_of_something_is_read_off_the_second_verdict() {
        use Reason::{CoveragePartial, NoTrustedKeys, SignersTooFew, UntrustedKey};
        use SignatureStatus::{Invalid, Verified};
        let verified = judgement(Verified, None);
        for (foreseen, dependence) in [
            (Err(refused(UntrustedKey)), Dependence::OnlyThisKey),
            (Err(refused(NoTrustedKeys)), Dependence::OnlyThisKey),
            (Err(refused(CoveragePartial)), Dependence::OnlyThisKey),
            (Err(refused(SignersTooFew)), Dependence::BelowRequired),
            (Ok(judgement(Verified, None)), Dependence::AlsoAnotherKey),
            (Ok(judgement(Verified, Some(SignersTooFew))), Dependence::BelowRequired),
            (Ok(judgement(Verified, Some(CoveragePartial))), Dependence::WouldBecomeUnsigned),
            (Ok(judgement(Invalid, Some(UntrustedKey))), Dependence::WouldBecomeUnsigned),
        ] {
            assert_eq!(Dependence::between(&verified, &foreseen), dependence, "{foreseen:?}");
        }
    }

    #[test]
    fn what_is_let_in_short_of_the_same_today_loses_nothing() {
        let short = |reason| judgement(SignatureStatus::Verified, Some(reason));
        let partial = short(Reason::CoveragePartial);
        let between = |foreseen| Dependence::between(&partial, &Ok(foreseen));
        assert_eq!(between(short(Reason::CoveragePartial)), Dependence::AlsoAnotherKey);
        assert_eq!(between(short(Reason::TreeModified)), Dependence::WouldBecomeUnsigned);
        let invalid = judgement(SignatureStatus::Invalid, Some(Reason::CoveragePartial));
        assert_eq!(between(invalid), Dependence::WouldBecomeUnsigned, "nobody vouches for it any more");
    }

    #[test]
    fn who_vouches_today_and_who_would_go_on_are_told_apart() {
        let key = || SigningKey::generate().expect("random numbers").public_key().fingerprint();
        let signer = |key_id: &str, fingerprint| KnownSigner { key_id: key_id.to_owned(), fingerprint };
        let (old, new) = (signer("old", key()), signer("new", key()));
        let today = Judgement { signers: vec![old.clone(), new.clone()], ..judgement(SignatureStatus::Verified, None) };
        let gone = BTreeSet::from([old.fingerprint]);
        for foreseen in [
            Ok(Judgement { signers: vec![new.clone()], ..judgement(SignatureStatus::Verified, None) }),
            Err(refused(Reason::SignersTooFew)),
        ] {
            let rule = Rule { policy: &Policy::default(), gone: &gone };
            let compared = Compared::of(&today, Foretold { verdict: foreseen, provers: Vec::new() }, &rule);
            assert_eq!((compared.signers, compared.others), (vec![old.clone()], vec![new.clone()]));
        }
    }
}
