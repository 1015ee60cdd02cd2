//! The publisher's line: a plugin's directory becomes an artifact in a layout or a registry.
//!
//! The signature is in the tree before it is packed (one more signer of what a registry holds: `resign`), and every
//! function here takes the evidence that the two fit (see `publication`), or that it is meant that there is none.

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::copy::Shipment;
use aisoc_registry_client::{ClientOptions, ReplaceTag, Target, copy};

use crate::copying::push_artifact;
use crate::destination::{check_destination, check_digest};
use crate::dry_run::{foresee, look_at};
use crate::events::{Event, Reporter};
use crate::packaged::Packaged;
use crate::packed::{artifact_of, pack, pack_to};
use crate::publication::{PackageOptions, Publication};
use crate::publishable::PublishableArtifact;
use crate::pushed::Pushed;
use crate::sent::Sent;
use crate::signature_look::SignatureLook;

/// How an artifact is pushed.
#[derive(Debug)]
pub struct PushOptions {
    /// What to do about a tag that names another digest.
    pub replace_tag: ReplaceTag,
    /// How to reach registries.
    pub client: ClientOptions,
    /// Whether anything is sent.
    pub dry_run: DryRun,
}

/// What was packed and pushed.
#[derive(Debug)]
pub struct Published {
    /// What was packed, as numbers and names.
    pub packaged: Packaged,
    /// What was sent.
    pub pushed: Pushed,
    /// The artifact, as whoever fetches it reads it.
    pub artifact: Artifact,
}

/// Packs a directory that may be published, and pushes it.
///
/// # Errors
/// As [`crate::package`] and [`push`].
pub async fn publish(
    publication: Publication,
    destination: &Reference,
    package_options: &PackageOptions,
    options: &PushOptions,
    reporter: &dyn Reporter,
) -> Result<Published> {
    if options.dry_run.is_on() {
        return foresee_publish(&publication, destination, package_options, options).await;
    }
    let packed = pack(&publication, package_options)?;
    let artifact = packed.artifact()?;
    let target = Target::create(destination, &options.client)?;
    check_destination(&target, destination, packed.summary.digest, options.replace_tag).await?;
    reporter.event(&Event::Pushing { destination });
    let (manifest, blobs) = packed.to_store();
    let sent = Sent::to(&target);
    let shipment =
        Shipment { manifest: &manifest, blobs: &blobs, tag: destination.tag(), replace: options.replace_tag };
    copy::push(&target, &shipment, &|step| sent.note(&step, reporter)).await?;
    Ok(Published { packaged: packed.summary, pushed: sent.pushed(manifest.digest()), artifact })
}

/// Copies an artifact that may be pushed: blobs first, then the manifest, which is read back, then the tag; of an index
/// every manifest that it lists before the index. Every blob is hashed on its way, so what arrives is what was judged.
///
/// # Errors
/// `tag_exists` when the tag names another digest; what either side refuses.
pub async fn push(
    artifact: PublishableArtifact,
    destination: &Reference,
    options: &PushOptions,
    reporter: &dyn Reporter,
) -> Result<(SignatureLook, Pushed)> {
    let PublishableArtifact { from, digest, signature, .. } = artifact;
    let how = (options.replace_tag, options.dry_run, &options.client);
    let pushed = push_artifact(&from, digest, destination, how, reporter).await?;
    Ok((signature, pushed))
}

/// As [`publish`], and sends nothing. The layer is hashed and not kept, in a file without a name as little as elsewhere.
async fn foresee_publish(
    publication: &Publication,
    destination: &Reference,
    package_options: &PackageOptions,
    options: &PushOptions,
) -> Result<Published> {
    let (assembled, packaged) = pack_to(publication, package_options, std::io::sink())?;
    let blobs = [&assembled.config_descriptor, &assembled.layer];
    let pushed = foresee_at(destination, packaged.digest, &blobs, options).await?;
    Ok(Published { packaged, pushed, artifact: artifact_of(&assembled)? })
}

async fn foresee_at(
    destination: &Reference,
    artifact: ArtifactDigest,
    blobs: &[&Descriptor],
    options: &PushOptions,
) -> Result<Pushed> {
    let target = look_at(destination, &options.client)?;
    check_digest(destination, artifact)?;
    if let Some(target) = &target {
        check_destination(target, destination, artifact, options.replace_tag).await?;
    }
    foresee(target.as_ref(), artifact, blobs, destination.tag()).await
}
