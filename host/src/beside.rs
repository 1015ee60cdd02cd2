//! `Beside`: what a host does while nobody waits for it: on a few threads, all of which have ended with the host.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Most processes whose place another one has taken, and that end while nobody waits for it.
pub(crate) const MAX_ENDING: usize = 8;
/// Most plugins that are tried again at a time; of more, each waits until another one has come up, or has not.
pub(crate) const MAX_RETRYING: usize = 4;

/// A few threads.
#[derive(Debug)]
pub(crate) struct Beside {
    most: usize,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    begun: Vec<JoinHandle<()>>,
    /// Whether there are no more.
    are_over: bool,
}

impl Beside {
    /// At most so many at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, threads: Mutex::default() }
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does it with that on a thread of its own. Gives it back where as many run as may, or none can be started any more.
    pub(crate) fn begin<T: Send + 'static>(&self, what: T, act: fn(T)) -> Result<(), T> {
        let mut threads = self.threads();
        threads.begun.retain(|thread| !thread.is_finished());
        if threads.are_over || threads.begun.len() >= self.most {
            return Err(what);
        }
        let (handing, handed) = std::sync::mpsc::sync_channel(1);
        let run = move || {
            if let Ok(what) = handed.recv() {
                act(what);
            }
        };
        // Handed over once there is a thread: what none can be started for is not lost with it.
        let Ok(thread) = thread::Builder::new().spawn(run) else { return Err(what) };
        threads.begun.push(thread);
        handing.send(what).map_err(|lost| lost.0)
    }

    /// Waits for all of them, and lets none begin any more.
    pub(crate) fn end(&self) {
        let begun = {
            let mut threads = self.threads();
            threads.are_over = true;
            std::mem::take(&mut threads.begun)
        };
        for thread in begun {
            // One that panicked has ended as well.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    #[test]
    fn few_run_at_a_time_and_all_have_ended_in_the_end() {
        let beside = Beside::new(2);
        let (telling, told) = mpsc::channel();
        let begin = || {
            let (going, go) = mpsc::channel::<()>();
            let act = |(go, telling): (Receiver<()>, Sender<()>)| {
                let _ = go.recv();
                telling.send(()).expect("somebody listens");
            };
            beside.begin((go, telling.clone()), act).map(|()| going).ok()
        };
        let (first, second) = (begin().expect("there is room"), begin().expect("there is room"));
        assert!(begin().is_none(), "one too many");
        drop(first);
        told.recv().expect("the first has ended");
        let third = std::iter::repeat_with(begin).flatten().next().expect("there is room again");
        thread::scope(|scope| {
            let ending = scope.spawn(|| beside.end());
            drop(second);
            told.recv().expect("the second has ended");
            assert!(!ending.is_finished(), "the third has not");
            drop(third);
        });
        told.try_recv().expect("the third has ended");
        assert!(begin().is_none(), "over");
    }
}
