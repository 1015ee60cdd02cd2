//! `Entitled`: what a plugin that runs may ask for, and which bytes were admitted with that.

use aisoc_context::Granted;

use crate::audit::Subject;

/// What a plugin that runs may ask for.
#[derive(Debug)]
pub(crate) struct Entitled {
    pub(crate) granted: Granted,
    /// What was admitted with it, for the journal.
    pub(crate) subject: Subject,
}
