//! `Queue`: whose turn it is to call a plugin that answers one call after the other.
//!
//! They wait here, and not in the plugin: what has not begun can be taken back, and nothing of it was seen by the plugin.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::Error;
use crate::waiting::{ROUND, go_on};

/// Calls in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    places: Mutex<Places>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Places {
    last: u64,
    taken: VecDeque<u64>,
}

/// A place in a queue, from the moment in which it is the first until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    place: u64,
}

impl Queue {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn behind whoever came before; nothing when that takes too long.
    ///
    /// # Errors
    /// [`Error::Stopped`]; [`Error::Withdrawn`] as soon as it may not begin any more.
    pub(super) fn turn(
        &self,
        deadline: Instant,
        stop: &AtomicBool,
        may_begin: &dyn Fn() -> bool,
    ) -> Result<Option<Turn<'_>>, Error> {
        let mut places = self.places();
        places.last += 1;
        // Dropped on every way out, and the place with it.
        let turn = Turn { queue: self, place: places.last };
        places.taken.push_back(turn.place);
        while places.taken.front() != Some(&turn.place) {
            let left = deadline.saturating_duration_since(Instant::now());
            // What is asked there may take a moment, in which nobody else waits for this.
            drop(places);
            go_on(stop)?;
            if !may_begin() {
                return Err(Error::Withdrawn);
            }
            if left.is_zero() {
                return Ok(None);
            }
            places = self.places();
            if places.taken.front() != Some(&turn.place) {
                places = self.moved.wait_timeout(places, left.min(ROUND)).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        Ok(Some(turn))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.queue.places().taken.retain(|place| *place != self.place);
        self.queue.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn turns_come_in_the_order_of_those_who_wait_and_who_gives_up_is_in_nobodys_way() {
        let (queue, going) = (Queue::default(), AtomicBool::new(false));
        let later = || Instant::now() + Duration::from_secs(60);
        let may = || true;
        let first = queue.turn(later(), &going, &may).expect("goes on").expect("nobody is before it");
        assert!(queue.turn(Instant::now(), &going, &may).expect("goes on").is_none(), "no time");
        assert!(matches!(queue.turn(later(), &AtomicBool::new(true), &may), Err(Error::Stopped)));
        assert!(matches!(queue.turn(later(), &going, &|| false), Err(Error::Withdrawn)), "before its turn comes");
        let (told, tells) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..4 {
                let (told, queue, going) = (told.clone(), &queue, &going);
                scope.spawn(move || {
                    let _turn = queue.turn(later(), going, &|| true).expect("goes on").expect("its turn");
                    told.send(number).expect("heard");
                });
                while queue.places().taken.len() < number + 2 {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        drop(told);
        assert_eq!(tells.iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(queue.places().taken.is_empty());
    }
}
