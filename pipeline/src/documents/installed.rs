//! What came of installing or uninstalling several plugins, each on its own.

use schemars::JsonSchema;
use serde::Serialize;

use super::{InstalledPlugin, Objection, UninstalledPlugin};

/// What came of each source that was named, of one as of many.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct InstalledPlugins {
    /// What is installed now, or was there already, in the order in which it was named.
    pub plugins: Vec<InstalledPlugin>,
    /// What is not installed, and why.
    pub failed: Vec<NotInstalled>,
}

/// A source of which nothing came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotInstalled {
    /// What was named.
    pub source: String,
    /// Why.
    pub objection: Objection,
}

/// What came of each id that was named, of one as of many.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct UninstalledPlugins {
    /// What is gone, in the order in which it was named.
    pub plugins: Vec<UninstalledPlugin>,
    /// What is not, and why.
    pub failed: Vec<NotUninstalled>,
}

/// A plugin that was not removed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotUninstalled {
    /// The plugin.
    pub id: String,
    /// Why.
    pub objection: Objection,
}
