//! `Noticed`: what a host has said of its sources.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// What was said of the last look. What is not there any more is forgotten, so it is no more than there is.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    pub(crate) said: BTreeSet<Saying>,
}

/// What was said, by what it is told from others: its name, the place, and the id, the words or the hash.
pub(crate) type Saying = (&'static str, PathBuf, String);
