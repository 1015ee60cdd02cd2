//! `Cancellation`: the one value by which a command that is told to stop tells its work, and by which the work
//! tells the command what it waits for and how far it is, so that whoever could stop it knows whether to.
//!
//! Work that takes long asks it in every round: whoever hashes, waits for a lock, or reads from a pipe.
//! What is asked last, before a change becomes visible, decides: from there on the work is finished.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{error, fmt};

use crate::progress::{Act, Gauge, Measured, Watcher};

/// The name of a command that has not said its own.
const ANY_COMMAND: &str = "aisoc";

/// Whether work is to go on. Clones share one answer, which changes once and never back.
#[derive(Clone, Default)]
pub struct Cancellation {
    is_cancelled: Arc<AtomicBool>,
    command: Option<Arc<Watched>>,
}

struct Watched {
    watcher: Box<dyn Watcher>,
    gauge: Gauge,
}

/// The answer to work that is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl Cancellation {
    /// Work that is done for that command.
    pub fn of(command: impl Watcher + 'static) -> Self {
        let watched = Watched { watcher: Box::new(command), gauge: Gauge::default() };
        Self { command: Some(Arc::new(watched)), ..Self::default() }
    }

    /// The name of the command.
    pub fn command(&self) -> &str {
        self.command.as_ref().map_or(ANY_COMMAND, |command| command.watcher.name())
    }

    /// Says what is waited for, to whoever wants to know.
    pub fn waits_for(&self, what: &str) {
        if let Some(command) = &self.command {
            command.watcher.waits_for(what);
        }
    }

    /// Begins work on so many bytes, which ends when the value is dropped. Within work that has begun already it is
    /// a part of that, and begins nothing.
    pub fn begin(&self, act: Act, total: u64) -> Measured<'_> {
        Measured::of(self.command.as_ref().map(|command| (&command.gauge, &*command.watcher)), act, total)
    }

    /// Whether somebody hears how far work is that begins now: not within work that has begun already, and not where
    /// nobody watches. So whoever would have to look up how much it is need not.
    pub fn would_measure(&self) -> bool {
        self.command.as_ref().is_some_and(|command| !command.gauge.has_begun())
    }

    /// Says that so many more bytes are through. Cheap: the command hears of it now and then.
    pub fn advance(&self, bytes: u64) {
        if let Some(command) = &self.command {
            command.gauge.advance(bytes, &*command.watcher);
        }
    }

    /// Says that one more plugin is through, of work that counts those.
    pub fn advance_plugin(&self) {
        if let Some(command) = &self.command {
            command.gauge.advance_plugin(&*command.watcher);
        }
    }

    /// Tells the work to stop.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }

    /// Asked in every round of work that takes long.
    ///
    /// # Errors
    /// [`Cancelled`] once the work is to stop. It becomes `interrupted`, also by way of an `io::Error`.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// What a signal handler sets.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_cancelled)
    }
}

/// Two are equal when one stop stops both.
impl PartialEq for Cancellation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.is_cancelled, &other.is_cancelled)
    }
}

impl Eq for Cancellation {}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.is_cancelled()).finish()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl error::Error for Cancelled {}

/// Not of the kind `Interrupted`, which readers take for "try again".
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::fault::{Fault, Reason};

    #[test]
    fn one_stop_stops_every_clone_and_is_interrupted_by_whatever_way_it_comes() {
        let cancellation = Cancellation::default();
        let clone = cancellation.clone();
        assert_eq!((clone.check(), clone == cancellation), (Ok(()), true));
        cancellation.cancel();
        assert!(clone.is_cancelled() && Cancellation::default().check().is_ok());
        let fault = Fault::io("read", "file".as_ref(), clone.check().expect_err("stopped").into());
        assert_eq!((fault.reason(), fault.message()), (Reason::Interrupted, "stopped by a signal"));
    }

    /// Writes down what it is told.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Heard {
        fn hear(&self, what: impl ToString) {
            self.0.lock().expect("whole").push(what.to_string());
        }
    }

    impl Watcher for Heard {
        fn name(&self) -> &'static str {
            "aisoc plugin sign"
        }

        fn waits_for(&self, what: &str) {
            self.hear(what);
        }

        fn begins(&self, act: Act, total: u64) {
            self.hear(format_args!("{act:?} {total}"));
        }

        fn is_at(&self, act: Act, done: u64, total: u64) {
            self.hear(format_args!("{act:?} {done} {total}"));
        }

        fn is_over(&self) {
            self.hear("over");
        }
    }

    #[test]
    fn the_command_hears_of_its_work_and_has_a_name() {
        let heard = Heard::default();
        let cancellation = Cancellation::of(heard.clone());
        assert_eq!((cancellation.command(), Cancellation::default().command()), ("aisoc plugin sign", "aisoc"));
        cancellation.waits_for("for a lock");
        cancellation.advance(1 << 20);
        assert_eq!(*heard.0.lock().expect("whole"), ["for a lock"], "nothing has begun");
        let whole = cancellation.begin(Act::Reading, 3 << 20);
        cancellation.advance(1 << 20);
        // A part of it, on whatever thread.
        let clone = cancellation.clone();
        std::thread::scope(|scope| scope.spawn(|| drop(clone.begin(Act::Packing, 7))).join().expect("no panic"));
        cancellation.advance(1 << 20);
        drop(whole);
        cancellation.advance(1 << 20);
        let expected = ["for a lock", "Reading 3145728", "Reading 1048576 3145728", "Reading 2097152 3145728", "over"];
        assert_eq!(*heard.0.lock().expect("whole"), expected);
    }

    #[test]
    fn work_on_plugins_counts_those_and_not_their_bytes() {
        let heard = Heard::default();
        let cancellation = Cancellation::of(heard.clone());
        let whole = cancellation.begin(Act::Judging, 2);
        for _ in 0..2 {
            let _within = cancellation.begin(Act::Reading, 1 << 20);
            cancellation.advance(1 << 20);
            cancellation.advance_plugin();
        }
        drop(whole);
        let reading = cancellation.begin(Act::Reading, 1 << 20);
        cancellation.advance_plugin();
        drop(reading);
        let expected = ["Judging 2", "Judging 1 2", "Judging 2 2", "over", "Reading 1048576", "over"];
        assert_eq!(*heard.0.lock().expect("whole"), expected);
    }
}
