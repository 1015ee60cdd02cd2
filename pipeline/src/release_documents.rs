//! What a release says of itself: what is in it and where it is from, made of the very copy that is published.
//!
//! They are made before anything is sent, so that all that refuses them has refused the release. What they are said of is the
//! digest that was pushed, so they are signed behind that.

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::PluginDir;
use aisoc_registry_client::{ClientOptions, Target};
use aisoc_signing::{AttestationType, KeyHolder, Predicate, PredicateType};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::attest::{Attested, AttestedBy, Said, public_predicate};
use crate::dry_run::look_at;
use crate::events::Reporter;
use crate::provenance::{self, Build};
use crate::release::{ReleaseCopy, SignedRelease};
use crate::sbom::{Sbom, UnreadList};

/// Which documents a release has.
#[derive(Debug, Clone, Default)]
pub struct ReleaseDocumentsWanted {
    /// Whether it has an SBOM.
    pub sbom: bool,
    /// Where it is built, if it has provenance.
    pub provenance: Option<Build>,
    /// When the SBOM says that it was made, in seconds since 1970.
    pub time: Option<u64>,
}

/// The documents of a release, which nobody has signed yet.
#[derive(Debug)]
pub struct ReleaseDocuments {
    documents: Vec<(PredicateType, Predicate)>,
    /// Lists of which the SBOM does not have everything.
    pub unread: Vec<UnreadList>,
}

impl ReleaseCopy {
    /// As those of the signed copy will be refused, without a key and before anything is written.
    ///
    /// # Errors
    /// As [`SignedRelease::documents`].
    pub fn require_documents(&self, wanted: &ReleaseDocumentsWanted) -> Result<()> {
        ReleaseDocuments::of(self.tree(), &self.plugin()?, wanted).map(|_| ())
    }
}

impl SignedRelease {
    /// The documents of what is going to be published.
    ///
    /// # Errors
    /// `forbidden_entry` for one that would hold a secret, `attestation_invalid` for one that is too large, `usage` for a job
    /// that does not say where it is from; I/O reasons.
    pub fn documents(&self, wanted: &ReleaseDocumentsWanted) -> Result<ReleaseDocuments> {
        ReleaseDocuments::of(&self.publication.plugin, &self.publication.manifest, wanted)
    }
}

impl ReleaseDocuments {
    fn of(plugin: &PluginDir, manifest: &Manifest, wanted: &ReleaseDocumentsWanted) -> Result<Self> {
        let (mut documents, mut unread) = (Vec::new(), Vec::new());
        if wanted.sbom {
            let sbom = Sbom::of(plugin, manifest, wanted.time)?;
            documents.push(document("SBOM", AttestationType::Sbom, &sbom.bom)?);
            unread = sbom.unread;
        }
        if let Some(build) = &wanted.provenance {
            let provenance = provenance::Predicate::of(plugin, manifest, build)?;
            documents.push(document("provenance", AttestationType::Provenance, &provenance)?);
        }
        Ok(Self { documents, unread })
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// What is said, by type.
    pub fn types(&self) -> impl Iterator<Item = &PredicateType> {
        self.documents.iter().map(|(predicate_type, _)| predicate_type)
    }

    /// Signs each of the artifact that was pushed, and puts it beside it. What is there already stays as it is.
    ///
    /// # Errors
    /// Those of the signer; what the place refuses.
    pub fn attach<'a>(
        &'a self,
        artifact: &'a Artifact,
        destination: &'a Reference,
        key: &'a dyn KeyHolder,
        (client, dry_run): (&'a ClientOptions, DryRun),
        reporter: &'a dyn Reporter,
    ) -> LocalBoxFuture<'a, Result<Vec<Attested>>> {
        Box::pin(async move {
            let place = match dry_run.is_on() {
                true => look_at(destination, client)?,
                false => Some(Target::create(destination, client)?),
            };
            let mut attested = Vec::new();
            for (predicate_type, predicate) in &self.documents {
                let said = Said { predicate_type: predicate_type.clone(), predicate, by: AttestedBy::Key(key) };
                attested.push(said.put_beside(artifact, place.as_ref(), destination, dry_run, reporter).await?);
            }
            Ok(attested)
        })
    }
}

/// As the command prints it that makes it alone: who has the version makes the same of it, byte by byte.
fn document(name: &str, kind: AttestationType, document: &impl Serialize) -> Result<(PredicateType, Predicate)> {
    let unwritten = |error| Fault::new(Reason::Internal, format!("`{name}` cannot be written")).caused_by(error);
    let predicate = public_predicate(name, &serde_json::to_vec_pretty(document).map_err(unwritten)?)?;
    Ok((kind.of(&predicate)?, predicate))
}
