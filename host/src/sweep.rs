//! The disk, looked at a few plugins at a time: for hosts that hold thousands without a process.
//!
//! A look at every source holds all that it finds until it has found everything, which of ten thousand plugins is more than
//! the plugins themselves are. What is in memory is known, so it is looked at one by one: whether it is what stands there,
//! and of what has no process whether it would be admitted still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_pipeline::accepted::{Again, Evidence, judge_again};
use aisoc_pipeline::{Discovered, PluginSource, read_evidence};

use crate::held::{Held, Now, locked};
use crate::host::Host;
use crate::standing::{LOOK_ROUND, OnDisk, REST};

/// How many are looked at together: they are judged by keys that are read once for all of them.
const TOGETHER: usize = 50;

impl Host {
    /// Looks at the next few, where that is due; for whoever asks again and again.
    pub(crate) fn sweep_round(&self) {
        let mut sweep = locked(&self.sweep);
        let begun = Instant::now();
        if sweep.due > begun {
            return;
        }
        let held = self.next_of(sweep.after.as_ref(), TOGETHER);
        // Behind the last one it begins anew.
        let is_last = held.len() < TOGETHER;
        sweep.after = held.last().filter(|_| !is_last).map(|held| held.key());
        self.look_at_each(&held);
        let pause = if is_last { LOOK_ROUND } else { Duration::ZERO };
        sweep.due = Instant::now() + pause.max(begun.elapsed() * REST);
    }

    fn look_at_each(&self, held: &[Arc<Held>]) {
        let mut judged: Vec<(&Held, Arc<Discovered>, Evidence)> = Vec::new();
        for held in held {
            let Some(admitted) = locked(&held.now).admitted.clone() else { continue };
            let read = read_evidence(&admitted, &self.settings.here.limits);
            let mut now = locked(&held.now);
            if !is_held(&now, &admitted) {
                continue;
            }
            // Of a file nothing is read: its bytes are held, and what stands there is as of the last look at every source.
            if matches!(admitted.source, PluginSource::Dir | PluginSource::Oci) {
                now.on_disk = on_disk(read.as_ref().map(drop)).or(now.on_disk);
            }
            if let (Ok(evidence), true) = (read, now.running.is_none()) {
                judged.push((held.as_ref(), Arc::clone(&admitted), evidence));
            }
        }
        // What could not be judged is judged when it is called.
        let (Ok(trusting), lock) = (self.trusting(None), self.lock_now()) else { return };
        let evidence: Vec<&Evidence> = judged.iter().map(|(.., evidence)| evidence).collect();
        let verdicts = judge_again(&evidence, &trusting, self.mode(), &lock);
        for ((held, admitted, _), verdict) in judged.iter().zip(verdicts) {
            let is_it = |now: &Now| is_held(now, admitted) && now.running.is_none();
            match verdict {
                Again::Admitted => self.note(held, is_it, None),
                Again::Refused(fault) => self.note(held, is_it, Some(fault)),
                Again::Unknown(_) => {}
            }
        }
    }
}

fn is_held(now: &Now, admitted: &Arc<Discovered>) -> bool {
    now.admitted.as_ref().is_some_and(|current| Arc::ptr_eq(current, admitted))
}

/// What stands there, by what came of reading it; nothing where that cannot be told.
fn on_disk(read: Result<(), &Fault>) -> Option<OnDisk> {
    match read.map_err(Fault::reason) {
        Ok(()) => Some(OnDisk::Same),
        Err(Reason::IoNotFound) => Some(OnDisk::Gone),
        Err(Reason::IoError | Reason::Interrupted) => None,
        Err(_) => Some(OnDisk::Differs),
    }
}
