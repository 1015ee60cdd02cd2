//! `Refusal`: why a host does not do what it is asked for.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::PluginType;

use crate::found::reason_of;
use crate::lifecycle::{Failure, State};

/// Why something was not done.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such plugin.
    Unknown,
    /// It is nothing for the state that the plugin is in.
    NotNow(State),
    /// It is to be called as a plugin of a type that it is not of.
    OtherType {
        /// The type that whoever calls expects.
        expected: PluginType,
        /// What the plugin is.
        found: &'static str,
    },
    /// A policy denies it.
    Denied(Fault),
    /// The plugin could not be loaded, or has failed in a call.
    Plugin(Fault),
    /// The plugin could not be loaded, and nobody has said a word against it: somebody could not be asked.
    Unasked {
        /// Who, and why.
        fault: Fault,
        /// Whether that is the plugin itself.
        is_itself: bool,
    },
    /// The host itself could not: it may be full, or its file cannot be written.
    Host(Fault),
}

impl Refusal {
    /// Its reason code.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unknown => Reason::PluginNotFound,
            Self::NotNow(State::Disabled) => Reason::PluginDisabled,
            Self::NotNow(_) => Reason::PluginNotLoaded,
            Self::OtherType { .. } => Reason::OtherPluginType,
            Self::Denied(fault) | Self::Plugin(fault) | Self::Unasked { fault, .. } | Self::Host(fault) => {
                fault.reason()
            }
        }
    }

    /// What is wrong with the plugin for that, with everything that is known of why.
    pub(crate) fn failure(&self) -> Failure {
        Failure::new(self.reason(), self.whole())
    }

    /// In the words of a host, with everything that is known of why.
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Denied(fault) | Self::Plugin(fault) | Self::Unasked { fault, .. } | Self::Host(fault) => {
                reason_of(fault)
            }
            _ => self.words(),
        }
    }

    /// In the words of a host, to stand behind `[id]`.
    pub fn words(&self) -> String {
        match self {
            Self::Unknown => "plugin not found".to_owned(),
            Self::NotNow(state) => format!("plugin is {state}"),
            Self::OtherType { expected, found } => format!("expected plugin_type={expected}, got {found}"),
            Self::Denied(fault) | Self::Plugin(fault) | Self::Unasked { fault, .. } | Self::Host(fault) => {
                fault.to_string()
            }
        }
    }
}
