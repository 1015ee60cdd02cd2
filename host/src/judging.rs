//! What is in memory is judged again while it runs: keys are revoked, notes and locks change, and time passes.
//!
//! It is judged by the bytes that were loaded, whatever stands on the disk by now; that the disk differs is shown, and
//! changes nothing before somebody asks for a reload. Only a no of trust takes anything away: where keys or the lock cannot
//! be read, what was admitted stays so, and that is said.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_pipeline::accepted::{Evidence, judge_again};

use crate::found::{Found, reason_of};
use crate::held::{Held, locked};
use crate::host::Host;
use crate::settings::Happening;
use crate::standing::{JUDGE_ROUND, LOOK_ROUND, OnDisk};

/// How much longer than it takes it is waited until the next time: so much of a processor is left to others.
const REST: u32 = 50;

impl Host {
    /// Judges and looks, when either is due; for whoever asks again and again.
    pub(crate) fn keep_judging(&self) {
        let mut rounds = locked(&self.rounds);
        let begun = Instant::now();
        if rounds.judgement <= begun {
            let unjudged = self.judge_held().err().map(|fault| reason_of(&fault));
            if unjudged != rounds.said {
                if let Some(why) = &unjudged {
                    self.tell_of(&Happening::NotJudged { why });
                }
                rounds.said = unjudged;
            }
            rounds.judgement = Instant::now() + JUDGE_ROUND.max(begun.elapsed() * REST);
        }
        let begun = Instant::now();
        if rounds.look <= begun {
            // That nobody can look is said by whoever asks for it.
            let _ = self.look_at_disk();
            rounds.look = Instant::now() + LOOK_ROUND.max(begun.elapsed() * REST);
        }
    }

    /// Judges what is in memory again.
    ///
    /// # Errors
    /// Where nothing could be judged, or something could not: what was admitted stays so.
    pub(crate) fn judge_held(&self) -> Result<()> {
        let evidence = |held: Arc<Held>| {
            let evidence = locked(&held.now).evidence.clone()?;
            Some((held, evidence))
        };
        let held: Vec<(Arc<Held>, Arc<Evidence>)> = self.all().into_iter().filter_map(evidence).collect();
        let (options, lock) = self.judging_by(None)?;
        let asked: Vec<&Evidence> = held.iter().map(|(_, evidence)| evidence.as_ref()).collect();
        let lock = lock.as_ref().map(|lock| (self.lock_path(), lock));
        let verdicts = judge_again(&asked, &options, self.mode(), lock)?;
        let mut unjudged = Ok(());
        for ((held, evidence), verdict) in held.iter().zip(verdicts) {
            match verdict {
                Some(fault) if fault.class() != Class::Refused => unjudged = Err(fault),
                verdict => self.note(held, evidence, verdict),
            }
        }
        unjudged
    }

    /// Notes what was judged of the bytes that those were, unless others are in memory by now.
    fn note(&self, held: &Held, evidence: &Arc<Evidence>, verdict: Option<Fault>) {
        let (is_other, state) = {
            let mut now = locked(&held.now);
            if !now.evidence.as_ref().is_some_and(|current| Arc::ptr_eq(current, evidence)) {
                return;
            }
            let before = now.no_longer_admitted.as_deref().map(Fault::reason);
            let is_other = before != verdict.as_ref().map(Fault::reason);
            if is_other {
                now.no_longer_admitted = verdict.clone().map(Arc::new);
            }
            (is_other, now.life.state())
        };
        if !is_other {
            return;
        }
        let id = held.id.as_str();
        match verdict {
            Some(fault) => self.tell_of(&Happening::NoLongerAdmitted {
                id,
                state,
                why: &reason_of(&fault),
                is_quarantined: self.quarantines(),
            }),
            None => self.tell_of(&Happening::AdmittedAgain { id, state }),
        }
    }

    /// Notes of everything that is in memory whether it is what was found.
    pub(crate) fn compare_with_disk(&self, found: &[Found]) {
        for held in self.all() {
            let mut now = locked(&held.now);
            let Some(evidence) = &now.evidence else { continue };
            let (place, hash): (&PathBuf, &str) = (&now.place, evidence.hash());
            let there = found.iter().find(|found| found.place == *place);
            now.on_disk = Some(match there {
                None => OnDisk::Gone,
                Some(found) if found.about.id == held.id && found.hash.as_deref() == Some(hash) => OnDisk::Same,
                Some(_) => OnDisk::Differs,
            });
        }
    }
}
