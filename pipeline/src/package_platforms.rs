//! A plugin's builds for several platforms become one image index, under one tag.
//!
//! All of them in one go: so the index has the same digest whatever order they are named in, and no run finds half of it.
//! Each has the signature of its own files, and is judged by that alone.

use aisoc_files::{parent, shell_word, sweep};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::oci::{Descriptor, INDEX_MEDIA_TYPE, ImageIndex, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_packaging::{PluginDir, default_threads, foretell};
use aisoc_registry_client::copy::{self, Shipment, Step};
use aisoc_registry_client::graph::push_part;
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Manifest as StoredManifest, ReplaceTag, Target};
use aisoc_signing::Appearance;

use crate::dry_run::require_writable;
use crate::events::{Event, Reporter};
use crate::fetch::{Fetched, fetch};
use crate::occupied::{Kind, require_own};
use crate::package::{not_reproducible, prove};
use crate::packaged::Packaged;
use crate::packed::{pack, pack_to};
use crate::platforms::{OnePlugin, require_few_platforms};
use crate::publication::{PackageOptions, Publication, SignatureRule, read_manifest};
use crate::publishable::read_artifact;
use crate::put_beside::{DRAFTS, holds_something, put_beside};
use crate::sent::Sent;
use crate::signature_look::SignatureLook;
use crate::source::Source;

/// What is installed on one platform.
#[derive(Debug)]
pub struct Build {
    /// The platform.
    pub platform: PlatformName,
    /// A plugin's directory, or what is packed already: a layout or an archive on this machine. Of an index there the
    /// artifact for the same platform is taken.
    pub source: Source,
}

/// An index that was packed.
#[derive(Debug)]
pub struct PackagedPlatforms {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: String,
    /// Digest of the index.
    pub digest: ArtifactDigest,
    /// What is known of all signatures.
    pub signature: SignatureLook,
    /// The artifact for each platform, sorted by that.
    pub builds: Vec<(PlatformName, Packaged)>,
}

/// A build that may be published.
enum Read {
    Directory(Box<Publication>),
    Artifact(Box<(Fetched, Packaged)>),
}

/// Packs builds that may be published into an index in an OCI layout. An archive is replaced as a whole; a layout
/// directory keeps the artifacts that it has.
///
/// # Errors
/// `usage` for a platform that is named twice, and for a source in a registry; `not_a_plugin_artifact` for builds that
/// are not one plugin in one version, or are more than there may be; `tag_exists` where the tag names another plugin, or
/// an artifact for no platform; each as [`crate::package`] and [`crate::PublishableArtifact::of`].
pub async fn package_platforms(
    builds: &[Build],
    out: &LayoutReference,
    (options, rule): (&PackageOptions, &SignatureRule),
    reporter: &dyn Reporter,
) -> Result<PackagedPlatforms> {
    let builds = sorted(builds)?;
    let (mut plugin, mut read) = (OnePlugin::default(), Vec::with_capacity(builds.len()));
    for build in builds {
        options.limits.cancellation.check()?;
        let found = build.read(options, rule, reporter).await?;
        let (id, version, signature) = found.stated();
        plugin.add((id, version), signature).map_err(|fault| fault.about(build.shown()))?;
        read.push((build.platform.clone(), found));
    }
    let ((id, version), signature) = plugin.known()?;
    let tag = out.tag.clone().or_else(|| Tag::of_version(&version).ok());
    let is_there = holds_something(&out.path);
    if is_there {
        require_own(out, (&id, Kind::Platforms), tag.as_ref()).await?;
    }
    let work = Work { read, id: &id, version: &version, tag: tag.as_ref(), options, reporter };
    let (digest, builds) = if options.dry_run.is_on() {
        require_writable(out, is_there)?;
        work.foresee()?
    } else {
        // Also when nothing is to be made beside it: a killed run may have left a whole layout there.
        sweep(parent(&out.path), DRAFTS);
        match is_there && out.form == LayoutForm::Directory {
            true => work.write(out).await?,
            false => {
                let write = async |staged: &LayoutReference| {
                    let (digest, builds) = work.write(staged).await?;
                    Ok((digest, (digest, builds)))
                };
                put_beside(out, tag.as_ref(), &options.limits.cancellation, write, reporter).await?
            }
        }
    };
    Ok(PackagedPlatforms { id, version, digest, signature, builds })
}

