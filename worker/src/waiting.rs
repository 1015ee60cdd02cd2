//! Waiting that ends, in rounds, in which the caller can say to stop: for an answer, and for one's turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How soon it is noticed that the caller says to stop.
pub(crate) const ROUND: Duration = Duration::from_millis(20);

/// Asked in every round of what takes long.
pub(crate) fn go_on(stop: &AtomicBool) -> Result<(), Error> {
    if stop.load(Ordering::SeqCst) { Err(Error::Stopped) } else { Ok(()) }
}

/// What a thread that reads has read; nothing when it takes too long. What is there counts, even when the
/// caller has said to stop meanwhile.
pub(crate) fn wait(read: &Receiver<Vec<u8>>, deadline: Instant, stop: &AtomicBool) -> Result<Option<Vec<u8>>, Error> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match read.recv_timeout(left.min(ROUND)) {
            Ok(bytes) => return Ok(Some(bytes)),
            // A thread that ended without a word has read nothing.
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Vec::new())),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => go_on(stop)?,
        }
    }
}

/// One at a time: what a child leaves behind ends with all children of this process.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no other child of ours runs.
pub(crate) fn alone(stop: &AtomicBool) -> Result<MutexGuard<'static, ()>, Error> {
    loop {
        match ALONE.try_lock() {
            Ok(alone) => return Ok(alone),
            // Whoever panicked has ended its child: dropping it does.
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                go_on(stop)?;
                thread::sleep(ROUND);
            }
        }
    }
}
