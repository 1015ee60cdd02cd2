//! Every problem of a manifest at once.

use super::ManifestFile;
use crate::fault::{Location, Reason};

/// Whose rules a manifest is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What passes every known reader: for new plugins.
    Strict,
    /// The reference's command line.
    Cli,
    /// The host's plugin manager.
    Manager,
    /// The SDKs.
    Sdk,
    /// The marketplace builder.
    Marketplace,
}

/// One thing to change in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The reason code.
    pub reason: Reason,
    /// Where it is.
    pub location: Location,
    /// What is wrong.
    pub message: String,
    /// How to write it instead.
    pub instead: Option<String>,
}

/// Every problem of a manifest.
pub fn validate(_file: ManifestFile, _bytes: &[u8], _has: &dyn Fn(&str) -> bool, _profile: Profile) -> Vec<Problem> {
    Vec::new()
}

/// Every spot that two readers of the manifest could read differently.
pub fn ambiguities(_file: ManifestFile, _bytes: &[u8]) -> Vec<Problem> {
    Vec::new()
}
