//! Lowering a coverage floor: the line that stays of it.
//!
//! `<plugins-dir>/.aisoc/lowered` is only ever appended to, one JSON object a line, so that whatever
//! keeps a journal later can take the lines over as they are.
#![expect(clippy::disallowed_methods, reason = "when a floor was lowered is a note for people, and decides nothing")]

use std::io::ErrorKind;

use aisoc_files::{append_line, open_append};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::Coverage;
use serde::Serialize;

use crate::layout::LOWERED;
use crate::plugins::Place;
use crate::secure::require_secure;

/// What a floor that could not be read is lowered from.
pub(crate) const UNKNOWN: &str = "unknown";
const SCHEMA_VERSION: u32 = 1;

/// One line of the file.
#[derive(Debug, Serialize)]
pub(crate) struct LoweredLine<'a> {
    schema_version: u32,
    id: &'a PluginId,
    from: &'static str,
    to: &'static str,
    reason: &'a str,
    /// The artifact that is accepted.
    digest: ArtifactDigest,
    at: String,
    /// The user, by number: a name is for whoever can write the environment to choose.
    by: String,
}

impl<'a> LoweredLine<'a> {
    pub(crate) fn new(
        id: &'a PluginId,
        from: Option<Coverage>,
        to: Coverage,
        reason: &'a StatedReason,
        digest: ArtifactDigest,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            id,
            from: from.map_or(UNKNOWN, Coverage::as_str),
            to: to.as_str(),
            reason: reason.as_str(),
            digest,
            at: format!("{:.0}", jiff::Timestamp::now()),
            by: format!("uid {}", rustix::process::getuid().as_raw()),
        }
    }

    /// Appends the line and syncs it.
    ///
    /// # Errors
    /// `directory_insecure` for a file that others could have written, and I/O reasons.
    pub(crate) fn append(&self, own: &Place) -> Result<()> {
        let path = own.path.join(LOWERED);
        let failed = |error: std::io::Error| Fault::io("write", &path, error);
        let line = serde_json::to_vec(self)
            .map_err(|error| Fault::new(Reason::Internal, "a line cannot be written as JSON").caused_by(error))?;
        let mut file = open_append(&own.directory, LOWERED).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => {
                Fault::new(Reason::DirectoryInsecure, format!("`{}` is no regular file", path.display()))
            }
            _ => failed(error),
        })?;
        // Nobody but us may have written it.
        require_secure(&file, &path)?;
        append_line(&mut file, &line).map_err(failed)?;
        own.sync_parent_of(LOWERED)
    }
}
