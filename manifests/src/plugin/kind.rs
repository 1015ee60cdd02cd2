//! `PluginType`: what a plugin does, as the manifest says it.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PluginType {
    /// Acts on other systems.
    Action,
    /// Brings alerts in.
    Connector,
    /// Brings detection rules.
    Detection,
    /// Adds context to alerts.
    Enricher,
    /// Responds to incidents.
    Responder,
    /// Shows something.
    Widget,
}

impl PluginType {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::Action, Self::Connector, Self::Detection, Self::Enricher, Self::Responder, Self::Widget];

    /// The word in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Connector => "connector",
            Self::Detection => "detection",
            Self::Enricher => "enricher",
            Self::Responder => "responder",
            Self::Widget => "widget",
        }
    }
}

impl fmt::Display for PluginType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PluginType {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Fault::new(Reason::InvalidPluginType, format!("`{}` is not a plugin type", shown(text, 80))))
    }
}
