//! `policy.yml`: the rule over commands that a user has written.

use std::error::Error as _;
use std::str::FromStr;

use aisoc_dispatch::{MAX_POLICY_BYTES, PolicyFile};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::directory::ConfigDirectory;

/// Its name.
pub(crate) const POLICY_FILE: &str = "policy.yml";

/// What comes of a policy that cannot be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum PolicyUse {
    /// It is left out, with a warning.
    #[default]
    BestEffort,
    /// No command runs, and none without a policy either.
    Require,
}

impl PolicyUse {
    /// It, in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BestEffort => "best-effort",
            Self::Require => "require",
        }
    }
}

impl FromStr for PolicyUse {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::BestEffort, Self::Require];
        let meant = text.trim().to_ascii_lowercase();
        all.into_iter().find(|word| word.as_str() == meant).ok_or_else(|| Fault::new(Reason::Usage, "no such word"))
    }
}

impl ConfigDirectory {
    /// The policy, if there is one.
    pub(crate) fn policy(&self) -> PolicyFile {
        match self.policy_bytes() {
            Ok(Some(bytes)) => PolicyFile::of_bytes(&bytes),
            Ok(None) => PolicyFile::Absent,
            Err(fault) => {
                let why = fault.source().map(|why| format!(": {why}")).unwrap_or_default();
                PolicyFile::Unusable(self.told(&format!("{fault}{why}")))
            }
        }
    }

    /// The bytes of the policy, if there is one.
    ///
    /// # Errors
    /// As [`ConfigDirectory::read`].
    pub(crate) fn policy_bytes(&self) -> Result<Option<Vec<u8>>> {
        self.read(POLICY_FILE, MAX_POLICY_BYTES as u64)
    }
}
