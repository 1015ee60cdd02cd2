#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod answer;
mod pipe;
mod running;

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub use answer::{Answer, Failure};

use crate::running::Running;

/// Which program, and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// A path, or a name that is looked for on the `PATH`.
    pub name: OsString,
    /// Its arguments, which every user of the machine can read.
    pub arguments: Vec<OsString>,
}

/// What a program is asked, and how much it may take of whoever asks.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What it reads, and then the end. One that does not read it is no failure: its answer counts.
    pub input: &'a [u8],
    /// Until when it has to have answered.
    pub deadline: Instant,
    /// Set by whoever no longer wants to know.
    pub stop: &'a AtomicBool,
    /// Most bytes of its answer. One more refuses it whole.
    pub answer_bytes: usize,
    /// Bytes kept of what it says on standard error, from the beginning; the rest is read and dropped. 0 for
    /// nothing at all.
    pub complaint_bytes: usize,
}

/// Asks, and waits for the end of the program. What it leaves behind in its group is not waited for.
///
/// # Errors
/// [`Failure`], when there is no whole answer. The program has ended by then.
pub fn ask(program: &Program, question: &Question<'_>) -> Result<Answer, Failure> {
    let mut running = Running::start(program, question)?;
    loop {
        if question.stop.load(Ordering::SeqCst) {
            return Err(Failure::Stopped);
        }
        if Instant::now() > question.deadline {
            return Err(Failure::TimedOut);
        }
        if let Some(status) = running.step().map_err(Failure::Broken)? {
            return running.answer(status).ok_or(Failure::TooMuch { at_most: question.answer_bytes });
        }
        if running.has_said_too_much() {
            return Err(Failure::TooMuch { at_most: question.answer_bytes });
        }
    }
}
