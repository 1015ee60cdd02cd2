//! The code of a Python distribution: of its own modules the bytes that its `RECORD` states.

use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovered, Kind};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_worker::serving::Entry;

use super::code::AdmittedCode;
use crate::accepted::Evidence;
use crate::stated::Stated;

/// The modules of an entry point's distribution, which Python finds in `site_packages`.
///
/// # Errors
/// As [`Stated::read`].
pub(super) fn admitted_distribution(
    plugin: &Discovered,
    site_packages: &Path,
    site_paths: &[PathBuf],
) -> Result<AdmittedCode> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| Fault::io("find", path, error));
    let nameless = || Fault::new(Reason::EntryPointInvalid, format!("`{}` names no MODULE:OBJECT", plugin.entry_point));
    let (module, object) = plugin.entry_point.split_once(':').ok_or_else(nameless)?;
    let Stated { sources, checked_against } = Stated::read(plugin)?.ok_or_else(nameless)?;
    Ok(AdmittedCode {
        manifest: None,
        config_schema: None,
        entry: Entry::Object {
            module: module.to_owned(),
            object: object.to_owned(),
            has_hooks: plugin.kind == Kind::Hook,
        },
        sources,
        directory: absolute(site_packages)?,
        site_paths: site_paths.iter().map(|path| absolute(path)).collect::<Result<_>>()?,
        checked_against,
        evidence: Evidence::of_other(plugin.clone()),
        copy: None,
        user_file: None,
    })
}
