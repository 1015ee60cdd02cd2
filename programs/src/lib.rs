#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod answer;
mod pipe;
mod question;
mod running;

use std::sync::atomic::Ordering;
use std::time::Instant;

pub use answer::{Answer, Failure};
pub use question::{Program, Question};

use crate::running::Running;

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
