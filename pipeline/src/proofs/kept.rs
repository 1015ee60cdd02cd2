//! `KeptProofs`: what was shown when an artifact came, kept where what came of it stands, and judged again from there.

use aisoc_installation::{Session, Site};
use aisoc_manifests::digest::{ArtifactDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Annotations;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::at_hand::AtHand;
use super::coming::Coming;
use super::offered::{Offered, OfferedProof};
use super::required::RequiredProof;
use super::tagged::TaggedProof;

const SCHEMA_VERSION: u32 = 1;
/// Up to where what was kept before is kept on: within what is read again, with room for the manifest.
const MOST_BYTES: usize = 80 << 20;

/// The form of the file. What each proof shows it shows by itself, and the manifest is that of the digest; which tree came
/// of it is what an install wrote down, as in its record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema_version: u32,
    digest: ArtifactDigest,
    tree_digest: TreeDigest,
    manifest: String,
    proofs: Vec<WrittenProof>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProof {
    place: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tagged: Option<WrittenLayer>,
}

/// What stood under a tag of cosign.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLayer {
    media_type: String,
    annotations: Annotations,
    content: String,
}

impl WrittenProof {
    fn of(offer: &Offered) -> Option<Self> {
        let (place, encoded) = (offer.place.clone(), |bytes: &[u8]| STANDARD.encode(bytes));
        Some(match offer.content.as_ref().ok()? {
            OfferedProof::Bundle(content) => Self { place, bundle: Some(encoded(content)), tagged: None },
            OfferedProof::Tagged(TaggedProof { media_type, annotations, content }) => {
                let (media_type, annotations) = (media_type.clone(), annotations.clone());
                Self {
                    place,
                    bundle: None,
                    tagged: Some(WrittenLayer { media_type, annotations, content: encoded(content) }),
                }
            }
        })
    }

    /// About how long it is in the file.
    fn bytes(&self) -> usize {
        self.bundle.as_ref().or(self.tagged.as_ref().map(|layer| &layer.content)).map_or(0, String::len)
    }

    /// None for what is neither, and for what is both.
    fn offered(self) -> Option<Offered> {
        let decoded = |text: &str| STANDARD.decode(text).ok();
        let content = match (self.bundle, self.tagged) {
            (Some(bundle), None) => OfferedProof::Bundle(decoded(&bundle)?),
            (None, Some(WrittenLayer { media_type, annotations, content })) => {
                OfferedProof::Tagged(TaggedProof { media_type, annotations, content: decoded(&content)? })
            }
            (None, None) | (Some(_), Some(_)) => return None,
        };
        Some(Offered { place: self.place, content: Ok(content) })
    }
}

impl AtHand {
    /// The text of the file of those that have shown what was required, with those that were kept before, and which tree
    /// came of the artifact. None where nothing was required.
    ///
    /// # Errors
    /// `internal` where it cannot be written as JSON.
    fn to_keep(
        &self,
        shown: &[RequiredProof],
        before: Vec<Offered>,
        tree_digest: TreeDigest,
    ) -> Result<Option<Vec<u8>>> {
        let has_shown = |offer: &&Offered| {
            let places = shown.iter().filter_map(|one| one.outcome.as_ref().ok());
            places.into_iter().any(|shown| shown.place == offer.place)
        };
        let mut proofs: Vec<WrittenProof> =
            self.offered.iter().filter(has_shown).filter_map(WrittenProof::of).collect();
        if proofs.is_empty() {
            return Ok(None);
        }
        let before = before.iter().filter_map(WrittenProof::of);
        let new: Vec<WrittenProof> = before.filter(|kept| !proofs.contains(kept)).collect();
        let bytes: usize = proofs.iter().chain(&new).map(WrittenProof::bytes).sum();
        // Others attach what they like: what was kept goes before more is kept than is read again.
        if bytes <= MOST_BYTES {
            proofs.extend(new);
        }
        let manifest = STANDARD.encode(&self.manifest);
        let written = Written { schema_version: SCHEMA_VERSION, digest: self.artifact, tree_digest, manifest, proofs };
        let text = serde_json::to_vec(&written);
        text.map(Some)
            .map_err(|error| Fault::new(Reason::Internal, "proofs cannot be written as JSON").caused_by(error))
    }

    /// What is kept on a site of that artifact, which has to have become that tree. None where nothing is kept.
    ///
    /// # Errors
    /// As [`Site::kept_proofs`]; `record_invalid` for what is not as `to_keep` writes it, and for what is kept of
    /// another artifact or another tree.
    pub(crate) fn kept(site: &Site, artifact: ArtifactDigest, tree: TreeDigest) -> Result<Option<Self>> {
        let Some(text) = site.kept_proofs(artifact)? else { return Ok(None) };
        let invalid =
            || Fault::new(Reason::RecordInvalid, format!("what is kept of the proofs of `{artifact}` cannot be read"));
        let written: Written = serde_json::from_slice(&text).map_err(|error| invalid().caused_by(error))?;
        if written.schema_version != SCHEMA_VERSION {
            return Err(invalid().expected(SCHEMA_VERSION.to_string(), written.schema_version.to_string()));
        }
        let decoded = |text: &str| STANDARD.decode(text).map_err(|error| invalid().caused_by(error));
        let manifest = decoded(&written.manifest)?;
        let found = ArtifactDigest::of_by(artifact.algorithm(), &manifest);
        if found != artifact || written.digest != artifact {
            return Err(invalid().expected(artifact.to_string(), found.to_string()));
        }
        if written.tree_digest != tree {
            return Err(invalid().expected(tree.to_string(), written.tree_digest.to_string()));
        }
        let offered = written.proofs.into_iter().map(|proof| proof.offered().ok_or_else(invalid));
        let offered = offered.collect::<Result<_>>()?;
        Ok(Some(Self { artifact, manifest, offered }))
    }
}

/// Keeps what has shown what was required of what comes, under the lock under which it does, beside what is kept of the same
/// artifact already: what another rule asked for once may be asked for again.
///
/// # Errors
/// As [`Session::keep_proofs`].
pub(crate) fn keep_proofs(
    (site, session): (&Site, &Session<'_>),
    coming: &Coming<'_>,
    shown: &[RequiredProof],
    (artifact, tree): (ArtifactDigest, TreeDigest),
) -> Result<()> {
    let Some(at_hand) = coming.gathered() else { return Ok(()) };
    // What cannot be read any more is written anew.
    let before = AtHand::kept(site, artifact, tree).ok().flatten();
    let before = before.map(|kept| kept.offered).unwrap_or_default();
    let text = at_hand.to_keep(shown, before, tree)?;
    text.map_or(Ok(()), |text| session.keep_proofs(artifact, &text))
}
