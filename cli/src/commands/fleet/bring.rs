//! `Bringing`: one plugin to what the lock accepts of it, by the line of an install or of a rollback.

use aisoc_files::shell_word;
use aisoc_installation::{Access, Leaving, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::documents::InstalledPlugin;
use aisoc_pipeline::fleet::LockedArtifact;
use aisoc_pipeline::{InstallOptions, ReferenceRules, RollbackOptions, Source, TrustInputs};
use aisoc_registry_client::ClientOptions;

use super::super::installing::install;
use super::super::platform::choosing;
use super::super::rollback::roll_back;
use crate::context::Context;

/// How plugins are brought, each of them.
#[derive(Debug)]
pub(in crate::commands) struct Bringing {
    pub(in crate::commands) site: Site,
    pub(in crate::commands) trust: TrustInputs,
    pub(in crate::commands) references: ReferenceRules,
    /// Nothing else comes than what this accepts.
    pub(in crate::commands) lock: LockRule,
    pub(in crate::commands) client: ClientOptions,
    pub(in crate::commands) keep: u8,
    pub(in crate::commands) access: Access,
}

impl Bringing {
    /// Puts the artifact in its place: a version of it that is kept, without a registry, else as an install does.
    ///
    /// # Errors
    /// As an install.
    pub(in crate::commands) fn bring(&self, artifact: &LockedArtifact, context: &Context) -> Result<()> {
        if self.is_kept(artifact) {
            match self.take_kept(artifact, context).map_err(|fault| by_the_lock(fault, artifact)) {
                Err(fault) if is_worthless(&fault) => {
                    let said = format!("{}: the kept version is not used: {}: {fault}", artifact.id, fault.reason());
                    context.output.status("Fetching", said);
                }
                done => return done,
            }
        }
        self.install(artifact, context).map(drop)
    }

    /// Installs the artifact, whatever is kept.
    ///
    /// # Errors
    /// As an install.
    pub(in crate::commands) fn install(&self, artifact: &LockedArtifact, context: &Context) -> Result<InstalledPlugin> {
        let LockedArtifact { reference, digest, platform, consent, .. } = artifact;
        let options = InstallOptions {
            site: self.site.clone(),
            trust: self.trust.clone(),
            only: None,
            require_digest: Some(*digest),
            bundles: std::sync::Arc::default(),
            references: self.references.clone(),
            lock: self.lock.clone(),
            client: choosing(PlatformChoice::of(platform.clone()), self.client.clone()),
            keep: self.keep,
            is_on_trial: false,
            access: Access { consent: consent.clone(), ..self.access.clone() },
        };
        install(&Source::Artifact(reference.clone()), &options, context).map_err(|fault| by_the_lock(fault, artifact))
    }

    /// What cannot be listed is kept by nobody: an install says what is wrong with it.
    fn is_kept(&self, artifact: &LockedArtifact) -> bool {
        let kept = self.site.previous_versions(&artifact.id);
        kept.is_ok_and(|kept| {
            kept.iter().any(|version| {
                let is_of_index =
                    artifact.index_digest.is_none() || version.record.index_digest == artifact.index_digest;
                version.record.digest == artifact.digest && is_of_index
            })
        })
    }

    fn take_kept(&self, artifact: &LockedArtifact, context: &Context) -> Result<()> {
        let options = RollbackOptions {
            site: self.site.clone(),
            id: artifact.id.clone(),
            to: Some(artifact.digest.to_string()),
            trust: self.trust.clone(),
            lock: self.lock.clone(),
            accepted_capabilities: None,
            leaving: Leaving::IsKept,
            access: Access { consent: artifact.consent.clone(), ..self.access.clone() },
        };
        roll_back(&options, context).map(drop)
    }
}

/// What an operator of one host says with an option of `install`, the lock says here, or nobody.
fn by_the_lock(fault: Fault, artifact: &LockedArtifact) -> Fault {
    fault.hint_by(|reason| match reason {
        Reason::CapabilitiesNotAccepted | Reason::SignerChanged => Some(format!(
            "read what it asks for and who has signed it: `aisoc plugin inspect {}`; who accepts that says so where the \
             lock is made",
            shell_word(artifact.reference.to_string())
        )),
        _ => None,
    })
}

/// Whether a kept version is of no use, where its artifact may be fetched again.
fn is_worthless(fault: &Fault) -> bool {
    matches!(
        fault.reason(),
        Reason::VersionNotFound | Reason::TreeModified | Reason::RecordInvalid | Reason::DirectoryInsecure
    )
}
