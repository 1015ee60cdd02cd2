//! `aisoc config …`: which commands may be given here, and who is compiled into this one.

mod cases;
mod judged;
pub(super) mod plugins_show;
pub(super) mod policy_explain;
pub(super) mod policy_show;
pub(super) mod policy_test;
pub(super) mod policy_validate;
pub(super) mod strict_mode;

use std::path::Path;

use aisoc_dispatch::MAX_POLICY_BYTES;
use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::position::Position;
use aisoc_pipeline::documents::ShownRule;
use aisoc_platform::{Identity, Rule};

use super::bench;
use crate::context::Context;
use crate::output::path_text;

fn shown_rule(rule: &Rule) -> ShownRule {
    ShownRule {
        name: rule.name.clone(),
        description: rule.description.clone(),
        allow: rule.allow.clone(),
        deny: rule.deny.clone(),
        max_risk: rule.max_risk.as_ref().map(ToString::to_string).unwrap_or_default(),
        identities: names(&rule.identities),
        allow_unannotated: rule.allow_unannotated,
    }
}

fn names(identities: &[Identity]) -> Vec<String> {
    identities.iter().map(ToString::to_string).collect()
}

/// A file that somebody names, whole.
///
/// # Errors
/// `reason` for what is no file or is too large, and I/O reasons.
fn read(path: &Path, reason: Reason) -> Result<Vec<u8>> {
    read_small(path, MAX_POLICY_BYTES as u64, Links::Followed).map(|file| file.content).map_err(|error| match error {
        SmallFileError::Io(error) => Fault::io("read", path, error),
        error => Fault::new(reason, format!("`{}` cannot be read", path.display())).caused_by(error),
    })
}

/// A fault of a file that somebody names, where it stands.
fn located(file: &str, position: Position, reason: Reason, message: String) -> Fault {
    Fault::new(reason, message).at(Location::new(file, position))
}

/// Reports every fault of a file that somebody names.
///
/// # Errors
/// As [`bench::refuse_faults`].
fn refuse(path: &Path, faults: Vec<Fault>, context: &Context) -> Result<u8> {
    bench::refuse_faults(&path_text(path), faults, context)
}
