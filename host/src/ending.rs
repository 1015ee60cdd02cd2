//! Plugins that have ended by themselves: they have failed, and are tried again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::Reason;

use crate::asker::Asker;
use crate::bringing::gone;
use crate::found::Verdict;
use crate::held::{Held, Key, Now, locked};
use crate::host::Host;
use crate::lifecycle::{Event, Failure, State};
use crate::standing::OnDisk;

impl Host {
    /// What has ended has failed; for whoever asks again and again.
    pub(crate) fn notice_ends(&self) {
        self.all().iter().for_each(|held| self.notice_end(held));
        self.settle_pins(Duration::ZERO);
    }

    /// What is to be tried again is tried, which takes as long as loading does, so each on its own; for whoever asks again
    /// and again.
    pub(crate) fn retry(self: &Arc<Self>) {
        let now = Instant::now();
        let due: Vec<(Instant, Key)> = locked(&self.due).extract_if(.., |(at, _)| *at <= now).collect();
        for (at, key) in due {
            let held = locked(&self.plugins).get(&key).cloned();
            let Some(held) = held else { continue };
            let begun = self.retrying.begin((Arc::clone(self), held), |(host, held)| host.try_again(&held));
            if begun.is_err() {
                // In the next round, if there is one.
                locked(&self.due).push((at, key));
            }
        }
    }

    /// What has ended is judged as any other is before it is loaded again: a plugin with handlers also where its distribution
    /// was upgraded meanwhile, and so has another place.
    fn try_again(&self, held: &Held) {
        let has_gone = held.is_registered() && locked(&held.now).place.symlink_metadata().is_err();
        if has_gone && let Ok(found) = self.look() {
            self.follow_upgrades(&found);
        }
        let _changing = locked(&held.changing);
        if locked(&held.now).life.state() != State::Failed {
            return;
        }
        let (event, found) = match self.look_at(held) {
            Ok(Some(found)) => match &found.verdict {
                Verdict::Admitted(_) => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    (Event::Retried, Some(found))
                }
                Verdict::Refused(fault) => (Event::Refused(fault.into()), None),
                Verdict::NotLoaded => (Event::Refused((&gone(&held.id)).into()), None),
            },
            // While its files are replaced, it is not there for a moment.
            Ok(None) => (Event::Refused((&gone(&held.id)).into()), None),
            Err(fault) => (Event::Refused((&fault).into()), None),
        };
        let _ = self.drive(held, event, found.as_ref(), &Asker::host());
    }

    /// What has ended by itself has failed, once somebody looks at it; so has what is asked at hooks, rests, and could not be
    /// given a process any more: nobody may ask it before it is seen.
    pub(crate) fn notice_end(&self, held: &Held) {
        let is_over = |now: &Now| has_ended(now) || is_lost(now);
        if !is_over(&locked(&held.now)) {
            return;
        }
        // Whoever changes it looks at it as well.
        let Ok(_changing) = held.changing.try_lock() else { return };
        let (has_ended, is_lost) = {
            let now = locked(&held.now);
            (has_ended(&now), is_lost(&now))
        };
        if has_ended {
            self.has_ended(held, Failure::new(Reason::ExecutionFailed, "the plugin has ended"));
        } else if is_lost {
            let why = Failure::new(Reason::TreeModified, "what stands there is not what was admitted");
            let _ = self.drive(held, Event::NotStarted(why), None, &Asker::host());
        }
    }

    /// It has ended by itself, for that reason. Whoever calls holds `changing`.
    pub(crate) fn has_ended(&self, held: &Held, why: Failure) {
        let has_stood = locked(&held.now).running.as_ref().is_some_and(|running| running.has_stood());
        let _ = self.drive(held, Event::Ended { why, has_stood }, None, &Asker::host());
    }

    /// How often plugins that had ended were tried again.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }
}

fn has_ended(now: &Now) -> bool {
    now.running.as_ref().is_some_and(|running| !running.worker.is_alive())
}

fn is_lost(now: &Now) -> bool {
    let rests = now.hooks.is_some() && now.running.is_none() && now.life.state().is_in_memory();
    rests && matches!(now.on_disk, Some(OnDisk::Differs | OnDisk::Gone))
}
