//! Which rule counts: a plugin's before the file's, and never two.

use aisoc_manifests::fault::Reason;
use aisoc_manifests::warning::Warning;
use aisoc_platform::Rule;

use super::evaluation::{Policy, PolicySource};
use super::file::read_policy;
use crate::install::Plugins;
use crate::refusal::Refusal;

/// What is known of the file that may hold a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyFile {
    /// There is none.
    Absent,
    /// It holds a rule.
    Holds(Box<Rule>),
    /// It is there, and no rule: why, in words that do not say where it is.
    Unusable(String),
}

impl PolicyFile {
    /// A file that was read.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        match read_policy(bytes) {
            Ok(rule) => Self::Holds(Box::new(rule)),
            Err(faults) => Self::Unusable(joined(&faults)),
        }
    }
}

/// The rule that counts. Where a plugin has handed one over the file is not even looked at.
///
/// A file that is no rule is left out, which is told to `warn`: whoever wrote it is at this machine. Where a policy is
/// required that is not enough, and neither is a file that is not there.
///
/// # Errors
/// A rule of a plugin that is none; and where a policy is required, that there is none.
pub fn effective_policy(
    plugins: &Plugins,
    file: impl FnOnce() -> PolicyFile,
    is_required: bool,
    warn: &mut dyn FnMut(Warning, String),
) -> Result<Option<Policy>, Refusal> {
    if let Some((name, rule)) = plugins.rule() {
        let policy = Policy::new(PolicySource::Plugin(name.to_owned()), rule.clone());
        return policy.map(Some).map_err(|faults| Refusal::of_policy(Reason::PolicyInvalid, &joined(&faults)));
    }
    let why = match file() {
        PolicyFile::Absent if is_required => {
            return Err(Refusal::of_policy(Reason::PolicyMissing, "there is no policy, and one is required"));
        }
        PolicyFile::Absent => return Ok(None),
        PolicyFile::Holds(rule) => match Policy::new(PolicySource::Yaml, *rule) {
            Ok(policy) => return Ok(Some(policy)),
            Err(faults) => joined(&faults),
        },
        PolicyFile::Unusable(why) => why,
    };
    let said = format!("user policy not applied: {why}");
    if is_required {
        return Err(Refusal::of_policy(Reason::PolicyInvalid, &said));
    }
    warn(Warning::PolicyNotApplied, said);
    Ok(None)
}

/// How many faults a sentence holds.
const MAX_JOINED: usize = 8;

fn joined(faults: &[impl ToString]) -> String {
    let shown: Vec<String> = faults.iter().take(MAX_JOINED).map(ToString::to_string).collect();
    match faults.len().saturating_sub(MAX_JOINED) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}
