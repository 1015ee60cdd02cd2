//! What a plugin answers and asks: read by a thread of its own, and handed to whoever waits for it.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::asks::{ASK, Asked, MAX_ASKS, REFUSAL_PAUSE, Refusal};
use super::lines::Lines;
use crate::error::Error;
use crate::waiting::{ROUND, go_on};

/// Longest line that a plugin answers, and longest call: what a host keeps of each in memory.
pub const MAX_CALL_BYTES: usize = 1 << 20;
/// Most bytes of a line that are kept of a plugin of which nobody waits for anything: of the rest it keeps itself what the
/// channel does not hold, until somebody does. So what plugins write fills this process by as much as it waits for.
const MAX_UNAWAITED_BYTES: usize = 16 << 10;
/// So many bytes are read of a line that is longer before it is seen again whether anybody waits.
const READ_AT_ONCE: usize = 64 << 10;
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
    waiting: HashMap<u64, Place>,
    end: Option<End>,
}

/// Where what is written of one call goes.
#[derive(Debug)]
struct Place {
    sender: Sender<Came>,
    /// How many asks of it have no answer yet; nothing where none are taken, because the plugin has not seen the call.
    asks: Option<Arc<AtomicUsize>>,
}

#[derive(Debug)]
enum Came {
    Answer(Vec<u8>),
    Ask(Asked),
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the plugin has ended, or says what cannot be read.
    pub(super) fn read(self: &Arc<Self>, channel: UnixStream, lines: Arc<Lines>) {
        let answers = Arc::clone(self);
        thread::spawn(move || {
            let end = answers.read_lines(channel, &lines);
            let mut state = answers.state();
            state.end = Some(end);
            // Whoever waits learns it now.
            state.waiting.clear();
        });
    }

    fn read_lines(&self, channel: UnixStream, lines: &Lines) -> End {
        let mut channel = BufReader::new(channel);
        loop {
            let mut line = Vec::new();
            let most = MAX_CALL_BYTES as u64 + 1;
            // A plugin that is killed while its end holds something unread resets the channel.
            if self.one_line(&mut channel, most, &mut line).is_err() || line.is_empty() {
                return End::Gone;
            }
            match line.strip_suffix(b"\n") {
                Some(line) if line.first() == Some(&ASK) => match Asked::read(line) {
                    Ok(asked) => {
                        let (number, refused) = (asked.number, self.take(asked));
                        if let Err(refusal) = refused {
                            // Whoever floods waits for itself, and nobody else for it.
                            thread::sleep(REFUSAL_PAUSE);
                            lines.refuse(number, refusal);
                        }
                    }
                    Err(error) => return End::Unreadable(error),
                },
                Some(line) => match read(line) {
                    Ok((id, answer)) => self.hand_over(id, answer),
                    Err(error) => return End::Unreadable(error),
                },
                None if line.len() as u64 == most => return End::TooLarge,
                None => return End::Gone,
            }
        }
    }

    /// One line with its end, or so many bytes of it, or what there is where the plugin has ended.
    fn one_line(&self, channel: &mut BufReader<UnixStream>, most: u64, line: &mut Vec<u8>) -> io::Result<()> {
        let mut at_once = MAX_UNAWAITED_BYTES;
        loop {
            let left = most - line.len() as u64;
            let read = channel.by_ref().take(left.min(at_once as u64)).read_until(b'\n', line)?;
            if read == 0 || line.ends_with(b"\n") || line.len() as u64 == most {
                return Ok(());
            }
            self.wait_until_awaited(channel.get_ref())?;
            at_once = READ_AT_ONCE;
        }
    }

    /// Until somebody waits for something of the plugin, or it has ended.
    fn wait_until_awaited(&self, channel: &UnixStream) -> io::Result<()> {
        let pause = Timespec::try_from(ROUND).map_err(io::Error::other)?;
        while self.state().waiting.is_empty() {
            // What it has written meanwhile is left there.
            let mut ended = [PollFd::new(channel, PollFlags::RDHUP)];
            match poll(&mut ended, Some(&pause)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// One that nobody waits for any more is dropped.
    fn hand_over(&self, id: u64, answer: Vec<u8>) {
        if let Some(waiting) = self.state().waiting.remove(&id) {
            // Its receiver may have given up at this moment.
            let _ = waiting.sender.send(Came::Answer(answer));
        }
    }

    /// Hands what is asked over to whoever has called.
    fn take(&self, asked: Asked) -> Result<(), Refusal> {
        asked.require_small()?;
        let state = self.state();
        let open = state.waiting.get(&asked.call).and_then(|place| Some((&place.sender, place.asks.as_ref()?)));
        let (sender, asks) = open.ok_or(Refusal::NoCall)?;
        if asks.fetch_add(1, Ordering::SeqCst) >= MAX_ASKS {
            asks.fetch_sub(1, Ordering::SeqCst);
            return Err(Refusal::Busy);
        }
        sender.send(Came::Ask(asked)).map_err(|_| Refusal::NoCall)
    }

    /// A place for the next answer, and the number that it comes under. The first is what the shim says, 0, and the second that of
    /// the first question.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub(crate) fn expect(self: &Arc<Self>) -> Result<Expected, Error> {
        let (sender, receiver) = mpsc::channel();
        let mut state = self.state();
        if state.waiting.len() >= MAX_CALLS {
            return Err(Error::Busy { at_most: MAX_CALLS });
        }
        let id = state.last_id;
        state.last_id += 1;
        // After the end the sender is dropped here, which its receiver notices.
        if state.end.is_none() {
            state.waiting.insert(id, Place { sender, asks: None });
        }
        Ok(Expected { id, receiver, asks: Arc::default(), answers: Arc::clone(self) })
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
    receiver: Receiver<Came>,
    asks: Arc<AtomicUsize>,
    answers: Arc<Answers>,
}

/// What came of waiting.
pub(crate) enum Waited {
    Answer(Vec<u8>),
    /// The plugin asks something first; [`Expected::answered`] says when it was told.
    Asked(Asked),
    /// None will come: the plugin has ended.
    Ended,
    TimedOut,
}

impl Expected {
    /// From now on the plugin may ask on behalf of this call: it is about to see it.
    pub(crate) fn take_asks(&self) {
        if let Some(place) = self.answers.state().waiting.get_mut(&self.id) {
            place.asks = Some(Arc::clone(&self.asks));
        }
    }

    /// No more.
    pub(crate) fn take_no_asks(&self) {
        if let Some(place) = self.answers.state().waiting.get_mut(&self.id) {
            place.asks = None;
        }
    }

    /// What it has asked was answered.
    pub(crate) fn answered(&self) {
        self.asks.fetch_sub(1, Ordering::SeqCst);
    }

    /// # Errors
    /// [`Error::Stopped`].
    pub(crate) fn wait(&self, deadline: Instant, stop: &AtomicBool) -> Result<Waited, Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left.min(ROUND)) {
                Ok(Came::Answer(answer)) => return Ok(Waited::Answer(answer)),
                Ok(Came::Ask(asked)) => return Ok(Waited::Asked(asked)),
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
