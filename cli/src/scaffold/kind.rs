//! `ScaffoldType`: the kinds of plugin that there are scaffolds for.

use std::fmt;

/// What kind of plugin to make. `action`, the sixth type a host knows, has no scaffold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScaffoldType {
    /// Adds context to an indicator
    Enricher,
    /// Fetches alerts from a product
    Connector,
    /// Carries out an action
    Responder,
    /// Rules that say which events deserve an alert
    Detection,
    /// Supplies the data that a dashboard draws
    Widget,
}

impl ScaffoldType {
    /// Every type, in the order of the help text.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [Self::Enricher, Self::Connector, Self::Responder, Self::Detection, Self::Widget];

    /// The type as it stands in `plugin_type`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Enricher => "enricher",
            Self::Connector => "connector",
            Self::Responder => "responder",
            Self::Detection => "detection",
            Self::Widget => "widget",
        }
    }

    /// A JSON payload that a fresh scaffold of this type answers without any configuration. It holds
    /// no single quote, so that it can stand between two of them in a shell.
    pub(crate) const fn sample_payload(self) -> &'static str {
        match self {
            Self::Enricher => r#"{"indicator": "203.0.113.7"}"#,
            Self::Connector => r#"{"action": "normalize", "raw": {"id": 7, "title": "Login", "severity": "HIGH"}}"#,
            Self::Responder => r#"{"action": "block_ip", "params": {"ip": "203.0.113.7"}}"#,
            Self::Detection => {
                r#"{"process": {"name": "rm", "command_line": "rm ~/.bash_history"}, "user": {"name": "eve"}}"#
            }
            Self::Widget => r#"{"alerts": [{"severity": "high"}, {"severity": "low"}]}"#,
        }
    }
}

impl fmt::Display for ScaffoldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
