//! What refers to an artifact: signatures, attestations, bills of materials, as far as they say themselves. Looked at, and
//! believed in nothing.

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;
use aisoc_manifests::text::shown;
use aisoc_registry_client::{Fetch as _, Referrers as _, Tagging as _, Target};
use aisoc_signing::{BUNDLE_MEDIA_TYPES, ClaimedBundle};
use futures_util::future::BoxFuture;

use crate::attest::BUNDLE_PREDICATE_TYPE;
use crate::proofs::{TagKind, tag_of};

/// Most that are looked at: a plugin has a handful, and each is a document that is asked for.
const MAX_REFERRERS: usize = 100;
/// Most bytes of all of them together.
const MAX_REFERRER_BYTES: u64 = 64 << 20;
/// Most characters of what one of them claims, which is as long as its maker likes.
const MAX_CLAIM_CHARACTERS: usize = 256;
/// What Notary Project attaches.
const NOTATION: &str = "application/vnd.cncf.notary.signature";

/// What refers to an artifact, or what of it could not be found out.
#[derive(Debug, Default)]
pub struct Referring {
    /// Each that was looked at, those of the artifact before those of its index.
    pub referrers: Vec<Referrer>,
    /// How many more there are.
    pub left_out: usize,
    /// Why the list is not known to be whole.
    pub objection: Option<Fault>,
}

/// Something that says of itself that it is about an artifact.
#[derive(Debug)]
pub struct Referrer {
    /// Its manifest.
    pub digest: ArtifactDigest,
    /// What it is about.
    pub subject: ArtifactDigest,
    /// The tag that it was found by, where that alone says what it is about.
    pub tag: Option<Tag>,
    /// What it is.
    pub kind: ReferrerKind,
    /// Kind of artifact that it claims to be.
    pub claimed_artifact_type: Option<String>,
    /// What its statement claims to be.
    pub claimed_predicate_type: Option<String>,
    /// What it says of the key that has signed it.
    pub claimed_signed_by: Option<String>,
    /// Why it is none of what it says, or cannot be looked at.
    pub objection: Option<Fault>,
}

/// What refers to an artifact, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferrerKind {
    /// A bundle of sigstore: an attestation, or a signature.
    SigstoreBundle,
    /// A signature in the form that cosign had before bundles, found by its tag.
    CosignSignature,
    /// An attestation in that form.
    CosignAttestation,
    /// A signature of Notary Project.
    NotationSignature,
    /// Anything else.
    Other,
}

impl ReferrerKind {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SigstoreBundle => "sigstore_bundle",
            Self::CosignSignature => "cosign_signature",
            Self::CosignAttestation => "cosign_attestation",
            Self::NotationSignature => "notation_signature",
            Self::Other => "other",
        }
    }

    fn of(artifact_type: Option<&str>) -> Self {
        match artifact_type {
            Some(NOTATION) => Self::NotationSignature,
            Some(found) if found.starts_with(BUNDLE_MEDIA_TYPES) => Self::SigstoreBundle,
            _ => Self::Other,
        }
    }
}

impl Referring {
    /// Looks at what refers to each of them in that place.
    ///
    /// # Errors
    /// `interrupted`. What cannot be found out is an objection: the artifact itself was found.
    pub(crate) fn to<'a>(target: &'a Target, subjects: &'a [ArtifactDigest]) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let mut looking = Looking { target, left_bytes: MAX_REFERRER_BYTES, found: Self::default() };
            for subject in subjects {
                if let Err(fault) = looking.subject(*subject).await {
                    looking.found.objection = Some(unless_interrupted(fault)?);
                }
            }
            Ok(looking.found)
        })
    }
}

fn unless_interrupted(fault: Fault) -> Result<Fault> {
    if fault.reason() == Reason::Interrupted { Err(fault) } else { Ok(fault) }
}

/// A look at a place that is under way.
struct Looking<'a> {
    target: &'a Target,
    left_bytes: u64,
    found: Referring,
}

