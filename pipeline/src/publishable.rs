//! `PublishableArtifact`: what is packed already and may be published, a manifest or an index of one for each platform.

use std::collections::BTreeSet;
use std::fmt::Display;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::{Descriptor, ImageIndex, ImageManifest, TITLE, VERSION};
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_manifests::plugin::{Manifest, require_known_capabilities};
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, Staging};
use aisoc_registry_client::{ClientOptions, Manifest as StoredManifest, Named, Target};

use crate::events::{Event, Reporter};
use crate::fetch::Fetched;
use crate::judge::Judge;
use crate::packaged::Packaged;
use crate::platforms::{OnePlugin, require_few_platforms};
use crate::publication::{SignatureRule, publishable};
use crate::signature_look::SignatureLook;

/// What is wrong with what is packed is mended where it is packed.
const AGAIN: &str = "`aisoc plugin sign --plugin-dir DIR --private-key KEY`, and package it again with `aisoc plugin \
                     package --plugin-dir DIR --out PATH`";

/// An artifact that may be pushed.
#[derive(Debug)]
pub struct PublishableArtifact {
    pub(crate) from: Target,
    pub(crate) digest: ArtifactDigest,
    pub(crate) signature: SignatureLook,
    plugin: Option<(String, String)>,
    platforms: Vec<(PlatformName, ArtifactDigest)>,
}

impl PublishableArtifact {
    /// Reads an artifact in one pass over its bytes, writing nothing, and judges it: of an index of platforms each that it
    /// lists, by its own signature. What is in a registry is public already, and is not fetched for this unless there are
    /// keys to verify it with.
    ///
    /// # Errors
    /// Every refusal of fetching and staging, and of what may not be published as for [`crate::Publication::of`];
    /// `not_a_plugin_artifact` for an index of several plugins, versions, or more platforms than there may be.
    pub async fn of(
        source: &Reference,
        rule: &SignatureRule,
        options: &ClientOptions,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        if let SignatureRule::Verified { trust, .. } = rule {
            Judge::require_keys(trust)?;
        }
        let is_read =
            !matches!((source, rule), (Reference::Registry(_), SignatureRule::Compared | SignatureRule::UnsignedMeant));
        let from = Target::open(source, options)?;
        // One of several stands for the others until they are read: what is published of an index is the index.
        let mut named = Named::fetch(&from, source.digest(), &PlatformChoice::to_look(None)).await?;
        if let Some(index) = named.index.take() {
            let read = ImageIndex::read(index.bytes())?;
            if let Some(platforms) = published_platforms(&read) {
                let listed = Listed { source, from, index, platforms };
                return match is_read {
                    true => listed.read(rule, options, reporter).await,
                    false => Ok(listed.unread(&named.manifest)),
                };
            }
            read.only_artifact(|digest| source.pinned(digest).to_string())?;
            let artifact = source.pinned(named.manifest.digest());
            reporter.event(&Event::Following { index: index.digest(), artifact: &artifact });
        }
        if !is_read {
            let (digest, plugin) = (named.manifest.digest(), noted(named.manifest.bytes()));
            return Ok(Self { from, digest, signature: SignatureLook::NotRead, plugin, platforms: Vec::new() });
        }
        let fetched = Fetched::of(from, named)?;
        let read = read_artifact(&fetched, source, rule, options, reporter).await?;
        let Packaged { id, version, digest, signature, .. } = read;
        let plugin = Some((id.to_string(), version));
        Ok(Self { from: fetched.target, digest, signature, plugin, platforms: Vec::new() })
    }

    /// Id and version, where they are known: by the manifest of the plugin, or, of what is copied unread, by what its
    /// publisher has written beside it.
    pub fn plugin(&self) -> Option<(&str, &str)> {
        self.plugin.as_ref().map(|(id, version)| (id.as_str(), version.as_str()))
    }

    /// The artifact for each platform, where it is an index of them.
    pub fn platforms(&self) -> &[(PlatformName, ArtifactDigest)] {
        &self.platforms
    }
}

/// Judges one artifact in one pass over its bytes.
///
/// # Errors
/// As [`PublishableArtifact::of`]; those of what it says about itself begin with `place`.
pub(crate) async fn read_artifact(
    fetched: &Fetched,
    place: impl Display,
    rule: &SignatureRule,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Packaged> {
    let staged = fetched.stage(Staging::hash_only(Limits::until(&options.cancellation)), reporter).await?;
    let claim = fetched.claim(&staged)?;
    let publishable = publishable(&claim, rule, AGAIN).map_err(|fault| fault.about(&place))?;
    require_known_capabilities(claim.document()?).map_err(|fault| fault.about(&place))?;
    let manifest = Manifest::from_document(claim.document()?)?;
    Ok(Packaged::of_artifact(fetched, staged.files(), manifest, SignatureLook::of(&publishable)))
}

/// The artifacts of an index that goes as it is: nothing where its only artifact stands for it.
fn published_platforms(index: &ImageIndex) -> Option<Vec<(&Descriptor, PlatformName)>> {
    let is_published = index.is_of_platforms() || index.artifacts().len() > 1;
    is_published.then(|| index.for_platforms()).flatten()
}

/// An index, and what it lists.
struct Listed<'a> {
    source: &'a Reference,
    from: Target,
    index: StoredManifest,
    platforms: Vec<(&'a Descriptor, PlatformName)>,
}

impl Listed<'_> {
    async fn read(
        self,
        rule: &SignatureRule,
        options: &ClientOptions,
        reporter: &dyn Reporter,
    ) -> Result<PublishableArtifact> {
        require_few_platforms(self.platforms.len())?;
        let mut plugin = OnePlugin::default();
        let mut seen = BTreeSet::new();
        for (entry, platform) in &self.platforms {
            options.cancellation.check()?;
            // One artifact may be for several platforms.
            if !seen.insert(entry.digest) {
                continue;
            }
            let fetched = Fetched::in_place(self.from.clone(), entry.artifact_digest()).await?;
            let place = format!("{} ({platform})", self.source);
            let read = read_artifact(&fetched, &place, rule, options, reporter).await?;
            plugin.add((&read.id, &read.version), read.signature).map_err(|fault| fault.about(&place))?;
        }
        let ((id, version), signature) = plugin.known()?;
        Ok(self.publishable(signature, Some((id.to_string(), version))))
    }

    fn unread(self, one: &StoredManifest) -> PublishableArtifact {
        self.publishable(SignatureLook::NotRead, noted(one.bytes()))
    }

    fn publishable(self, signature: SignatureLook, plugin: Option<(String, String)>) -> PublishableArtifact {
        let (from, digest) = (self.from, self.index.digest());
        let platforms = self.platforms.into_iter().map(|(entry, platform)| (platform, entry.artifact_digest()));
        PublishableArtifact { from, digest, signature, plugin, platforms: platforms.collect() }
    }
}

/// What the publisher has noted beside the plugin (OCI image specification, Annotations).
pub(crate) fn noted(manifest: &[u8]) -> Option<(String, String)> {
    let manifest = ImageManifest::read(manifest).ok()?;
    let id = manifest.layers.first()?.annotations.get(TITLE)?.clone();
    Some((id, manifest.annotations.get(VERSION)?.clone()))
}
