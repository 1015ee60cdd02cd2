//! Waiting that ends, in rounds, in which the caller can say to stop: for an answer, and for one's turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use crate::error::Error;

/// How soon it is noticed that the caller says to stop.
pub(crate) const ROUND: Duration = Duration::from_millis(20);

/// Asked in every round of what takes long.
pub(crate) fn go_on(stop: &AtomicBool) -> Result<(), Error> {
    if stop.load(Ordering::SeqCst) { Err(Error::Stopped) } else { Ok(()) }
}

/// One at a time: what one child is handed open, every other one inherits that is started meanwhile.
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
