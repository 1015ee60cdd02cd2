//! `Descriptors`: how many files and connections a server may have open, and that clients leave some of them to the server.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Mutex;

use crate::slots::Slots;

/// So many are left to what a server does itself: to read keys, tokens and what it serves, to write journals, logs and what
/// it is sent, to start a plugin; half of them, where there are few. Whoever shows no token could hold all others.
const RESERVE: u64 = 128;

/// How long to wait before the next connection is taken when there was no descriptor or no memory for one.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a connection has to be closed before the next one is taken, and the pause after a client that was gone before it
/// was: they come as often as somebody likes.
const TURN: Duration = Duration::from_millis(1);
/// How long there are fewer connections than a server has places for.
const NARROW: Duration = Duration::from_secs(1);

/// What a server may have open.
#[derive(Debug)]
pub struct Descriptors {
    /// Most of them; nothing where the system sets no limit.
    most: Option<u64>,
    slots: Arc<Slots>,
    /// When there were too many connections last.
    narrowed_at: Mutex<Option<Instant>>,
}

impl Descriptors {
    /// As many as this process may have at all: the usual limit is one for programs that hold the numbers in a fixed table.
    /// Plugins have limits of their own.
    pub fn raised(slots: Arc<Slots>) -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // What nobody may raise stays as it is, and is what counts.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { most: getrlimit(Resource::Nofile).current, slots, narrowed_at: Mutex::default() }
    }

    /// Looks at a connection that has come. Systems give the lowest number that is free, so one near the last says that nearly
    /// all are taken: then there are fewer connections for a while.
    pub async fn look_at(&self, connection: impl AsFd) {
        let mut narrowed_at = self.narrowed_at.lock().await;
        if self.is_near_the_last(connection.as_fd().as_raw_fd()) {
            self.slots.narrow();
            *narrowed_at = Some(Instant::now());
            // Others are closed by whoever serves them, which those who come must not outrun.
            tokio::time::sleep(TURN).await;
        } else if narrowed_at.take_if(|at| at.elapsed() >= NARROW).is_some() {
            self.slots.widen();
        }
    }

    /// Takes the next connection: tries again when a client was gone before it was taken, and for as long as there is no
    /// descriptor for one; then somebody makes room, and what a server does for those who are there already goes on.
    ///
    /// # Errors
    /// That the listener is none any more.
    pub async fn accept<T, F: Future<Output = io::Result<T>>>(&self, accept: impl Fn() -> F) -> io::Result<T> {
        loop {
            let error = match accept().await {
                Ok(accepted) => return Ok(accepted),
                Err(error) => error,
            };
            match Errno::from_io_error(&error) {
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    self.make_room().await;
                    tokio::time::sleep(PAUSE).await;
                }
                Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP) | None => return Err(error),
                // What the network did to a client before it was accepted, as accept(2) hands it on. What would come again
                // and again leaves the processor to others.
                Some(_) => tokio::time::sleep(TURN).await,
            }
        }
    }

    /// Lets connections go until there is a descriptor for one that waits.
    async fn make_room(&self) {
        self.slots.narrow();
        *self.narrowed_at.lock().await = Some(Instant::now());
    }

    fn is_near_the_last(&self, number: i32) -> bool {
        let Some(most) = self.most else { return false };
        u64::try_from(number).is_ok_and(|number| number.saturating_add(RESERVE.min(most / 2)) >= most)
    }
}

#[cfg(test)]
mod tests {
    use crate::slots::Crowd;

    use super::*;

    #[test]
    fn the_last_ones_are_the_servers() {
        let slots =
            Slots::new(Crowd { most: 1, most_per_peer: 1, patience: Duration::ZERO, patience_between: Duration::ZERO });
        let with = |most| Descriptors { most, slots: Arc::clone(&slots), narrowed_at: Mutex::default() };
        for (most, number, is_near) in [
            (Some(1024), 3, false),
            (Some(1024), 895, false),
            (Some(1024), 896, true),
            (Some(1024), 1023, true),
            (Some(64), 31, false),
            (Some(64), 32, true),
            (None, i32::MAX, false),
        ] {
            assert_eq!(with(most).is_near_the_last(number), is_near, "{most:?} {number}");
        }
    }
}
