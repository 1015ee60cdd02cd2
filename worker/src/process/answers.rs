//! What a plugin answers: read by a thread of its own, and handed to whoever waits for it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::error::Error;
use crate::waiting::{ROUND, go_on};

/// Longest line that a plugin answers, and longest call: what a host keeps of each in memory.
pub const MAX_CALL_BYTES: usize = 1 << 20;
/// Most calls that wait for an answer of one plugin.
pub const MAX_CALLS: usize = 256;

/// An answer, and whose it is. The number stands before it, so that what cannot be read is one call's, and no other's.
///
/// # Errors
/// For a line that begins with no number: it is none of ours.
fn read(line: &[u8]) -> serde_json::Result<(u64, Vec<u8>)> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (id, answer) = line.split_at(end);
    Ok((serde_json::from_slice(id)?, answer.to_vec()))
}

/// Why no more answers come.
#[derive(Debug)]
pub(super) enum End {
    /// The plugin and everything that it started have ended.
    Gone,
    /// What it wrote is no line of ours.
    Unreadable(serde_json::Error),
    /// It wrote more than is read of it.
    TooLarge,
}

#[derive(Debug, Default)]
pub(crate) struct Answers {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    waiting: HashMap<u64, SyncSender<Vec<u8>>>,
    end: Option<End>,
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the plugin has ended, or says what cannot be read.
    pub(super) fn read(self: &Arc<Self>, channel: UnixStream) {
        let answers = Arc::clone(self);
        thread::spawn(move || {
            let end = answers.read_lines(channel);
            let mut state = answers.state();
            state.end = Some(end);
            // Whoever waits learns it now.
            state.waiting.clear();
        });
    }

    fn read_lines(&self, channel: UnixStream) -> End {
        let mut channel = BufReader::new(channel);
        loop {
            let mut line = Vec::new();
            let most = MAX_CALL_BYTES as u64 + 1;
            // A plugin that is killed while its end holds something unread resets the channel.
            if channel.by_ref().take(most).read_until(b'\n', &mut line).is_err() || line.is_empty() {
                return End::Gone;
            }
            match line.strip_suffix(b"\n") {
                Some(line) => match read(line) {
                    Ok((id, answer)) => self.hand_over(id, answer),
                    Err(error) => return End::Unreadable(error),
                },
                None if line.len() as u64 == most => return End::TooLarge,
                None => return End::Gone,
            }
        }
    }

    /// One that nobody waits for any more is dropped.
    fn hand_over(&self, id: u64, answer: Vec<u8>) {
        if let Some(waiting) = self.state().waiting.remove(&id) {
            // Its receiver may have given up at this moment.
            let _ = waiting.send(answer);
        }
    }

    /// A place for the next answer, and the number that it comes under. The first is what the shim says, 0, and the second that of
    /// the first question.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub(crate) fn expect(self: &Arc<Self>) -> Result<Expected, Error> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let mut state = self.state();
        if state.waiting.len() >= MAX_CALLS {
            return Err(Error::Busy { at_most: MAX_CALLS });
        }
        let id = state.last_id;
        state.last_id += 1;
        // After the end the sender is dropped here, which its receiver notices.
        if state.end.is_none() {
            state.waiting.insert(id, sender);
        }
        Ok(Expected { id, receiver, answers: Arc::clone(self) })
    }

    pub(crate) fn have_ended(&self) -> bool {
        self.state().end.is_some()
    }

    pub(super) fn take_end(&self) -> Option<End> {
        self.state().end.replace(End::Gone)
    }
}

/// An answer that is waited for. Dropping it gives its place up.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: u64,
    receiver: Receiver<Vec<u8>>,
    answers: Arc<Answers>,
}

/// What came of waiting.
pub(crate) enum Waited {
    Answer(Vec<u8>),
    /// None will come: the plugin has ended.
    Ended,
    TimedOut,
}

impl Expected {
    /// # Errors
    /// [`Error::Stopped`].
    pub(crate) fn wait(&self, deadline: Instant, stop: &AtomicBool) -> Result<Waited, Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left.min(ROUND)) {
                Ok(answer) => return Ok(Waited::Answer(answer)),
                Err(RecvTimeoutError::Disconnected) => return Ok(Waited::Ended),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(Waited::TimedOut),
                Err(RecvTimeoutError::Timeout) => go_on(stop)?,
            }
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.answers.state().waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_answers_than_are_waited_for_at_once_are_not_expected() {
        let answers = Arc::new(Answers::default());
        let held: Vec<_> = (0..MAX_CALLS).map(|_| answers.expect().expect("a place")).collect();
        assert!(matches!(answers.expect(), Err(Error::Busy { at_most: MAX_CALLS })));
        drop(held);
        assert_eq!(answers.expect().expect("a place again").id, MAX_CALLS as u64);
    }
}
