//! Locks that are waited for, and not for ever: whoever asks has a call whose time passes.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::refusal::Refusal;

/// How long a plugin waits for what others write.
const PATIENCE: Duration = Duration::from_secs(2);
/// How soon it is noticed that it is free.
const STEP: Duration = Duration::from_micros(200);

/// The lock, once it is free.
///
/// # Errors
/// `unavailable` where others have it for too long.
pub(crate) fn waited<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Refusal> {
    let begun = Instant::now();
    loop {
        match mutex.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= PATIENCE => {
                return Err(Refusal::unavailable("the disk of the host is too slow at this moment"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(STEP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_keep_is_not_waited_for_for_ever() {
        let mutex = Mutex::new(1);
        assert_eq!(*waited(&mutex).expect("free"), 1);
        let _held = mutex.lock().expect("free");
        let begun = Instant::now();
        let refused = waited(&mutex).expect_err("others have it");
        assert!(matches!(refused, Refusal::Failed(crate::Why::Unavailable, _)));
        assert!((PATIENCE..PATIENCE * 3).contains(&begun.elapsed()));
    }
}
