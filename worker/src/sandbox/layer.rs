//! `Layers`: what a plugin is confined by, or why it is not.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether plugins are confined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// By every layer, or nothing of them runs.
    Require,
    /// By what this kernel gives.
    #[default]
    BestEffort,
    /// By nothing but limits of what they take.
    Off,
}

impl Sandbox {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Require, Self::BestEffort, Self::Off];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }
}

impl FromStr for Sandbox {
    type Err = UnknownSandbox;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|sandbox| sandbox.as_str() == text).ok_or(UnknownSandbox)
    }
}

/// What names no [`Sandbox`].
#[derive(Debug)]
pub struct UnknownSandbox;

impl fmt::Display for UnknownSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `require`, `best-effort` or `off`")
    }
}

impl std::error::Error for UnknownSandbox {}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One layer of a confinement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Whether it holds.
    pub is_active: bool,
    /// What of it holds, or why it does not.
    pub detail: String,
}

impl Layer {
    pub(crate) fn active(detail: impl Into<String>) -> Self {
        Self { is_active: true, detail: detail.into() }
    }

    pub(crate) fn missing(why: impl Into<String>) -> Self {
        Self { is_active: false, detail: why.into() }
    }

    pub(super) fn of(entered: Result<String, Failed>) -> Self {
        match entered {
            Ok(detail) => Self::active(detail),
            Err(failed) => Self::missing(failed.to_string()),
        }
    }
}

/// What a plugin is confined by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Processes, files and networks of its own.
    pub namespaces: Layer,
    /// Rules for files, networks and signals.
    pub landlock: Layer,
    /// System calls.
    pub seccomp: Layer,
}

impl Layers {
    /// Each with its name.
    pub fn named(&self) -> [(&'static str, &Layer); 3] {
        [("namespaces", &self.namespaces), ("landlock", &self.landlock), ("seccomp", &self.seccomp)]
    }

    /// Whether all of them hold.
    pub fn are_whole(&self) -> bool {
        self.named().iter().all(|(_, layer)| layer.is_active)
    }

    /// Those that do not hold, and why.
    pub fn missing(&self) -> String {
        let missing = self.named().into_iter().filter(|(_, layer)| !layer.is_active);
        missing.map(|(name, layer)| format!("{name}: {}", layer.detail)).collect::<Vec<_>>().join("; ")
    }
}

/// What could not be done for a layer.
#[derive(Debug)]
pub(crate) struct Failed {
    act: String,
    source: Box<dyn std::error::Error>,
}

impl Failed {
    /// For `map_err`: what was to be done.
    pub(super) fn to<E: Into<Box<dyn std::error::Error>>>(act: impl Into<String>) -> impl FnOnce(E) -> Self {
        let act = act.into();
        move |source| Self { act, source: source.into() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.act, self.source)
    }
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> Self {
        Self::other(failed.to_string())
    }
}
