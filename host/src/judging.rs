//! What is in memory is judged again while it runs: keys are revoked, notes and locks change, and time passes.
//!
//! It is judged by the bytes that were loaded, whatever stands on the disk by now; that the disk differs is shown, and
//! changes nothing before somebody asks for a reload. Only a no of trust takes anything away: where keys or the lock cannot
//! be read, what was admitted stays so, and that is said. What takes its place is held to more: that has to be admitted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::accepted::{Again, Evidence, judge_again};
use aisoc_pipeline::{Discovered, PluginSource};
use aisoc_trust::journal::Action;

use crate::found::{Found, reason_of};
use crate::held::{Held, Now, locked};
use crate::host::Host;
use crate::settings::Happening;
use crate::standing::{Judgement, OnDisk};

impl Host {
    /// Judges what is in memory, where that is due; for whoever asks again and again.
    pub(crate) fn judge_round(&self) {
        let mut judgement = locked(&self.judgement);
        let Judgement { round, said } = &mut *judgement;
        round.when_due(|| {
            let unjudged = self.judge_held().err().map(|fault| reason_of(&fault));
            if unjudged != *said {
                if let Some(why) = &unjudged {
                    self.tell_of(&Happening::NotJudged { why });
                }
                *said = unjudged;
            }
        });
    }

    /// Compares what is in memory with the disk, where that is due; for whoever asks again and again.
    pub(crate) fn look_round(&self) {
        if self.settings.processes.idle.is_some() {
            return self.sweep_round();
        }
        // That nobody can look is said by whoever asks for it.
        locked(&self.disk).when_due(|| drop(self.look_at_disk()));
    }

    /// Refuses what would not be admitted at this moment, or of which nobody can tell: loading takes its time, in which keys
    /// are revoked. For whoever lets it take calls next.
    ///
    /// # Errors
    /// Those of the gates, and why they cannot be asked.
    pub(crate) fn require_admitted(&self, evidence: &Evidence) -> Result<()> {
        let judged = judge_again(&[evidence], &self.trusting(None)?, self.mode(), &self.lock_now());
        judged.into_iter().try_for_each(|again| match again {
            Again::Admitted => Ok(()),
            Again::Refused(fault) | Again::Unknown(fault) => Err(fault),
        })
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
        let asked: Vec<&Evidence> = held.iter().map(|(_, evidence)| evidence.as_ref()).collect();
        let verdicts = judge_again(&asked, &self.trusting(None)?, self.mode(), &self.lock_now());
        let mut unjudged = Ok(());
        for ((held, evidence), verdict) in held.iter().zip(verdicts) {
            match verdict {
                Again::Admitted => self.note(held, is_it(evidence), None),
                Again::Refused(fault) => self.note(held, is_it(evidence), Some(fault)),
                Again::Unknown(fault) => unjudged = Err(fault),
            }
        }
        unjudged
    }

    /// Notes what was judged of bytes, where those are in memory by now.
    pub(crate) fn note(&self, held: &Held, is_it: impl FnOnce(&Now) -> bool, verdict: Option<Fault>) {
        let (is_news, state) = {
            let mut now = locked(&held.now);
            if !is_it(&now) {
                return;
            }
            let before = now.no_longer_admitted.clone();
            // What is shown is what is wrong now, in its words; said is what becomes of it.
            if before.as_deref().map(reason_of) != verdict.as_ref().map(reason_of) {
                now.no_longer_admitted = verdict.clone().map(Arc::new);
            }
            (before.as_deref().map(Fault::reason) != verdict.as_ref().map(Fault::reason), now.life.state())
        };
        if !is_news {
            return;
        }
        let id = held.id.as_str();
        let why = verdict.as_ref().map(|fault| format!("{}: {}", fault.reason(), reason_of(fault)));
        // Where it goes on all the same, nothing is decided.
        if self.quarantines() {
            let action = if verdict.is_some() { Action::Refuse } else { Action::Admit };
            self.decided.add((self.settings.clock)(), action, held.subject(), why.as_deref());
        }
        match verdict {
            Some(fault) => self.tell_of(&Happening::NoLongerAdmitted {
                id,
                state,
                why: &(&fault).into(),
                is_quarantined: self.quarantines(),
            }),
            None => self.tell_of(&Happening::AdmittedAgain { id, state }),
        }
    }

    /// What is in memory, as it was admitted.
    pub(crate) fn admitted(&self) -> Vec<(Arc<Held>, Arc<Discovered>)> {
        let admitted = |held: Arc<Held>| {
            let admitted = locked(&held.now).admitted.clone()?;
            Some((held, admitted))
        };
        self.all().into_iter().filter_map(admitted).collect()
    }

    /// Notes of everything that was in memory `before` it was looked for whether it is what was found.
    pub(crate) fn compare_with_disk(&self, found: &[Found], before: &[(Arc<Held>, Arc<Discovered>)]) {
        let there: HashMap<&Path, &Found> = found.iter().map(|found| (found.place.as_path(), found)).collect();
        // A distribution has several plugins in one place, and nobody asks them for their names here.
        let is_it =
            |found: &Found, id: &str| found.about.id == id || found.about.source == PluginSource::EntryPoint.as_str();
        for (held, admitted) in before {
            let mut now = locked(&held.now);
            // What has come into memory meanwhile was not there to be looked at.
            if !now.admitted.as_ref().is_some_and(|current| Arc::ptr_eq(current, admitted)) {
                continue;
            }
            now.on_disk = Some(match there.get(now.place.as_path()) {
                None => OnDisk::Gone,
                Some(found) if is_it(found, &held.id) && found.hash.as_ref() == Some(&admitted.hash) => OnDisk::Same,
                Some(_) => OnDisk::Differs,
            });
        }
    }
}

fn is_it(evidence: &Arc<Evidence>) -> impl FnOnce(&Now) -> bool {
    move |now| now.evidence.as_ref().is_some_and(|current| Arc::ptr_eq(current, evidence))
}