/// Packs the builds again and compares with what `out` holds. No evidence is asked for, because nothing of what is packed
/// is kept.
///
/// # Errors
/// `not_reproducible`, naming both digests; as [`package_platforms`].
pub async fn check_platforms(
    builds: &[Build],
    out: &LayoutReference,
    options: &PackageOptions,
    reporter: &dyn Reporter,
) -> Result<PackagedPlatforms> {
    let target = Target::open(&Reference::Layout(out.clone()), &ClientOptions::default())?;
    let present = target.fetch_manifest(out.digest).await?;
    let (mut plugin, mut packed) = (OnePlugin::default(), Vec::new());
    for build in sorted(builds)? {
        let (descriptor, packaged) = build.foretold(options, reporter).await?;
        plugin
            .add((&packaged.id, &packaged.version), packaged.signature)
            .map_err(|fault| fault.about(build.shown()))?;
        packed.push((build.platform.clone(), descriptor, packaged));
    }
    let ((id, version), signature) = plugin.known()?;
    let listed = packed.iter().map(|(platform, descriptor, _)| (platform.clone(), descriptor.clone()));
    let digest = ArtifactDigest::of(&to_bytes(&ImageIndex::of_platforms(listed, (id.as_str(), &version))));
    if digest != present.digest() {
        let sources: Vec<String> = builds.iter().map(Build::shown).collect();
        return Err(not_reproducible(out, &sources.join("`, `"), digest, present.digest()));
    }
    for (_, descriptor, _) in &packed {
        let stored = target.fetch_manifest(Some(descriptor.artifact_digest())).await?;
        prove(&target, &stored, &options.limits.cancellation).await?;
    }
    let builds = packed.into_iter().map(|(platform, _, packaged)| (platform, packaged)).collect();
    Ok(PackagedPlatforms { id, version, digest, signature, builds })
}

/// The builds by their platforms, each of which is there once.
fn sorted(builds: &[Build]) -> Result<Vec<&Build>> {
    require_few_platforms(builds.len())?;
    let mut sorted: Vec<&Build> = builds.iter().collect();
    sorted.sort_by(|one, other| one.platform.cmp(&other.platform));
    match sorted.windows(2).find(|two| two[0].platform == two[1].platform) {
        None => Ok(sorted),
        Some(two) => Err(Fault::new(Reason::Usage, format!("two builds are for {}", two[0].platform))
            .expected("one for each platform", format!("`{}` and `{}`", two[0].shown(), two[1].shown()))
            .hint("leave one of the two out, or name the other platform that it is for")),
    }
}

impl Build {
    fn shown(&self) -> String {
        match &self.source {
            Source::Directory(directory) => directory.display().to_string(),
            Source::Artifact(reference) => reference.to_string(),
        }
    }

    async fn read(&self, options: &PackageOptions, rule: &SignatureRule, reporter: &dyn Reporter) -> Result<Read> {
        match &self.source {
            Source::Directory(directory) => {
                Publication::of(directory, options, rule, reporter).map(Box::new).map(Read::Directory)
            }
            Source::Artifact(reference) => {
                let (fetched, client) = self.fetched(reference, options, reporter).await?;
                let packaged = read_artifact(&fetched, self.shown(), rule, &client, reporter).await?;
                Ok(Read::Artifact(Box::new((fetched, packaged))))
            }
        }
    }

    async fn fetched(
        &self,
        reference: &Reference,
        options: &PackageOptions,
        reporter: &dyn Reporter,
    ) -> Result<(Fetched, ClientOptions)> {
        if matches!(reference, Reference::Registry(_)) {
            let message = format!("`{reference}` is in a registry, and an index is packed of what is on this machine");
            let reference = shell_word(reference.to_string());
            return Err(Fault::new(Reason::Usage, message)
                .hint(format!("bring it here first: `aisoc copy {reference} oci:LAYOUT`")));
        }
        let client = ClientOptions {
            platform: PlatformChoice::Named(self.platform.clone()),
            cancellation: options.limits.cancellation.clone(),
            ..ClientOptions::default()
        };
        Ok((fetch(reference, None, &client, reporter).await?, client))
    }

    /// What it packs to, and what is known of its signature, whatever that is worth.
    async fn foretold(&self, options: &PackageOptions, reporter: &dyn Reporter) -> Result<(Descriptor, Packaged)> {
        match &self.source {
            Source::Directory(directory) => {
                reporter.event(&Event::Packing { directory });
                let plugin = PluginDir::open_knowing(directory, &options.secrets, default_threads(), &options.limits)?;
                let manifest = read_manifest(&plugin)?;
                let foretold = foretell(&plugin, &manifest, &options.pack())?;
                let look = SignatureLook::of_appearance(&Appearance::of(&plugin.claim())?);
                let descriptor = Descriptor::of(MANIFEST_MEDIA_TYPE, &foretold.manifest);
                Ok((descriptor, Packaged::of(&plugin, &manifest, &foretold, look)))
            }
            Source::Artifact(reference) => {
                let (fetched, client) = self.fetched(reference, options, reporter).await?;
                let packaged =
                    read_artifact(&fetched, self.shown(), &SignatureRule::UnsignedMeant, &client, reporter).await?;
                Ok((descriptor_of(&fetched), packaged))
            }
        }
    }
}

