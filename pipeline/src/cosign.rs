//! `cosign`: a signature over a published artifact, put where cosign looks for one: as a bundle that refers to the artifact,
//! for its third version, and under a tag that is made of the artifact's digest, for all before it.
//!
//! A tag is resolved once, and what is signed names the digest. Both are signed before either is sent.

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, read_hex};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_registry_client::{
    BlobSource, ClientOptions, Fetch as _, Manifest as StoredManifest, ReplaceTag, Tagging as _, Target,
};
use aisoc_signing::proof::{
    ArtifactSigner, COSIGN_PREDICATE_TYPE, COSIGN_SIGNATURE, CosignSignature, SIMPLE_SIGNING_MEDIA_TYPE,
};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use crate::attest::{Outgoing, name_of};
use crate::dry_run::look_at;
use crate::events::{Event, Reporter};
use crate::fetch::fetch;
use crate::proofs::{TagKind, tag_of};
use crate::pushed::Pushed;

/// The type of the config that cosign writes beside signatures.
const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// The time that nothing was made at: a signature is the same whenever it is made.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// In which forms an artifact is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosignForms {
    /// In both.
    Both,
    /// As a bundle that refers to the artifact.
    Bundle,
    /// Under the tag that is made of its digest. Every cosign reads it; one that finds a bundle looks at nothing else.
    Tag,
}

/// How a signature gets to an artifact.
#[derive(Debug)]
pub struct CosignOptions {
    /// In which forms.
    pub forms: CosignForms,
    /// How to reach registries.
    pub client: ClientOptions,
    /// Whether anything is sent.
    pub dry_run: DryRun,
}

/// An artifact that cosign finds signed now.
#[derive(Debug)]
pub struct Cosigned {
    /// What was signed.
    pub artifact: ArtifactDigest,
    /// Fingerprint of the key.
    pub signer: String,
    /// The manifest that refers to the artifact, and what was sent for it.
    pub bundle: Option<Pushed>,
    /// The tag of the older form, what it names, and what was sent for it.
    pub tagged: Option<(Tag, Pushed)>,
}

impl Cosigned {
    /// What was sent, by form.
    pub fn pushed(&self) -> impl Iterator<Item = &Pushed> {
        self.bundle.iter().chain(self.tagged.iter().map(|(_, pushed)| pushed))
    }
}

/// Signs the artifact that a reference names, and puts the signature beside it. The key is gone before anything is sent.
///
/// # Errors
/// Every refusal of fetching a manifest; `proof_unsupported` for an artifact that is named by another digest than SHA-256;
/// those of the signer; `tag_exists` where somebody else has signed meanwhile; what the place refuses.
pub fn cosign<'a>(
    source: &'a Reference,
    signer: ArtifactSigner,
    options: &'a CosignOptions,
    reporter: &'a dyn Reporter,
) -> LocalBoxFuture<'a, Result<Cosigned>> {
    Box::pin(async move {
        reporter.event(&Event::Resolving { reference: source });
        let fetched = fetch(source, None, &options.client, reporter).await?;
        let artifact = &fetched.artifact;
        let (tag, sha256) = named(artifact.digest())?;
        let place = match options.dry_run.is_on() {
            true => look_at(source, &options.client)?,
            false => Some(Target::create(source, &options.client)?),
        };
        let signature = CosignSignature::make(&called(source, artifact), sha256, &signer)?;
        let mut done =
            Cosigned { artifact: artifact.digest(), signer: signer.fingerprint()?, bundle: None, tagged: None };
        drop(signer);
        let under = match options.forms {
            CosignForms::Bundle => None,
            CosignForms::Both | CosignForms::Tag => Some(beside(place.as_ref(), &tag, &signature).await?),
        };
        if options.forms != CosignForms::Tag {
            let outgoing = Outgoing::bundle(artifact, COSIGN_PREDICATE_TYPE, signature.bundle.into());
            done.bundle = Some(outgoing.ship(place.as_ref(), source, options.dry_run, reporter).await?);
        }
        if let Some(under) = under {
            let pushed = match under {
                Under::There(digest) => Pushed::nothing(digest),
                Under::New(outgoing) => {
                    let shipped = outgoing.ship(place.as_ref(), source, options.dry_run, reporter).await;
                    shipped.map_err(|fault| match &done.bundle {
                        Some(bundle) => fault.although(format!("the bundle `{}` refers to it", bundle.digest)),
                        None => fault,
                    })?
                }
            };
            done.tagged = Some((tag, pushed));
        }
        Ok(done)
    })
}

