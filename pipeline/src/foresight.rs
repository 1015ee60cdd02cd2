//! `Foresight`: what the gate would say without some of the keys, or with other notes on them. The same claim is judged
//! twice, by the keys as they are and by those that would be there; nothing here knows a rule of the gate.

use aisoc_manifests::fault::Result;
use aisoc_signing::Claim;
use aisoc_trust::{Examined, Facts, KnownSigner, Proofs, Verdict};

use crate::afterwards::Afterwards;
use crate::judge::{Judge, Judgement};
use crate::proofs::Coming;

/// What would become of keys, and a judge who has them as they would be.
pub(crate) struct Foresight<'a> {
    asked: Afterwards<'a>,
    today: &'a Judge<'a>,
    judge: Option<Judge<'a>>,
}

/// What was examined by the keys as they would be, and who shows today which proofs are lost.
pub(crate) struct Foreseeing {
    examined: Examined,
    provers: Vec<KnownSigner>,
}

/// What the gate would say, and which keys show today the proofs that it would miss.
pub(crate) struct Foretold {
    pub(crate) verdict: Result<Judgement>,
    pub(crate) provers: Vec<KnownSigner>,
}

impl<'a> Foresight<'a> {
    /// Where nothing becomes of any key it foresees nothing.
    pub(crate) fn of(judge: &'a Judge<'a>, asked: Afterwards<'a>) -> Self {
        Self { asked, today: judge, judge: (!asked.keys().is_empty()).then(|| judge.afterwards(&asked)) }
    }

    /// Judges again what passed the gates about proof `today`. Nothing where none of the keys has verified anything in
    /// it, nor shows a proof of it that nobody else shows: then the other judge would see the same. A key whose time is
    /// over counts here, for hosts that know the first signature alone go by it.
    pub(crate) fn examine(&self, claim: &Claim, coming: &Coming<'_>, today: &Examined) -> Option<Foreseeing> {
        let (judge, verdict) = (self.judge.as_ref()?, today.verdict()?);
        let lost = self.today.lost_proofs(judge, claim, coming);
        if lost.is_empty() && !self.signed(verdict) {
            return None;
        }
        let provers = lost.iter().filter_map(|proof| proof.signer.clone()).collect();
        let missed = Proofs(lost.into_iter().map(|proof| proof.shown).collect());
        Some(Foreseeing { examined: judge.examine(claim, coming.clone()).with_proofs(&missed), provers })
    }

    fn signed(&self, verdict: &Verdict) -> bool {
        let signers = verdict.signers().iter().map(|signer| signer.fingerprint);
        let ended = verdict.ended_signers().iter().map(|ended| ended.fingerprint);
        signers.chain(ended).any(|key| self.asked.keys().contains(&key))
    }

    /// What would follow, beside what is installed.
    pub(crate) fn observe(&self, foreseeing: Option<Foreseeing>, facts: Option<&Facts>) -> Option<Foretold> {
        let (judge, Foreseeing { examined, provers }) = (self.judge.as_ref()?, foreseeing?);
        let outcome = judge.observe(examined, facts).outcome;
        Some(Foretold { verdict: outcome.map(|verdict| judge.judgement(&verdict)), provers })
    }
}
