//! `CommandDeniedError`: a command that may not be given.

use std::fmt;

/// What comes of a command that is denied, by whatever way it was reached.
///
/// ```
/// use aisoc_platform::{CommandDeniedError, Error};
///
/// let error = Error::from(CommandDeniedError {
///     path: "plugin/sign".into(),
///     layer: "policy".into(),
///     reason_code: "write_not_allowed".into(),
///     ..CommandDeniedError::default()
/// });
/// let denied = error.downcast_ref::<CommandDeniedError>().expect("a denial");
/// assert_eq!(denied.to_string(), "command \"plugin/sign\" denied (policy/write_not_allowed)");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandDeniedError {
    /// The command.
    pub path: String,
    /// Which layer: `policy` or `strict_mode`.
    pub layer: String,
    /// Which policy: `plugin:audit`, `yaml`, `yaml:agents`, `strict-mode`, `mixed`.
    pub policy_source: String,
    /// What the rule is called.
    pub rule_name: String,
    /// The code, which stays what it is.
    pub reason_code: String,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for CommandDeniedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, layer, reason_code, reason, .. } = self;
        match reason.is_empty() {
            true => write!(formatter, "command {path:?} denied ({layer}/{reason_code})"),
            false => write!(formatter, "command {path:?} denied: {reason}"),
        }
    }
}

impl std::error::Error for CommandDeniedError {}
