//! What is offered as a proof of an artifact: bundles that refer to it, as the place that holds it lists them, and what
//! cosign has attached under a tag.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::{Descriptor, EMPTY_MEDIA_TYPE};
use aisoc_manifests::text::shown;
use aisoc_registry_client::{Fetch as _, Referrers as _, Target};

use super::rule::OfferedFile;
use super::tagged::{Tagged, TaggedProof, tagged};
use crate::fetch::Fetched;

/// How artifacts begin to be called that hold a bundle, in every version.
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle";
/// What notation attaches, by which nothing is judged here.
const NOTATION_TYPE: &str = "application/vnd.cncf.notary.signature";
/// Most proofs of one artifact that are looked at. Whoever can push there can attach as many as he likes, and each costs
/// two requests.
pub(super) const MAX_OFFERED: usize = 64;

/// Most bytes of all of them together.
const MAX_OFFERED_BYTES: u64 = 64 << 20;

/// Something that is said to be a proof.
#[derive(Clone)]
pub(super) struct Offered {
    /// Where it is.
    pub(super) place: String,
    /// What it is, or why that cannot be had.
    pub(super) content: Result<OfferedProof>,
}

/// What is said to be a proof, by its form.
#[derive(Clone)]
pub(super) enum OfferedProof {
    /// A bundle.
    Bundle(Vec<u8>),
    /// What stands under a tag.
    Tagged(TaggedProof),
}

impl Offered {
    pub(super) fn file((place, content): OfferedFile) -> Self {
        Self { place, content: Ok(OfferedProof::Bundle(content)) }
    }
}

/// What is offered as a proof of an artifact. Others decide what refers to it and what stands under a tag: what cannot be had
/// or lies about what it is of is none, and keeps no other from being judged.
/// `most` is how large one may be.
pub(super) async fn offered(fetched: &Fetched, most: u64) -> Result<Vec<Offered>> {
    let subject = fetched.artifact.digest();
    let listed = fetched.target.referrers(subject).await?;
    let is_of = |prefix: &'static str| {
        move |descriptor: &&Descriptor| descriptor.artifact_type.as_deref().is_some_and(|kind| kind.starts_with(prefix))
    };
    let bundles: Vec<&Descriptor> = listed.iter().filter(|descriptor| may_be_bundle(descriptor)).collect();
    let under_tags = Box::pin(tagged(&fetched.target, subject)).await?;
    let count = bundles.len() + under_tags.len();
    if count > MAX_OFFERED {
        return Err(Fault::new(Reason::ProofMalformed, format!("there are too many proofs of `{subject}`"))
            .expected(format!("at most {MAX_OFFERED}"), format!("{count}"))
            .hint("name the one that counts with `--bundle FILE`"));
    }
    let (mut offered, mut left) = (Vec::with_capacity(count), MAX_OFFERED_BYTES);
    for descriptor in bundles {
        let found = Box::pin(bundle(&fetched.target, descriptor.artifact_digest(), subject, most.min(left))).await;
        let Some(content) = found.transpose() else { continue };
        left -= content.as_ref().map_or(0, |content| content.len() as u64);
        offered.push(Offered { place: descriptor.digest.to_string(), content: content.map(OfferedProof::Bundle) });
    }
    for Tagged { place, layer } in under_tags {
        let content = match layer {
            Ok(layer) => Box::pin(layer.read(&fetched.target, &place, most, &mut left)).await,
            Err(fault) => Err(fault),
        };
        offered.push(Offered { place, content: content.map(OfferedProof::Tagged) });
    }
    if offered.is_empty()
        && let Some(descriptor) = listed.iter().find(is_of(NOTATION_TYPE))
    {
        offered.push(by_notation(descriptor));
    }
    Ok(offered)
}

fn by_notation(descriptor: &Descriptor) -> Offered {
    let what = "it is a signature of notation, by which nothing is judged here";
    let fault = Fault::new(Reason::ProofUnsupported, format!("`{}` is no proof: {what}", descriptor.digest))
        .expected("a bundle of sigstore", "a signature of notation");
    Offered { place: descriptor.digest.to_string(), content: Err(fault) }
}

/// Whether a list says so, or says nothing: where cosign 2 keeps the list itself, it notes the type of a config that is empty.
fn may_be_bundle(listed: &Descriptor) -> bool {
    listed.artifact_type.as_deref().is_none_or(|kind| kind == EMPTY_MEDIA_TYPE || kind.starts_with(BUNDLE_TYPE))
}

/// The bundle in an artifact that refers to that one; nothing where that is something else, as its manifest says.
async fn bundle(
    target: &Target,
    digest: ArtifactDigest,
    subject: ArtifactDigest,
    most: u64,
) -> Result<Option<Vec<u8>>> {
    let manifest = target.fetch_manifest(Some(digest)).await?;
    let links = Links::read(manifest.bytes())?;
    if links.artifact_type.as_deref().is_none_or(|kind| !kind.starts_with(BUNDLE_TYPE)) {
        return Ok(None);
    }
    let malformed = |what: &str| Fault::new(Reason::ProofMalformed, format!("`{digest}` is no proof: {what}"));
    // The list is the registry's word; what it is about, it has to say itself.
    let about = links.subject.as_ref().map(Descriptor::artifact_digest);
    if about != Some(subject) {
        let about = about.map_or_else(|| "nothing".to_owned(), |about| about.to_string());
        return Err(Fault::new(
            Reason::ProofOtherArtifact,
            format!("`{digest}` is no proof: it refers to another artifact"),
        )
        .expected(subject.to_string(), about));
    }
    let mut bundles = links.blobs.iter().filter(|blob| blob.media_type.starts_with(BUNDLE_TYPE));
    let (Some(blob), None) = (bundles.next(), bundles.next()) else {
        return Err(malformed("it does not hold one bundle").expected(
            format!("one layer of `{BUNDLE_TYPE}…`"),
            shown(&links.blobs.iter().map(|blob| blob.media_type.as_str()).collect::<Vec<_>>().join(", "), 300),
        ));
    };
    if blob.size > most {
        return Err(malformed("its bundle is larger than one may be")
            .expected(format!("at most {most} bytes"), format!("{} bytes", blob.size)));
    }
    Ok(Some(target.fetch_blob_bytes(blob, most).await?.to_vec()))
}
