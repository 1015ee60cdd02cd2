//! The journal: what was done to whom and what a site trusts, by whom and why, in lines that are only ever added.
//!
//! ```text
//! keys.journal         six columns a line: time, action, id, version, hash, reason
//! keys.journal.chain   five columns for each line of ours: number, hash, user, host, CI run
//! journal.head         the newest number and hash, in the state of the keyring or the site
//! ```
//!
//! The journal itself has the columns that capa's has, so that `cut` and people read it. Whatever more is known
//! stands beside it, in the chain, whose hashes bind every byte of it. Lines that somebody adds by hand are lines
//! like all others: they are *unchained* until the next one of ours binds them.
//!
//! [`JournalPlace`] says where one is, [`JournalPlace::open`] opens it to append, under a lock that its caller
//! holds; [`JournalPlace::read`] goes over it without one. The rules are in `check`, the format in `entry` and
//! `chain`.
//!
//! Whoever can write all three files can write another history that holds. What finds that is a hash that somebody
//! has kept elsewhere ([`Reading::summary`] has the newest).

mod action;
mod append;
mod chain;
mod chain_reader;
mod check;
mod column;
mod entry;
mod lines;
mod memory;
mod place;
mod time;
mod writer;

use aisoc_manifests::fault::Result;

pub use action::Action;
pub use append::Journal;
pub use chain::Link;
pub use check::{Reading, Seen, Standing, Summary};
pub use entry::{COLUMNS, Entry, LineFault};
pub use memory::JournalMemory;
pub use place::{HeldDirectory, JournalPlace};
pub use time::JournalTime;
pub use writer::Writer;

impl JournalPlace {
    /// Opens the journal to append to it. The lock of its directory is the caller's to hold.
    ///
    /// # Errors
    /// `journal_broken` for a journal that was changed since it was written, `directory_insecure` for a file that others could
    /// have written, `journal_invalid` for one that is larger than any, and I/O reasons.
    pub fn open(&self) -> Result<Journal<'_>> {
        Journal::open(self)
    }

    /// As [`JournalPlace::open`], by whoever remembers where it ended: what was held to its chain a moment ago, and is as it
    /// was, is not read again.
    ///
    /// # Errors
    /// As [`JournalPlace::open`].
    pub fn open_again<'a>(&'a self, memory: &'a JournalMemory) -> Result<Journal<'a>> {
        Journal::open_again(self, memory)
    }

    /// Goes over the journal; `visit` gets every line, in order. One that is not there has no lines.
    ///
    /// # Errors
    /// As [`JournalPlace::open`], but for a chain that is broken: [`Reading::broken`] says where.
    pub fn read(&self, mut visit: impl FnMut(Seen<'_>) -> Result<()>) -> Result<Reading> {
        check::check(self, &mut visit)
    }
}
