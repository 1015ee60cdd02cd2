//! `Capabilities`: what a plugin says of itself before anything of it runs.

use std::fmt;

/// What a plugin says of itself before anything of it runs.
///
/// ```
/// use aisoc_platform::{Capabilities, FailurePolicy};
///
/// let capabilities = Capabilities { required_cli_version: ">=0.1.0".into(), ..Capabilities::default() };
/// assert!(!capabilities.restricts);
/// assert_eq!(capabilities.failure_policy, FailurePolicy::FailOpen);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The versions of the command that it works with: one of `=`, `>=`, `>`, `<=`, `<` or none of them, and up to
    /// three numbers. Any, when empty.
    pub required_cli_version: String,
    /// Whether it hands over a rule. It has to, then, and has to be [`FailurePolicy::FailClosed`].
    pub restricts: bool,
    /// What comes of the command when the plugin cannot be installed.
    pub failure_policy: FailurePolicy,
}

/// What comes of the command when a plugin cannot be installed.
///
/// ```
/// use aisoc_platform::FailurePolicy;
///
/// assert_eq!(FailurePolicy::default(), FailurePolicy::FailOpen);
/// assert_eq!(FailurePolicy::FailClosed.to_string(), "FailClosed");
/// ```
///
/// There are no others:
///
/// ```compile_fail,E0599
/// let policy = aisoc_platform::FailurePolicy::FailSometimes;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum FailurePolicy {
    /// It goes on without the plugin, and says so. For plugins that only look on.
    #[default]
    FailOpen,
    /// No command runs. For plugins without which nothing is safe.
    FailClosed,
}

impl fmt::Display for FailurePolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::FailOpen => "FailOpen",
            Self::FailClosed => "FailClosed",
        })
    }
}
