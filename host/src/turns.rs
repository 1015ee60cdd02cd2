//! `Turns`: who changes what is on the disk: one change of one plugin at a time, and few at all.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};

/// Most changes at a time; whoever asks for another one is told to come again.
const MAX_CHANGES: usize = 4;
/// How soon whoever waits for a turn notices that nobody waits for it any more.
const ROUND: Duration = Duration::from_millis(50);
/// How long changes that were told to stop may take to undo what they have begun.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// The changes that have begun.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    /// What stops each of them.
    begun: Vec<Cancellation>,
    /// The plugins whose turn somebody has.
    ids: BTreeSet<String>,
    /// Whether there are no more.
    is_over: bool,
}

/// A change that has begun, until it is dropped.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    turns: &'a Turns,
    cancellation: Cancellation,
}

/// That nobody else changes a plugin, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    id: String,
}

impl Turns {
    /// Begins a change, which that stops.
    ///
    /// # Errors
    /// `host_busy` where there are as many as may be, and once the host ends.
    pub(crate) fn begin(&self, cancellation: &Cancellation) -> Result<Begun<'_>> {
        let mut now = self.now();
        if now.is_over || now.begun.len() >= MAX_CHANGES {
            return Err(Fault::new(Reason::HostBusy, "as many plugins are changed as may be at a time"));
        }
        now.begun.push(cancellation.clone());
        Ok(Begun { turns: self, cancellation: cancellation.clone() })
    }

    /// Waits until nobody else changes that plugin; nothing when it is to stop before.
    pub(crate) fn take(&self, id: &str, cancellation: &Cancellation) -> Option<Turn<'_>> {
        let mut now = self.now();
        while now.ids.contains(id) {
            if cancellation.is_cancelled() {
                return None;
            }
            now = self.changed.wait_timeout(now, ROUND).unwrap_or_else(PoisonError::into_inner).0;
        }
        now.ids.insert(id.to_owned());
        Some(Turn { turns: self, id: id.to_owned() })
    }

    /// Whether nothing begins any more.
    pub(crate) fn are_over(&self) -> bool {
        self.now().is_over
    }

    /// Stops every change, and lets none begin any more.
    pub(crate) fn stop(&self) {
        let mut now = self.now();
        now.is_over = true;
        now.begun.iter().for_each(Cancellation::cancel);
    }

    /// Stops every change, and waits until each has undone what it had begun.
    pub(crate) fn end(&self) {
        self.stop();
        let now = self.now();
        let is_one_left = |now: &mut Now| !now.begun.is_empty();
        drop(self.changed.wait_timeout_while(now, END_PATIENCE, is_one_left));
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.turns.now().begun.retain(|begun| *begun != self.cancellation);
        self.turns.changed.notify_all();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.now().ids.remove(&self.id);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn few_begin_and_none_once_it_is_over() {
        let turns = Turns::default();
        let cancellations: Vec<_> = (0..MAX_CHANGES).map(|_| Cancellation::default()).collect();
        let mut begun: Vec<_> = cancellations.iter().map(|one| turns.begin(one).expect("there is room")).collect();
        let refused = turns.begin(&Cancellation::default()).expect_err("one too many");
        assert_eq!(refused.reason(), Reason::HostBusy);
        begun.pop();
        let last = Cancellation::default();
        begun.push(turns.begin(&last).expect("there is room again"));
        thread::scope(|scope| {
            let ending = scope.spawn(|| turns.end());
            while !last.is_cancelled() {
                thread::yield_now();
            }
            assert!(!ending.is_finished(), "some have not ended");
            begun.clear();
        });
        assert_eq!(turns.begin(&Cancellation::default()).expect_err("over").reason(), Reason::HostBusy);
    }

    #[test]
    fn one_changes_a_plugin_and_others_wait_until_they_need_not() {
        let (turns, go_on) = (Turns::default(), Cancellation::default());
        let first = turns.take("demo", &go_on).expect("nobody has it");
        drop(turns.take("other", &go_on).expect("another plugin"));
        let (stopped, (teller, told)) = (Cancellation::default(), mpsc::channel());
        stopped.cancel();
        assert!(turns.take("demo", &stopped).is_none());
        thread::scope(|scope| {
            let (turns, go_on) = (&turns, &go_on);
            let waiting = scope.spawn(move || {
                let _turn = turns.take("demo", go_on).expect("its turn");
                // Sent before it was let go.
                told.try_recv().expect("sent")
            });
            teller.send("first").expect("sent");
            drop(first);
            assert_eq!(waiting.join().expect("no panic"), "first");
        });
        assert!(turns.take("demo", &go_on).is_some());
    }
}