impl Looking<'_> {
    async fn subject(&mut self, subject: ArtifactDigest) -> Result<()> {
        let listed = self.target.referrers(subject).await?;
        for descriptor in listed {
            if self.found.referrers.len() >= MAX_REFERRERS {
                self.found.left_out += 1;
                continue;
            }
            let mut referrer = Referrer::new(descriptor.artifact_digest(), subject);
            if let Err(fault) = self.look(&mut referrer, &descriptor).await {
                referrer.objection = Some(unless_interrupted(fault)?);
            }
            self.found.referrers.push(referrer);
        }
        self.tagged(subject).await
    }

    /// What stands in the manifest, and in the bundle where it is one.
    async fn look(&mut self, referrer: &mut Referrer, listed: &Descriptor) -> Result<()> {
        // What the list says, for whoever cannot be asked; what the manifest says stands in its place.
        referrer.is(listed.artifact_type.clone());
        self.take(listed.size)?;
        let manifest = self.target.fetch_manifest(Some(referrer.digest)).await?;
        require_size(listed, manifest.bytes().len() as u64)?;
        let links = Links::read(manifest.bytes())?;
        referrer.is(links.artifact_type.clone());
        require_subject(referrer, &links)?;
        let noted = links.annotations.get(BUNDLE_PREDICATE_TYPE);
        referrer.claimed_predicate_type = noted.map(|noted| claim(noted));
        match referrer.kind {
            ReferrerKind::SigstoreBundle => self.bundle(referrer, &links, noted).await,
            _ => Ok(()),
        }
    }

    async fn bundle(&mut self, referrer: &mut Referrer, links: &Links, noted: Option<&String>) -> Result<()> {
        let [_, layer] = &links.blobs[..] else {
            return Err(Fault::new(Reason::AttestationInvalid, "a bundle of sigstore is one document")
                .expected("one layer", format!("{} layers", links.blobs.len().saturating_sub(1))));
        };
        self.take(layer.size)?;
        let found = ClaimedBundle::look(&self.target.fetch_blob_bytes(layer, layer.size).await?)?;
        referrer.claimed_signed_by = found.key_hint.as_deref().map(claim);
        referrer.claimed_predicate_type = found.predicate_type.as_deref().map(claim);
        match (noted, &found.predicate_type) {
            (Some(noted), Some(found)) if noted != found => {
                Err(Fault::new(Reason::AttestationInvalid, "the attestation is noted as another than it is")
                    .expected(claim(found), claim(noted)))
            }
            _ => Ok(()),
        }
    }

    /// What cosign attached before it had bundles is found by a tag that is made of the digest.
    async fn tagged(&mut self, subject: ArtifactDigest) -> Result<()> {
        for tag_kind in TagKind::ALL {
            let Some(tag) = tag_of(subject, tag_kind) else { continue };
            let kind = match tag_kind {
                TagKind::Signatures => ReferrerKind::CosignSignature,
                TagKind::Attestations => ReferrerKind::CosignAttestation,
            };
            if let Some(digest) = self.target.tag_digest(&tag, Algorithm::Sha256).await? {
                self.found.referrers.push(Referrer { tag: Some(tag), kind, ..Referrer::new(digest, subject) });
            }
        }
        Ok(())
    }

    /// Counts what is going to be read.
    fn take(&mut self, bytes: u64) -> Result<()> {
        self.left_bytes = left(self.left_bytes, bytes)?;
        Ok(())
    }
}

/// What may still be read afterwards.
fn left(before: u64, bytes: u64) -> Result<u64> {
    before.checked_sub(bytes).ok_or_else(|| {
        Fault::new(Reason::RegistryProtocol, "what refers to the artifact is too large to be looked at")
            .expected(format!("at most {MAX_REFERRER_BYTES} bytes together"), format!("{bytes} bytes more"))
    })
}

fn require_size(listed: &Descriptor, bytes: u64) -> Result<()> {
    match listed.size == bytes {
        true => Ok(()),
        false => Err(Fault::new(Reason::PullFailed, "the manifest has another size than the list of referrers says")
            .expected(format!("{} bytes", listed.size), format!("{bytes} bytes"))),
    }
}

fn claim(text: &str) -> String {
    shown(text, MAX_CLAIM_CHARACTERS)
}

/// A list may say what it likes: what its own bytes do not say is about something else.
fn require_subject(referrer: &Referrer, links: &Links) -> Result<()> {
    let found = links.subject.as_ref().map(|subject| subject.digest);
    match found == Some(referrer.subject.blob()) {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::RegistryProtocol,
            "it is listed as what refers to the artifact, and does not refer to it",
        )
        .expected(referrer.subject.to_string(), found.map_or_else(|| "none".to_owned(), |found| found.to_string()))
        .hint("ask whoever runs the registry why it is listed there; it says nothing of this artifact")),
    }
}

impl Referrer {
    fn new(digest: ArtifactDigest, subject: ArtifactDigest) -> Self {
        Self {
            digest,
            subject,
            tag: None,
            kind: ReferrerKind::Other,
            claimed_artifact_type: None,
            claimed_predicate_type: None,
            claimed_signed_by: None,
            objection: None,
        }
    }

    fn is(&mut self, artifact_type: Option<String>) {
        self.kind = ReferrerKind::of(artifact_type.as_deref());
        self.claimed_artifact_type = artifact_type.as_deref().map(claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_looked_at_has_an_end_together() {
        let taken =
            |bytes: [u64; 2]| left(MAX_REFERRER_BYTES, bytes[0]).and_then(|left_bytes| left(left_bytes, bytes[1]));
        assert_eq!(taken([MAX_REFERRER_BYTES - 2, 1]).expect("below"), 1);
        assert_eq!(taken([MAX_REFERRER_BYTES - 1, 1]).expect("at the end"), 0);
        for above in [[MAX_REFERRER_BYTES - 1, 2], [MAX_REFERRER_BYTES + 1, 0], [u64::MAX, 1]] {
            assert_eq!(taken(above).expect_err("above").reason(), Reason::RegistryProtocol);
        }
    }

    #[test]
    fn what_is_claimed_has_an_end() {
        for (characters, ends) in
            [(MAX_CLAIM_CHARACTERS - 1, ""), (MAX_CLAIM_CHARACTERS, ""), (MAX_CLAIM_CHARACTERS + 1, "…")]
        {
            let said = claim(&"x".repeat(characters));
            assert_eq!(said, "x".repeat(characters.min(MAX_CLAIM_CHARACTERS)) + ends, "{characters}");
        }
    }

    #[test]
    fn a_type_says_what_refers_to_an_artifact() {
        for (artifact_type, kind) in [
            (Some("application/vnd.dev.sigstore.bundle.v0.3+json"), ReferrerKind::SigstoreBundle),
            (Some("application/vnd.dev.sigstore.bundle+json;version=0.1"), ReferrerKind::SigstoreBundle),
            (Some("application/vnd.cncf.notary.signature"), ReferrerKind::NotationSignature),
            (Some("text/spdx+json"), ReferrerKind::Other),
            (None, ReferrerKind::Other),
        ] {
            assert_eq!(ReferrerKind::of(artifact_type), kind, "{artifact_type:?}");
        }
    }
}
