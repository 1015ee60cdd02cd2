//! When plugins have a process, how many have one, and the room for one more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When plugins have a process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessRules {
    /// Whether one that is found gets its process with the first call.
    pub is_lazy: bool,
    /// How long nobody calls a plugin until its process is ended; never where nothing is said.
    pub idle: Option<Duration>,
    /// How many plugins have one at a time.
    pub most: usize,
}

impl Default for ProcessRules {
    fn default() -> Self {
        Self { is_lazy: false, idle: None, most: usize::MAX }
    }
}

/// How many processes there are.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    taken: Arc<Mutex<usize>>,
}

/// Room for one of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room(Arc<Mutex<usize>>);

impl Processes {
    /// One more.
    pub(crate) fn take(&self) -> Room {
        *taken(&self.taken) += 1;
        Room(Arc::clone(&self.taken))
    }

    /// One more, where there are fewer than that.
    pub(crate) fn take_of(&self, most: usize) -> Option<Room> {
        let mut taken = taken(&self.taken);
        if *taken >= most {
            return None;
        }
        *taken += 1;
        Some(Room(Arc::clone(&self.taken)))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        *taken(&self.taken)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *taken(&self.0) -= 1;
    }
}

fn taken(taken: &Mutex<usize>) -> MutexGuard<'_, usize> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
