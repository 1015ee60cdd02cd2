//! `AdmittedCode`: a plugin's code on its way into a process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aisoc_discovery::DropinFile;
use aisoc_manifests::cancellation::Cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_worker::serving::Entry;
use aisoc_worker::{Error, PrivateCopy};
use serde_json::Value;

use crate::accepted::Evidence;
use crate::stated::CheckedAgainst;

/// The class that a host looks for where nothing else is named.
pub(super) const CLASS: &str = "Plugin";

/// A plugin's code, as it was judged.
#[derive(Debug)]
pub struct AdmittedCode {
    /// What it says of itself; nothing where it has no manifest.
    pub manifest: Option<Manifest>,
    /// How it is configured, as its manifest has it; nothing where it says nothing.
    pub config_schema: Option<Value>,
    /// What is called of it.
    pub entry: Entry,
    /// Every `*.py`, by its path below the directory.
    pub sources: BTreeMap<String, Vec<u8>>,
    /// What it finds its data beside.
    pub directory: PathBuf,
    /// Where it finds the modules of others.
    pub site_paths: Vec<PathBuf>,
    /// What those bytes are held to.
    pub checked_against: CheckedAgainst,
    /// What it was admitted by.
    pub evidence: Evidence,
    /// That directory, where it is a copy: the one that was judged.
    pub copy: Option<PrivateCopy>,
    /// Which file of a user's it is, where it is one: it is said before any of it runs.
    pub user_file: Option<DropinFile>,
}

impl AdmittedCode {
    /// Lets whoever the plugin runs as read its copy, where it has one. For whoever has judged it.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn open(&self) -> Result<()> {
        self.copy.as_ref().map_or(Ok(()), |copy| copy.let_reader_in().map_err(not_copied))
    }
}

/// Why there is no copy.
pub(super) fn not_copied(error: Error) -> Fault {
    match error {
        Error::Io { act, path, source } => Fault::io(act, &path, source),
        Error::Stopped => Cancelled.into(),
        error => Fault::new(Reason::ForbiddenEntry, error.to_string()),
    }
}
