//! `Demands`: what is demanded beside a signature, by whoever typed the command and by the rules of the site.

use std::path::PathBuf;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::signature_verifiers;
use aisoc_trust::{ProofDemand, ProvedBy, TrustRules};

use crate::source::Source;

/// A bundle that is at hand: the file that it is in, and its content.
pub type OfferedFile = (String, Vec<u8>);

/// What is demanded.
#[derive(Debug, Clone, Default)]
pub struct Demands {
    /// Proofs that somebody asked for, whichever plugin it is.
    pub proofs: Vec<ProofDemand>,
    /// The site's file of rules. It is read whenever something is judged, so that a change of it counts at once.
    pub rules: Option<PathBuf>,
    /// Whether what hangs on keys is asked for, and nothing else: whose signatures a plugin has, and of proofs those by
    /// trusted keys that would be lost with some of them.
    pub are_of_keys_alone: bool,
}

impl Demands {
    /// The same, of keys alone: what is shown otherwise than by trusted keys hangs on none of them.
    pub(crate) fn by_keys_alone(&self) -> Self {
        let proofs = self.proofs.iter().filter(|demand| is_by_trusted_keys(demand)).cloned().collect();
        Self { proofs, rules: self.rules.clone(), are_of_keys_alone: true }
    }

    /// Whether it is looked for.
    pub(crate) fn asks_for(&self, demand: &ProofDemand) -> bool {
        !self.are_of_keys_alone || is_by_trusted_keys(demand)
    }

    /// Refuses a directory where somebody asked for a proof: of it there is no artifact that a proof could be of.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn require_artifact(&self, source: &Source) -> Result<()> {
        match source {
            Source::Directory(_) if !self.proofs.is_empty() => {
                Err(Fault::new(Reason::Usage, "a proof is required, and a directory has none")
                    .expected("a reference or an archive", "a directory")
                    .hint("install the artifact: name it as a reference, such as `REGISTRY/REPOSITORY:TAG`"))
            }
            Source::Directory(_) | Source::Artifact(_) => Ok(()),
        }
    }

    /// The rules as they are now.
    ///
    /// # Errors
    /// As [`TrustRules::read`].
    pub(crate) fn read(&self) -> Result<Option<TrustRules>> {
        self.rules.as_deref().map(|file| TrustRules::read(file, signature_verifiers())).transpose()
    }
}

/// Whether it hangs on keys that a site trusts. Who has another key, or a name, shows it whatever keys are trusted.
pub(super) fn is_by_trusted_keys(demand: &ProofDemand) -> bool {
    matches!(*demand.by, ProvedBy::TrustedKeys)
}
