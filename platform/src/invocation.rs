//! `Invocation`: one command that was given.

use std::fmt;
use std::time::SystemTime;

use crate::{CommandView, Error};

/// One command that was given, as hooks see it. It is only read: nobody takes a denial back.
///
/// ```
/// use aisoc_platform::Invocation;
///
/// fn line(invocation: &dyn Invocation) -> String {
///     let came_to = invocation.err().map_or("ok".to_owned(), |error| error.to_string());
///     format!("[audit] {} {came_to}", invocation.cmd().path())
/// }
/// ```
pub trait Invocation {
    /// The command.
    fn cmd(&self) -> &dyn CommandView;

    /// What was typed behind the command. Each caller has its own.
    fn args(&self) -> Vec<String>;

    /// When it was given: before the first hook.
    fn started(&self) -> SystemTime;

    /// What the command has failed of: for observers after it, and for the part of a wrapper behind `next`.
    fn err(&self) -> Option<Error>;

    /// Whether it was denied, before any hook.
    fn denied_by_policy(&self) -> bool;

    /// By which layer: `policy` or `strict_mode`; empty when it was not denied.
    fn denial_layer(&self) -> &str;

    /// By which policy: `plugin:audit`, `yaml`, `strict-mode`; empty when it was not denied.
    fn denial_policy_source(&self) -> &str;
}

/// When an observer is called.
///
/// ```
/// use aisoc_platform::When;
///
/// assert_eq!(When::After.to_string(), "After");
/// ```
///
/// There are no others:
///
/// ```compile_fail,E0599
/// let when = aisoc_platform::When::During;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Before the command.
    Before,
    /// After the command, also when it failed or was denied.
    After,
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Before => "Before",
            Self::After => "After",
        })
    }
}
