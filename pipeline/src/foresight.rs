//! `Foresight`: what the gate would say without some of the keys, or with other notes on them. The same claim is judged
//! twice, by the keys as they are and by those that would be there; nothing here knows a rule of the gate.

use aisoc_manifests::fault::Result;
use aisoc_signing::Claim;
use aisoc_trust::{Examined, Facts, Verdict};

use crate::afterwards::Afterwards;
use crate::judge::{Judge, Judgement};
use crate::proofs::Coming;

/// What would become of keys, and a judge who has them as they would be.
pub(crate) struct Foresight<'a> {
    asked: Afterwards<'a>,
    judge: Option<Judge<'a>>,
}

impl<'a> Foresight<'a> {
    /// Where nothing becomes of any key it foresees nothing.
    pub(crate) fn of(judge: &Judge<'a>, asked: Afterwards<'a>) -> Self {
        Self { asked, judge: (!asked.keys().is_empty()).then(|| judge.afterwards(&asked)) }
    }

    /// Judges again what passed the gates about proof `today`. Nothing where none of the keys has verified anything in
    /// it: then the other judge would see the same. A key whose time is over counts here, for hosts that know the
    /// first signature alone go by it.
    pub(crate) fn examine(&self, claim: &Claim, coming: &Coming<'_>, today: &Examined) -> Option<Examined> {
        let judge = self.judge.as_ref().filter(|_| today.verdict().is_some_and(|verdict| self.signed(verdict)))?;
        Some(judge.examine(claim, coming.clone()))
    }

    fn signed(&self, verdict: &Verdict) -> bool {
        let signers = verdict.signers().iter().map(|signer| signer.fingerprint);
        let ended = verdict.ended_signers().iter().map(|ended| ended.fingerprint);
        signers.chain(ended).any(|key| self.asked.keys().contains(&key))
    }

    /// What would follow, beside what is installed.
    pub(crate) fn observe(&self, examined: Option<Examined>, facts: Option<&Facts>) -> Option<Result<Judgement>> {
        let judge = self.judge.as_ref()?;
        Some(judge.observe(examined?, facts).outcome.map(|verdict| judge.judgement(&verdict)))
    }
}
