//! `Foresight`: what the gate would say without some of the keys. The same claim is judged twice, by the keys as they
//! are and by those that would be left; nothing here knows a rule of the gate.

use std::collections::BTreeSet;

use aisoc_manifests::fault::Result;
use aisoc_signing::{Claim, Fingerprint, Origin};
use aisoc_trust::{Examined, Facts, Verdict};

use crate::judge::{Judge, Judgement};

/// Keys that would be gone, and a judge who has the others.
pub(crate) struct Foresight<'a> {
    gone: &'a BTreeSet<Fingerprint>,
    judge: Option<Judge<'a>>,
}

impl<'a> Foresight<'a> {
    /// Without any key to be gone it foresees nothing.
    pub(crate) fn of(judge: &Judge<'a>, gone: &'a BTreeSet<Fingerprint>) -> Self {
        Self { gone, judge: (!gone.is_empty()).then(|| judge.without(gone)) }
    }

    /// Judges again what passed the gates about proof `today`. Nothing where none of the keys has verified anything in
    /// it: then the other judge would see the same. A key whose time is over counts here, for hosts that know the
    /// first signature alone go by it.
    pub(crate) fn examine(&self, claim: &Claim, origin: &Origin, today: &Examined) -> Option<Examined> {
        let judge = self.judge.as_ref().filter(|_| today.verdict().is_some_and(|verdict| self.signed(verdict)))?;
        Some(judge.examine(claim, origin.clone()))
    }

    fn signed(&self, verdict: &Verdict) -> bool {
        let signers = verdict.signers().iter().map(|signer| signer.fingerprint);
        let ended = verdict.ended_signers().iter().map(|ended| ended.fingerprint);
        signers.chain(ended).any(|key| self.gone.contains(&key))
    }

    /// What would follow, beside what is installed.
    pub(crate) fn observe(&self, examined: Option<Examined>, facts: Option<&Facts>) -> Option<Result<Judgement>> {
        let judge = self.judge.as_ref()?;
        Some(judge.observe(examined?, facts).outcome.map(|verdict| judge.judgement(&verdict)))
    }
}
