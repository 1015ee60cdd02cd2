//! `Denial`: that a command may not be given, by whom, and why.

use aisoc_manifests::fault::Reason;
use aisoc_platform::CommandDeniedError;

/// Who has denied a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// A rule.
    Policy,
    /// The identity that this site is bound to.
    StrictMode,
}

impl Layer {
    /// The layer in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::StrictMode => "strict_mode",
        }
    }
}

/// That a command may not be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The command.
    pub path: String,
    /// Who says so.
    pub layer: Layer,
    /// By which policy: `plugin:audit`, `yaml`, `yaml:agents`, `strict-mode`, `mixed`.
    pub policy_source: String,
    /// What the rule is called.
    pub rule_name: String,
    /// The code.
    pub code: Reason,
    /// Why, in words.
    pub reason: String,
    /// For a group, the commands below it and why each is denied, in the order of their paths.
    pub children: Vec<(String, Reason)>,
}

impl Denial {
    /// As those see it who called the command.
    pub fn error(&self) -> CommandDeniedError {
        CommandDeniedError {
            path: self.path.clone(),
            layer: self.layer.as_str().to_owned(),
            policy_source: self.policy_source.clone(),
            rule_name: self.rule_name.clone(),
            reason_code: self.code.as_str().to_owned(),
            reason: self.reason.clone(),
        }
    }
}
