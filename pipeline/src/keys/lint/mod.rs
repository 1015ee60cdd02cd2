//! `lint`: everything that is wrong with a directory of keys, at once.
//!
//! A directory in which one file is not understood verifies nothing, and says so of the first one that is met. Here
//! every file is judged for itself, so that all of it can be set right in one go. Nothing is changed, and no key
//! counts by what is found here.

mod files;
mod finding;
mod installed;
mod rule;
mod standing;
mod state;
mod when;

use std::path::PathBuf;

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::Survey;

pub use finding::Finding;
pub(crate) use finding::causes;
pub use rule::{Level, Rule};
pub(crate) use state::journal_state;
pub use when::When;

/// What is looked at.
#[derive(Debug)]
pub struct LintOptions {
    /// The directory of keys, or one key file.
    pub keys_dir: PathBuf,
    /// What is installed beside it, to hold scopes to.
    pub site: Site,
    /// The time to judge keys by, and how far ahead is looked.
    pub when: When,
}

/// What was found.
#[derive(Debug)]
pub struct Lint {
    /// Everything, what weighs most first, then by path.
    pub findings: Vec<Finding>,
    /// How many files were looked at.
    pub file_count: usize,
}

impl Lint {
    /// How many findings weigh so much.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level() == level).count()
    }
}

/// Looks for every fault.
///
/// # Errors
/// `io_not_found` when there is nothing where keys should be; I/O reasons when that cannot be listed, or the plugins
/// directory cannot. What is wrong with what is there is a finding.
pub fn lint(options: &LintOptions) -> Result<Lint> {
    let LintOptions { keys_dir, site, when } = options;
    let Some(survey) = Survey::read(keys_dir)? else {
        let message = format!("there is nothing at `{}`, where trusted keys were looked for", keys_dir.display());
        return Err(
            Fault::new(Reason::IoNotFound, message).hint("name the directory of keys with `--trusted-keys PATH`")
        );
    };
    let mut findings = files::findings(&survey);
    findings.extend(standing::findings(&survey, when));
    findings.extend(installed::findings(&survey, site, when.at)?);
    if !survey.is_one_file() {
        findings.extend(state::findings(keys_dir, site));
    }
    findings.sort_by(|one, other| (one.level(), &one.path, one.rule).cmp(&(other.level(), &other.path, other.rule)));
    // What stands above several places is met in each of them.
    findings.dedup();
    Ok(Lint { findings, file_count: survey.files.len() })
}
