//! `Unread`: that a file cannot be read by which people are let in, said once for as long as the reason is the same.

use std::fmt;
use std::sync::Arc;

use aisoc_manifests::fault::{Reason, Result};

use crate::found::reason_of;

/// Is told why nobody is let in by a file.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What was said of a file.
pub(super) struct Unread {
    tell: Tell,
    said: Option<String>,
}

impl Unread {
    pub(super) fn new(tell: Tell) -> Self {
        Self { tell, said: None }
    }

    /// What was read, for whoever asks to be let in, who is told no more than the reason code.
    pub(super) fn tell<T>(&mut self, read: Result<T>) -> std::result::Result<T, Reason> {
        read.inspect(|_| self.said = None).map_err(|fault| {
            let why = reason_of(&fault);
            if self.said.as_ref() != Some(&why) {
                (self.tell)(&why);
                self.said = Some(why);
            }
            fault.reason()
        })
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").field("said", &self.said).finish_non_exhaustive()
    }
}
