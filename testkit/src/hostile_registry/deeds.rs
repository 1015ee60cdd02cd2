//! What is done to who asks: answers, one by one, right or wrong.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::line::Line;

/// How it is done.
type Doing = dyn Fn(&mut Line) -> io::Result<()> + Send + Sync;

/// What is done on one connection, once its request was read.
#[derive(Clone)]
pub struct Deed(Arc<Doing>);

impl Deed {
    /// Whatever that does.
    pub fn new(deed: impl Fn(&mut Line) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(deed))
    }

    pub(super) fn on(&self, line: &mut Line) -> io::Result<()> {
        (self.0)(line)
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deed")
    }
}

/// Answers with that status and those header lines (one a line), that body, and its length.
pub fn says(lines: impl Into<String>, body: impl Into<Vec<u8>>) -> Deed {
    let (lines, body) = (lines.into(), body.into());
    Deed::new(move |line| line.say(&lines, &body))
}

/// Answers with that head, to which no length is added, and that body.
pub fn unmeasured(lines: impl Into<String>, body: impl Into<Vec<u8>>) -> Deed {
    let (lines, body) = (lines.into(), body.into());
    Deed::new(move |line| {
        line.body()?;
        line.head(&lines)?;
        line.raw(&body)
    })
}

/// Leads there with a 307.
pub fn leads_to(location: &str) -> Deed {
    says(format!("307 Temporary Redirect\nLocation: {location}"), [])
}

/// Says those bytes and no head.
pub fn raw(bytes: impl Into<Vec<u8>>) -> Deed {
    let bytes = bytes.into();
    Deed::new(move |line| line.raw(&bytes))
}

/// Says the first, and then the second again and again.
pub fn endless(first: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>) -> Deed {
    let (first, again) = (first.into(), again.into());
    // As much at a time as is said at a time.
    let again = again.repeat((64 << 10) / again.len());
    Deed::new(move |line| {
        line.raw(&first)?;
        loop {
            line.raw(&again)?;
        }
    })
}

/// Says the first, and then the second again and again with a pause before each.
pub fn drips(first: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>, pause: Duration) -> Deed {
    let (first, again) = (first.into(), again.into());
    Deed::new(move |line| {
        line.raw(&first)?;
        loop {
            thread::sleep(pause);
            line.raw(&again)?;
        }
    })
}

/// Says the first and no more, and does not hang up.
pub fn stalls(first: impl Into<Vec<u8>>) -> Deed {
    let first = first.into();
    Deed::new(move |line| {
        line.raw(&first)?;
        line.wait()
    })
}

/// Says the first and resets the connection.
pub fn resets(first: impl Into<Vec<u8>>) -> Deed {
    let first = first.into();
    Deed::new(move |line| {
        line.raw(&first)?;
        line.reset()
    })
}

/// One after the other, a connection each, and the last for ever.
pub fn in_turn(deeds: impl Into<Vec<Deed>>) -> Deed {
    let deeds = deeds.into();
    Deed::new(move |line| deeds[line.turn.min(deeds.len() - 1)].on(line))
}
