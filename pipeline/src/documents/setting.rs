//! What a machine is set up with.

use schemars::JsonSchema;
use serde::Serialize;

/// Every setting that a variable holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SettingList {
    /// All of them, in the order of the manual.
    pub settings: Vec<ShownSetting>,
}

/// One setting, and what counts of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownSetting {
    /// The variable, by its first name.
    pub name: &'static str,
    /// Other names of it.
    pub other_names: Vec<&'static str>,
    /// What it is for.
    pub purpose: &'static str,
    /// The value that counts where nobody has set it; nothing where none does.
    pub default: Option<&'static str>,
    /// The value that counts; nothing where none does, and of a secret.
    pub value: Option<String>,
    /// Where that is from: `environment` or `default`.
    pub source: &'static str,
    /// The variable that is set; of several names the one that counts.
    pub set_by: Option<&'static str>,
    /// Whether it holds what nobody is shown.
    pub is_secret: bool,
    /// What is wrong with what is set. `value` is what counts in its place then.
    pub invalid: Option<String>,
}
