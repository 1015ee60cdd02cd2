//! The publisher's line: a plugin's directory becomes an artifact in a layout or a registry.
//!
//! The signature is in the tree before it is packed (one more signer of what a registry holds: `resign`), and every
//! function here takes the evidence that the two fit (see `publication`), or that it is meant that there is none.
#![expect(clippy::disallowed_methods, reason = "a layout takes the place of nothing but an empty directory")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use aisoc_files::{DraftDirectory, parent, settle, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{ArtifactDigest, LayerDigest};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::oci::{Descriptor, ImageManifest, MANIFEST_MEDIA_TYPE};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::progress::Act;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_packaging::{Assembled, FoundSecret, PackOptions, PluginDir, assemble, default_threads, foretell};
use aisoc_registry_client::copy::Shipment;
use aisoc_registry_client::layout::{NewArtifact, OnePass};
use aisoc_registry_client::{
    BlobSource, ClientOptions, Fetch as _, Manifest as StoredManifest, Named, ReplaceTag, Tagging as _, Target, copy,
};
use aisoc_signing::Appearance;

use crate::dry_run::{foresee, look_at, require_writable};
use crate::events::{Event, Reporter};
use crate::occupied::require_own;
use crate::publication::{PackageOptions, Publication, PublishableArtifact, read_manifest};
use crate::pushed::Pushed;
use crate::sent::Sent;
use crate::signature_look::SignatureLook;

/// How the names of layouts begin that are made beside their place.
const DRAFTS: &str = ".aisoc-package-";

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

/// A packed plugin.
#[derive(Debug)]
pub struct Packaged {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: String,
    /// Digest of the artifact's manifest.
    pub digest: ArtifactDigest,
    /// Digest of the layer.
    pub layer_digest: LayerDigest,
    /// Compressed size of the layer in bytes.
    pub layer_size: u64,
    /// How many files it holds.
    pub files: usize,
    /// Their size in bytes.
    pub unpacked_size: u64,
    /// What is known of its signature.
    pub signature: SignatureLook,
    /// What was left out: excluded by rule or by `.aisocignore`.
    pub excluded: Vec<String>,
    /// How many `*.py` files were packed although they lie in an excluded directory, because a
    /// signature covers every one.
    pub python_in_excluded: usize,
    /// What looks like a secret and was packed because its path was allowed.
    pub allowed_secrets: Vec<FoundSecret>,
}

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
        require_own(out, &publication.manifest.id, tag.as_ref()).await?;
    }
    if options.dry_run.is_on() {
        require_writable(out, holds_something(&out.path))?;
        return pack_to(&publication, options, std::io::sink()).map(|(_, summary)| summary);
    }
    // Also when nothing is to be made beside it: a killed run may have left a whole layout there.
    sweep(parent(&out.path), DRAFTS);
    if out.form == LayoutForm::Directory && !holds_something(&out.path) {
        return package_beside(&publication, out, tag.as_ref(), options, reporter).await;
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
    let present = prove(&target, &options.limits.cancellation).await?;
    reporter.event(&Event::Packing { directory });
    let plugin = PluginDir::open_knowing(directory, &options.secrets, default_threads(), &options.limits)?;
    let manifest = read_manifest(&plugin)?;
    let foretold = foretell(&plugin, &manifest, &options.pack())?;
    let look = SignatureLook::of_appearance(&Appearance::of(&plugin.claim())?);
    let packed = summary(&plugin, &manifest, &foretold, look);
    if packed.digest == present {
        return Ok(packed);
    }
    Err(Fault::new(
        Reason::NotReproducible,
        format!("`{}` is not what `{}` packs to", out.path.display(), directory.display()),
    )
    .expected(packed.digest.to_string(), present.to_string()))
}

/// Reads every byte of the artifact that a target names, and gives its digest.
async fn prove(target: &Target, cancellation: &Cancellation) -> Result<ArtifactDigest> {
    let Named { manifest, .. } = Named::fetch(target, None, &PlatformChoice::None).await?;
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
    Ok(manifest.digest())
}

