//! `doctor`: everything that is insecure or broken on a site, at once: its settings, keys, plugins directory, state,
//! lock, journals, data directory, Python and clock.
//!
//! Each part is judged by the body that refuses it elsewhere, and what that would have refused is a finding here, so that
//! all of it can be set right in one go. Nothing is changed, nothing of a plugin is run, and no network is asked.

mod finding;
mod keys;
mod lock;
mod options;
mod plugins;
mod process;
mod rule;
mod sources;
mod ways;

use std::path::Path;

use aisoc_manifests::fault::Result;

use crate::keys::lint::Level;

pub use finding::Finding;
pub use options::{DoctorOptions, Host};
pub use rule::Rule;

/// Looks for everything that is wrong, beside what was found of the settings already.
///
/// # Errors
/// `interrupted`. What cannot be looked at is a finding.
pub fn doctor(options: &DoctorOptions, settings: Vec<Finding>) -> Result<Vec<Finding>> {
    let parts: [fn(&DoctorOptions) -> Vec<Finding>; 5] =
        [process::findings, keys::findings, plugins::findings, lock::findings, sources::findings];
    let mut findings = settings;
    for part in parts {
        findings.extend(part(options));
        options.here.limits.cancellation.check()?;
    }
    findings.sort_by(|one, other| (one.level, &one.place, one.rule).cmp(&(other.level, &other.place, other.rule)));
    // What stands above several places is met on the way to each of them.
    findings.dedup();
    Ok(findings)
}

/// Who else may change what a host loads and whom it trusts, where nothing is refused for it: for whoever verifies, and does
/// not look at the whole site. In the order of the places; what both are below is found once.
pub fn who_else(plugins_dir: &Path, keys: &Path) -> Vec<Finding> {
    let mut found = ways::of_groups(plugins_dir);
    let of_keys = keys::who_else(keys).into_iter().filter(|finding| !found.contains(finding)).collect::<Vec<_>>();
    found.extend(of_keys);
    found
}

/// How many findings weigh so much.
pub fn count(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|finding| finding.level == level).count()
}