fn descriptor_of(fetched: &Fetched) -> Descriptor {
    let (bytes, digest) = (fetched.artifact.bytes(), fetched.artifact.digest());
    Descriptor { digest: digest.blob(), ..Descriptor::of(MANIFEST_MEDIA_TYPE, bytes) }
}

impl Read {
    fn stated(&self) -> (&PluginId, &str, SignatureLook) {
        match self {
            Self::Directory(publication) => {
                let look = SignatureLook::of(&publication.publishable);
                (&publication.manifest.id, &publication.manifest.version, look)
            }
            Self::Artifact(read) => (&read.1.id, &read.1.version, read.1.signature),
        }
    }
}

/// Builds on their way into a layout.
struct Work<'a> {
    read: Vec<(PlatformName, Read)>,
    id: &'a PluginId,
    version: &'a str,
    tag: Option<&'a Tag>,
    options: &'a PackageOptions,
    reporter: &'a dyn Reporter,
}

/// An index, and the artifact for each platform.
type Written = (ArtifactDigest, Vec<(PlatformName, Packaged)>);

impl Work<'_> {
    fn index(&self, listed: Vec<(PlatformName, Descriptor)>) -> StoredManifest {
        let index = ImageIndex::of_platforms(listed, (self.id.as_str(), self.version));
        StoredManifest::new(INDEX_MEDIA_TYPE, to_bytes(&index))
    }

    /// What it comes to, of which nothing is written.
    fn foresee(&self) -> Result<Written> {
        let (mut listed, mut builds) = (Vec::new(), Vec::new());
        for (platform, read) in &self.read {
            let (descriptor, packaged) = match read {
                Read::Directory(publication) => {
                    let (assembled, packaged) = pack_to(publication, self.options, std::io::sink())?;
                    (Descriptor::of(MANIFEST_MEDIA_TYPE, &assembled.manifest), packaged)
                }
                Read::Artifact(read) => (descriptor_of(&read.0), read.1.clone()),
            };
            listed.push((platform.clone(), descriptor));
            builds.push((platform.clone(), packaged));
        }
        Ok((self.index(listed).digest(), builds))
    }

    async fn write(&self, out: &LayoutReference) -> Result<Written> {
        let client =
            ClientOptions { cancellation: self.options.limits.cancellation.clone(), ..ClientOptions::default() };
        let target = Target::create(&Reference::Layout(out.clone()), &client)?;
        let sent = Sent::to(&target);
        // How far it is, as `package` says of one; what became of each blob is no news on this machine.
        let note = |step: Step<'_>| {
            if matches!(step, Step::Sent { .. }) {
                sent.note(&step, self.reporter);
            }
        };
        let (mut listed, mut builds) = (Vec::new(), Vec::new());
        for (platform, read) in &self.read {
            client.cancellation.check()?;
            let (manifest, blobs, packaged) = match read {
                Read::Directory(publication) => {
                    let packed = pack(publication, self.options)?;
                    let (manifest, blobs) = packed.to_store();
                    (manifest, blobs.to_vec(), packed.summary)
                }
                Read::Artifact(read) => {
                    let (manifest, blobs) = stored(&read.0)?;
                    (manifest, blobs, read.1.clone())
                }
            };
            push_part(&target, &manifest, &blobs, &note).await?;
            listed.push((platform.clone(), manifest.descriptor()));
            builds.push((platform.clone(), packaged));
        }
        let index = self.index(listed);
        let shipment = Shipment { manifest: &index, blobs: &[], tag: self.tag, replace: ReplaceTag::Yes };
        copy::push(&target, &shipment, &note).await?;
        Ok((index.digest(), builds))
    }
}

/// What is packed already, as it stands.
fn stored(fetched: &Fetched) -> Result<(StoredManifest, Vec<(Descriptor, BlobSource)>)> {
    let (bytes, digest) = (fetched.artifact.bytes(), fetched.artifact.digest());
    let document = ImageManifest::read(bytes)?;
    let blobs = std::iter::once(document.config).chain(document.layers);
    let blobs = blobs.map(|blob| (blob, BlobSource::from(fetched.target.clone()))).collect();
    Ok((StoredManifest::named_by(digest.algorithm(), MANIFEST_MEDIA_TYPE, bytes.to_vec()), blobs))
}