/// Packs a directory that may be published, and pushes it.
///
/// # Errors
/// As [`package`] and [`push`].
pub async fn publish(
    publication: Publication,
    destination: &Reference,
    package_options: &PackageOptions,
    options: &PushOptions,
    reporter: &dyn Reporter,
) -> Result<(Packaged, Pushed)> {
    if options.dry_run.is_on() {
        return foresee_publish(&publication, destination, package_options, options).await;
    }
    let packed = pack(&publication, package_options)?;
    let target = Target::create(destination, &options.client)?;
    check_destination(&target, destination, packed.summary.digest, options.replace_tag).await?;
    reporter.event(&Event::Pushing { destination });
    let pushed = packed.ship_to(&target, destination.tag(), options.replace_tag, reporter).await?;
    Ok((packed.summary, pushed))
}

/// Copies an artifact that may be pushed: blobs first, then the manifest, which is read back, then the tag. Every
/// blob is hashed on its way, so what arrives is what was judged.
///
/// # Errors
/// `tag_exists` when the tag names another digest; what either side refuses.
pub async fn push(
    artifact: PublishableArtifact,
    destination: &Reference,
    options: &PushOptions,
    reporter: &dyn Reporter,
) -> Result<(SignatureLook, Pushed)> {
    if options.dry_run.is_on() {
        return foresee_push(&artifact, destination, options).await;
    }
    let PublishableArtifact { from, digest, signature, .. } = artifact;
    let target = Target::create(destination, &options.client)?;
    check_destination(&target, destination, digest, options.replace_tag).await?;
    reporter.event(&Event::Pushing { destination });
    let sent = Sent::to(&target);
    copy::copy(&from, &target, digest, destination.tag(), options.replace_tag, &|step| sent.note(&step, reporter))
        .await?;
    Ok((signature, sent.pushed(digest)))
}

/// As [`publish`], and sends nothing. The layer is hashed and not kept, in a file without a name as little as elsewhere.
async fn foresee_publish(
    publication: &Publication,
    destination: &Reference,
    package_options: &PackageOptions,
    options: &PushOptions,
) -> Result<(Packaged, Pushed)> {
    let (assembled, summary) = pack_to(publication, package_options, std::io::sink())?;
    let blobs = [&assembled.config_descriptor, &assembled.layer];
    let pushed = foresee_at(destination, summary.digest, &blobs, options).await?;
    Ok((summary, pushed))
}