/// The tag of the older form, and what is signed.
fn named(artifact: ArtifactDigest) -> Result<(Tag, [u8; 32])> {
    let digest = artifact.blob();
    let sha256 = (artifact.algorithm() == Algorithm::Sha256).then(|| read_hex(&digest.hex())).flatten();
    tag_of(artifact, TagKind::Signatures).zip(sha256).ok_or_else(|| {
        Fault::new(Reason::ProofUnsupported, format!("cosign finds no signature of `{artifact}`"))
            .expected("an artifact that is named by its SHA-256", artifact.algorithm().to_string())
            .hint("attest it instead: `aisoc plugin attest` signs what is named by SHA-512 as well")
    })
}

/// What the artifact is called where it is signed: its repository, as cosign has it. In a layout it has none.
fn called(source: &Reference, artifact: &Artifact) -> String {
    source.repository().unwrap_or_else(|| name_of(artifact).to_owned())
}

/// What is to stand under the tag.
enum Under {
    /// What stands there.
    There(ArtifactDigest),
    /// That, and one signature more.
    New(Box<Outgoing>),
}

/// Signatures of others stay, in their order.
async fn beside(place: Option<&Target>, tag: &Tag, signature: &CosignSignature) -> Result<Under> {
    let payload = Bytes::from(signature.payload.clone());
    let annotations = Annotations::from([(COSIGN_SIGNATURE.to_owned(), signature.payload_signature.clone())]);
    let layer = Descriptor { annotations, ..Descriptor::of(SIMPLE_SIGNING_MEDIA_TYPE, &payload) };
    let (mut document, replace) = match there(place, tag).await? {
        Some((digest, document)) if document.layers.contains(&layer) => return Ok(Under::There(digest)),
        Some((digest, document)) => (document, ReplaceTag::Only(digest)),
        None => (without_signatures(), ReplaceTag::No),
    };
    document.layers.push(layer.clone());
    let config = Bytes::from(config_of(&document.layers).to_string());
    document.config = Descriptor::of(CONFIG_MEDIA_TYPE, &config);
    let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
    let blobs = [(document.config, BlobSource::Bytes(config)), (layer, BlobSource::Bytes(payload))];
    Ok(Under::New(Box::new(Outgoing { manifest, blobs, tag: Some((tag.clone(), replace)) })))
}

async fn there(place: Option<&Target>, tag: &Tag) -> Result<Option<(ArtifactDigest, ImageManifest)>> {
    let Some(place) = place else { return Ok(None) };
    let Some(digest) = place.tag_digest(tag, Algorithm::Sha256).await? else { return Ok(None) };
    let manifest = place.fetch_manifest(Some(digest)).await?;
    Ok(Some((digest, ImageManifest::read(manifest.bytes())?)))
}

fn without_signatures() -> ImageManifest {
    ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: None,
        config: Descriptor::of(CONFIG_MEDIA_TYPE, b""),
        layers: Vec::new(),
        subject: None,
        annotations: Annotations::new(),
    }
}

/// The config of an image that has those layers, as readers of images want one.
fn config_of(layers: &[Descriptor]) -> Value {
    let names: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    json!({
        "architecture": "",
        "config": {},
        "created": NO_TIME,
        "history": vec![json!({"created": NO_TIME}); layers.len()],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": names},
    })
}
