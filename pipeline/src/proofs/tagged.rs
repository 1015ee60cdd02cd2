//! What cosign has attached under a tag that is made of the artifact's digest: signatures under one, statements under
//! another, each a layer of the manifest that stands there.

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::{Annotations, Descriptor};
use aisoc_manifests::reference::Tag;
use aisoc_registry_client::{Fetch as _, Tagging as _, Target};
use aisoc_signing::proof::{MAX_SIMPLE_SIGNING_BYTES, SIMPLE_SIGNING_MEDIA_TYPE, TaggedLayer, TaggedSignature};

/// What stands under such a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagKind {
    /// Signatures.
    Signatures,
    /// Statements.
    Attestations,
}

impl TagKind {
    pub(crate) const ALL: [Self; 2] = [Self::Signatures, Self::Attestations];

    const fn ending(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
        }
    }
}

/// The tag under which cosign looks for that; the longer digests make no tag, and so does nobody of them.
pub(crate) fn tag_of(subject: ArtifactDigest, kind: TagKind) -> Option<Tag> {
    let stem = subject.to_string().replacen(':', "-", 1);
    format!("{stem}.{}", kind.ending()).parse().ok()
}

/// The tags of an artifact that are there, with what they lead to.
///
/// # Errors
/// What the place refuses: that it has no such tag is no error.
async fn tags_of(target: &Target, subject: ArtifactDigest) -> Result<Vec<(Tag, ArtifactDigest)>> {
    let mut found = Vec::new();
    for tag in TagKind::ALL.into_iter().filter_map(|kind| tag_of(subject, kind)) {
        found.extend(target.tag_digest(&tag, Algorithm::Sha256).await?.map(|digest| (tag, digest)));
    }
    Ok(found)
}

/// As [`tags_of`], of an artifact and of all that it lists: what stands there refers to them by its name alone, and comes
/// along where what refers to them does.
///
/// # Errors
/// As [`tags_of`].
pub(crate) async fn tags_of_all(target: &Target, root: ArtifactDigest) -> Result<Vec<(Tag, ArtifactDigest)>> {
    let manifest = target.fetch_manifest(Some(root)).await?;
    let listed = Links::read(manifest.bytes())?.manifests;
    let mut found = Vec::new();
    for artifact in std::iter::once(root).chain(listed.iter().map(Descriptor::artifact_digest)) {
        found.extend(tags_of(target, artifact).await?);
    }
    Ok(found)
}

/// One thing under a tag, or why the tag leads to none.
pub(super) struct Tagged {
    pub(super) place: String,
    pub(super) layer: Result<Layer>,
}

/// A layer that is said to be a signature or a statement.
pub(super) struct Layer(Descriptor);

/// All that stands under the tags of an artifact.
///
/// # Errors
/// As [`tags_of`].
pub(super) async fn tagged(target: &Target, subject: ArtifactDigest) -> Result<Vec<Tagged>> {
    let mut found = Vec::new();
    for (tag, digest) in tags_of(target, subject).await? {
        match layers(target, digest).await {
            Ok(layers) => found.extend(layers.into_iter().enumerate().map(|(index, layer)| {
                let place = format!("{tag}#{}", index + 1);
                Tagged { place, layer: Ok(Layer(layer)) }
            })),
            Err(fault) => found.push(Tagged { place: tag.to_string(), layer: Err(fault) }),
        }
    }
    Ok(found)
}

/// What a manifest lists behind its config.
async fn layers(target: &Target, digest: ArtifactDigest) -> Result<Vec<Descriptor>> {
    let manifest = target.fetch_manifest(Some(digest)).await?;
    let links = Links::read(manifest.bytes())?;
    Ok(links.blobs.into_iter().skip(1).collect())
}

impl Layer {
    /// What is in it, of at most so many bytes; they are taken off what is left.
    pub(super) async fn read(self, target: &Target, place: &str, most: u64, left: &mut u64) -> Result<TaggedProof> {
        let Self(layer) = self;
        let most = match layer.media_type.as_str() {
            SIMPLE_SIGNING_MEDIA_TYPE => MAX_SIMPLE_SIGNING_BYTES,
            _ => most,
        };
        let most = most.min(*left);
        if layer.size > most {
            let what = format!("`{place}` is no proof: it is larger than one may be");
            return Err(Fault::new(Reason::ProofMalformed, what)
                .expected(format!("at most {most} bytes"), format!("{} bytes", layer.size)));
        }
        let content = target.fetch_blob_bytes(&layer, most).await?;
        *left -= content.len() as u64;
        let Descriptor { media_type, annotations, .. } = layer;
        TaggedProof { media_type, annotations, content: content.to_vec() }.understood(place)
    }
}

/// A layer under a tag, as it was there.
#[derive(Clone)]
pub(super) struct TaggedProof {
    pub(super) media_type: String,
    pub(super) annotations: Annotations,
    pub(super) content: Vec<u8>,
}

impl TaggedProof {
    /// The same, if it can be read as what it says that it is.
    fn understood(self, place: &str) -> Result<Self> {
        self.read(place).map(|_| self)
    }

    /// What it says.
    ///
    /// # Errors
    /// As [`TaggedSignature::read`].
    pub(super) fn read(&self, place: &str) -> Result<TaggedSignature> {
        let Self { media_type, annotations, content } = self;
        TaggedSignature::read(place, &TaggedLayer { media_type, annotations, content })
    }
}