/// As [`push`], and sends nothing.
async fn foresee_push(
    artifact: &PublishableArtifact,
    destination: &Reference,
    options: &PushOptions,
) -> Result<(SignatureLook, Pushed)> {
    let manifest = artifact.from.fetch_manifest(Some(artifact.digest)).await?;
    let document = ImageManifest::read(manifest.bytes())?;
    let blobs: Vec<_> = std::iter::once(&document.config).chain(&document.layers).collect();
    let pushed = foresee_at(destination, artifact.digest, &blobs, options).await?;
    Ok((artifact.signature, pushed))
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

/// Refuses before anything is sent: a digest that is not this one, a tag that names another.
pub(crate) async fn check_destination(
    target: &Target,
    destination: &Reference,
    digest: ArtifactDigest,
    replace: ReplaceTag,
) -> Result<()> {
    check_digest(destination, digest)?;
    match destination.tag().filter(|_| replace == ReplaceTag::No) {
        Some(tag) => replace.check(tag, target.tag_digest(tag, digest.algorithm()).await?, digest),
        None => Ok(()),
    }
}

pub(crate) fn check_digest(destination: &Reference, digest: ArtifactDigest) -> Result<()> {
    match destination.digest().filter(|named| *named != digest) {
        Some(named) => Err(Fault::new(Reason::DigestMismatch, format!("`{destination}` names another artifact"))
            .expected(named.to_string(), digest.to_string())),
        None => Ok(()),
    }
}

/// A packed directory with its bytes in a temporary place.
struct Packed {
    assembled: Assembled,
    /// The layer. The file has no name, so nothing stays of it, however the process ends.
    layer: Arc<File>,
    summary: Packaged,
}

impl PackageOptions {
    fn pack(&self) -> PackOptions {
        PackOptions { threads: self.threads, mtime: self.mtime }
    }
}

fn pack(publication: &Publication, options: &PackageOptions) -> Result<Packed> {
    let failed = |error| Fault::io("write a layer in", &tempfile::env::temp_dir(), error);
    let layer = tempfile::tempfile().map_err(failed)?;
    let (assembled, summary) = pack_to(publication, options, &layer)?;
    Ok(Packed { assembled, layer: Arc::new(layer), summary })
}

fn pack_to(publication: &Publication, options: &PackageOptions, out: impl Write) -> Result<(Assembled, Packaged)> {
    let Publication { plugin, manifest, publishable } = publication;
    let assembled = assemble(plugin, publishable, manifest, &options.pack(), out)?;
    let summary = summary(plugin, manifest, &assembled, SignatureLook::of(publishable));
    Ok((assembled, summary))
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

fn summary(plugin: &PluginDir, manifest: &Manifest, assembled: &Assembled, signature: SignatureLook) -> Packaged {
    Packaged {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        digest: ArtifactDigest::of(&assembled.manifest),
        layer_digest: assembled.layer.layer_digest(),
        layer_size: assembled.layer.size,
        files: plugin.files().len(),
        unpacked_size: plugin.files().total_bytes(),
        signature,
        excluded: plugin.excluded().to_vec(),
        python_in_excluded: python_in_excluded(plugin),
        allowed_secrets: plugin.allowed_secrets().to_vec(),
    }
}

fn python_in_excluded(plugin: &PluginDir) -> usize {
    let directories: Vec<&String> = plugin.excluded().iter().filter(|entry| entry.ends_with('/')).collect();
    plugin
        .files()
        .iter()
        .filter(|(path, _)| directories.iter().any(|entry| path.as_str().starts_with(entry.as_str())))
        .count()
}

impl Packed {
    async fn ship_to(
        &self,
        target: &Target,
        tag: Option<&Tag>,
        replace: ReplaceTag,
        reporter: &dyn Reporter,
    ) -> Result<Pushed> {
        let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, self.assembled.manifest.clone());
        let layer = BlobSource::File { file: Arc::clone(&self.layer), offset: 0 };
        let blobs = [
            (self.assembled.config_descriptor.clone(), BlobSource::Bytes(self.assembled.config.clone().into())),
            (self.assembled.layer.clone(), layer),
        ];
        let sent = Sent::to(target);
        let shipment = Shipment { manifest: &manifest, blobs: &blobs, tag, replace };
        copy::push(target, &shipment, &|step| sent.note(&step, reporter)).await?;
        Ok(sent.pushed(self.summary.digest))
    }
}

/// Whether there is something that stays: a layout directory to add to, or what is none and is refused.
fn holds_something(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        // A file; an empty one is a place that was made for an archive.
        Err(_) => std::fs::metadata(path).is_ok_and(|found| found.len() > 0),
    }
}

/// The whole layout beside its place, then one rename: a full disk or a kill leaves no half of it.
async fn package_beside(
    publication: &Publication,
    out: &LayoutReference,
    tag: Option<&Tag>,
    options: &PackageOptions,
    reporter: &dyn Reporter,
) -> Result<Packaged> {
    let fail = |error| Fault::io("write", &out.path, error);
    let parent = parent(&out.path);
    std::fs::create_dir_all(parent).map_err(fail)?;
    let beside = DraftDirectory::create(parent, DRAFTS, 0o777).map_err(fail)?;
    let staged = LayoutReference { path: beside.path().join("layout"), ..out.clone() };
    let packaged = package_into(publication, &staged, tag, options)?;
    options.limits.cancellation.check()?;
    match std::fs::rename(&staged.path, &out.path) {
        // Somebody else has begun a layout there meanwhile: add to it.
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            let client =
                ClientOptions { cancellation: options.limits.cancellation.clone(), ..ClientOptions::default() };
            let from = Target::open(&Reference::Layout(staged), &client)?;
            let target = Target::create(&Reference::Layout(out.clone()), &client)?;
            let sent = Sent::to(&target);
            copy::copy(&from, &target, packaged.digest, tag, ReplaceTag::Yes, &|step| sent.note(&step, reporter))
                .await?;
            return Ok(packaged);
        }
        renamed => renamed.map_err(fail)?,
    }
    settle(&out.path).map_err(fail)?;
    Ok(packaged)
}
