//! `AbortError`: how a wrapper stops a command.

use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;

use crate::Error;

/// What a wrapper returns to stop a command. Whoever typed the command is told all of it.
///
/// ```
/// use aisoc_platform::AbortError;
///
/// let error = AbortError {
///     hook_name: "tickets.require".into(),
///     detail: Some(serde_json::json!({"ask": "#operations"})),
///     ..AbortError::new("no ticket was given")
/// };
/// assert_eq!(error.to_string(), "hook \"tickets.require\" aborted: no ticket was given");
/// ```
#[derive(Debug, Clone, Default)]
pub struct AbortError {
    /// Which hook it was, `plugin.hook`. Whoever runs the command puts it there, whatever a wrapper has written.
    pub hook_name: String,
    /// Why.
    pub reason: String,
    /// What that came of.
    pub cause: Option<Error>,
    /// More about it, for programs.
    pub detail: Option<Value>,
}

impl AbortError {
    /// One that says why, and no more.
    ///
    /// ```
    /// let error = aisoc_platform::AbortError::new("writes are stopped until Monday");
    /// assert!(error.cause.is_none() && error.detail.is_none());
    /// ```
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }
}

impl fmt::Display for AbortError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "hook {:?} aborted", self.hook_name)?;
        if !self.reason.is_empty() {
            write!(formatter, ": {}", self.reason)?;
        }
        self.cause.iter().try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}

impl StdError for AbortError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(Error::as_error)
    }
}
