//! `package`: a plugin's directory becomes an artifact in a layout on this machine.

use std::fmt::Display;
use std::path::Path;

use aisoc_files::{parent, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{ImageManifest, MANIFEST_MEDIA_TYPE};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::progress::Act;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_packaging::{PluginDir, default_threads, foretell};
use aisoc_registry_client::layout::{NewArtifact, OnePass};
use aisoc_registry_client::{ClientOptions, Fetch as _, Manifest as StoredManifest, Named, Target};
use aisoc_signing::Appearance;

use crate::dry_run::require_writable;
use crate::events::{Event, Reporter};
use crate::occupied::{Kind, require_own};
use crate::packaged::Packaged;
use crate::packed::pack_to;
use crate::publication::{PackageOptions, Publication, read_manifest};
use crate::put_beside::{DRAFTS, holds_something, put_beside};
use crate::signature_look::SignatureLook;

/// Packs a directory that may be published into an OCI layout. An archive is replaced as a whole; a layout
/// directory keeps the artifacts that it has.
///
/// # Errors
/// `manifest_*`, `forbidden_entry`, I/O reasons.
pub async fn package(
    publication: Publication,
    out: &LayoutReference,
    options: &PackageOptions,
    reporter: &dyn Reporter,
) -> Result<Packaged> {
    // In a layout of its own an artifact is found without a tag too.
    let tag = out.tag.clone().or_else(|| Tag::of_version(&publication.manifest.version).ok());
    if holds_something(&out.path) {
        require_own(out, (&publication.manifest.id, Kind::Artifact), tag.as_ref()).await?;
    }
    if options.dry_run.is_on() {
        require_writable(out, holds_something(&out.path))?;
        return pack_to(&publication, options, std::io::sink()).map(|(_, summary)| summary);
    }
    // Also when nothing is to be made beside it: a killed run may have left a whole layout there.
    sweep(parent(&out.path), DRAFTS);
    if out.form == LayoutForm::Directory && !holds_something(&out.path) {
        let write = async |staged: &LayoutReference| {
            let packaged = package_into(&publication, staged, tag.as_ref(), options)?;
            Ok((packaged.digest, packaged))
        };
        return put_beside(out, tag.as_ref(), &options.limits.cancellation, write, reporter).await;
    }
    package_into(&publication, out, tag.as_ref(), options)
}

/// Packs a directory again and compares with what `out` holds. No evidence is asked for, because nothing of what
/// is packed is kept.
///
/// # Errors
/// `not_reproducible`, naming both digests.
pub async fn check_package(
    directory: &Path,
    out: &LayoutReference,
    options: &PackageOptions,
    reporter: &dyn Reporter,
) -> Result<Packaged> {
    let target = Target::open(&Reference::Layout(out.clone()), &ClientOptions::default())?;
    let Named { manifest: stored, .. } = Named::fetch(&target, None, &PlatformChoice::None).await?;
    prove(&target, &stored, &options.limits.cancellation).await?;
    let present = stored.digest();
    reporter.event(&Event::Packing { directory });
    let plugin = PluginDir::open_knowing(directory, &options.secrets, default_threads(), &options.limits)?;
    let manifest = read_manifest(&plugin)?;
    let foretold = foretell(&plugin, &manifest, &options.pack())?;
    let look = SignatureLook::of_appearance(&Appearance::of(&plugin.claim())?);
    let packed = Packaged::of(&plugin, &manifest, &foretold, look);
    if packed.digest == present {
        return Ok(packed);
    }
    Err(not_reproducible(out, &directory.display(), packed.digest, present))
}

/// Reads every byte of what a manifest names.
pub(crate) async fn prove(target: &Target, manifest: &StoredManifest, cancellation: &Cancellation) -> Result<()> {
    let document = ImageManifest::read(manifest.bytes())?;
    let blobs = || document.layers.iter().chain([&document.config]);
    let total = blobs().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
    let _reading = cancellation.begin(Act::Reading, total);
    for descriptor in blobs() {
        let mut blob = target.fetch_blob(descriptor).await?.verified();
        while let Some(chunk) = blob.next_chunk().await? {
            cancellation.advance(chunk.len() as u64);
        }
    }
    Ok(())
}

/// Packs where the layer stays: nothing of it is written twice.
fn package_into(
    publication: &Publication,
    out: &LayoutReference,
    tag: Option<&Tag>,
    options: &PackageOptions,
) -> Result<Packaged> {
    let mut layout = OnePass::begin(out, &options.limits.cancellation)?;
    let (assembled, summary) = pack_to(publication, options, &mut layout)?;
    let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, assembled.manifest);
    layout.finish(&NewArtifact { manifest: &manifest, config: &assembled.config, layer: &assembled.layer, tag })?;
    Ok(summary)
}

/// What a layout holds is not what its sources pack to.
pub(crate) fn not_reproducible(
    out: &LayoutReference,
    sources: &dyn Display,
    packed: ArtifactDigest,
    present: ArtifactDigest,
) -> Fault {
    Fault::new(Reason::NotReproducible, format!("`{}` is not what `{sources}` packs to", out.path.display()))
        .expected(packed.to_string(), present.to_string())
}
