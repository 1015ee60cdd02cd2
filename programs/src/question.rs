//! `Question`: what a program is asked.

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

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
