//! What a host runs of a plugin that was admitted: the bytes that were judged, and no others.

mod code;
mod directory;
mod distribution;
mod file;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use aisoc_discovery::{Discovered, Origin};
use aisoc_manifests::fault::Result;
use aisoc_packaging::Limits;

pub use self::code::AdmittedCode;
use self::directory::{admitted_directory, evidence_of_directory};
use self::distribution::admitted_distribution;
use self::file::admitted_file;
use crate::accepted::Evidence;

/// What a plugin that a listing has admitted would be admitted by, without its code: of one in a directory that is read, and
/// of the others it is what was found.
///
/// # Errors
/// As [`read_admitted_code`].
pub fn read_evidence(plugin: &Discovered, limits: &Limits) -> Result<Evidence> {
    match &plugin.origin {
        Origin::File { .. } | Origin::EntryPoint { .. } => Ok(Evidence::of_other(plugin.clone())),
        _ => evidence_of_directory(plugin, limits),
    }
}

/// Reads the code of a plugin that a listing has admitted: of one in a directory once more, which is held to what was
/// judged; of a drop-in the bytes that were, and no path; of an entry point
/// the modules of its distribution, which looks for others in `site_paths`.
///
/// # Errors
/// `tree_modified` where it is not what was judged, `forbidden_entry` for more than is held in memory or may be copied, and
/// those of reading a plugin; `interrupted` once `stop` is set.
pub fn read_admitted_code(
    plugin: &Discovered,
    site_paths: &[PathBuf],
    limits: &Limits,
    stop: &AtomicBool,
) -> Result<AdmittedCode> {
    match &plugin.origin {
        Origin::File { code, .. } => admitted_file(plugin, code.as_deref()),
        Origin::EntryPoint { site_packages, .. } => admitted_distribution(plugin, site_packages, site_paths),
        _ => admitted_directory(plugin, limits, stop),
    }
}
