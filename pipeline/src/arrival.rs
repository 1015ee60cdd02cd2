//! `Arrival`: what is to be installed, on its way into the staging directory. From there on nobody asks where it
//! came from.

use std::path::Path;

use aisoc_installation::manifest_id;
use aisoc_manifests::artifact::{LayerForm, PluginLayer};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::platform::PlatformName;
use aisoc_packaging::Limits;
use aisoc_packaging::{LocalArtifact, PackOptions, PluginDir, Secrets, Staged, Staging, default_threads};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::Claim;

use crate::events::{Event, Reporter, Silent};
use crate::fetch::{Fetched, fetch};
use crate::proofs::{AtHand, OfferedFile};
use crate::publication::read_manifest;
use crate::source::Source;

/// An artifact that is known by its digest, and not yet staged.
pub(crate) enum Arrival {
    /// Named by a manifest that was read.
    Fetched(Box<Fetched>),
    /// Packed from a directory.
    Packed(Box<LocalArtifact>),
}

impl Arrival {
    /// Reads the manifest of an artifact, or packs a directory: what `package` would ship of it, and not what the
    /// ignore rules leave out. `require` is the only artifact that is acceptable.
    ///
    /// # Errors
    /// As [`fetch`]; for a directory `forbidden_entry`, `manifest_*`, `digest_mismatch` and I/O reasons.
    pub(crate) async fn of(
        source: &Source,
        require: Option<ArtifactDigest>,
        options: &ClientOptions,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        match source {
            Source::Artifact(reference) => {
                reporter.event(&Event::Resolving { reference });
                fetch(reference, require, options, reporter).await.map(|fetched| Self::Fetched(Box::new(fetched)))
            }
            Source::Directory(directory) => {
                pack(directory, require, options, reporter).map(|packed| Self::Packed(Box::new(packed)))
            }
        }
    }

    /// What is at hand of its proofs, or is in `bundles`, of at most so many bytes each. Of a directory there is no artifact
    /// that a proof could be of.
    ///
    /// # Errors
    /// As [`AtHand::gather`].
    pub(crate) async fn proofs(&self, bundles: &[OfferedFile], most: Option<u64>) -> Result<Option<AtHand>> {
        match self {
            Self::Fetched(fetched) => Box::pin(AtHand::gather(fetched, bundles, most)).await,
            Self::Packed(_) => Ok(None),
        }
    }

    pub(crate) fn digest(&self) -> ArtifactDigest {
        match self {
            Self::Fetched(fetched) => fetched.artifact.digest(),
            Self::Packed(local) => local.artifact().digest(),
        }
    }

    /// The index that a reference names, when it names one that this was taken of, and the platform by which it was.
    pub(crate) fn index(&self) -> (Option<ArtifactDigest>, Option<PlatformName>) {
        match self {
            Self::Fetched(fetched) => (fetched.index, fetched.platform.clone()),
            Self::Packed(_) => (None, None),
        }
    }

    /// Receives every layer into `staging`, and what the plugin says about itself.
    ///
    /// # Errors
    /// Every refusal of staging, `manifest_missing` and `manifest_too_large`.
    pub(crate) async fn stage<P: Send + 'static>(
        self,
        source: &Source,
        staging: Staging<P>,
        reporter: &dyn Reporter,
    ) -> Result<(Staged<P>, Claim)> {
        match self {
            Self::Fetched(fetched) => {
                if let Some(reference) = source.artifact() {
                    reporter.event(&Event::Fetching { artifact: &reference.pinned(fetched.artifact.digest()) });
                }
                let staged = fetched.stage(staging, reporter).await?;
                let claim = fetched.claim(&staged)?;
                Ok((staged, claim))
            }
            Self::Packed(local) => {
                let staged = local.stage(staging)?;
                let claim = staged.claim()?;
                Ok((staged, claim))
            }
        }
    }
}

/// Nothing is published, so nobody looks for secrets: what is on this machine stays on it.
fn pack(
    directory: &Path,
    require: Option<ArtifactDigest>,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<LocalArtifact> {
    reporter.event(&Event::Packing { directory });
    let limits = Limits::until(&options.cancellation);
    let plugin = PluginDir::open_knowing(directory, &Secrets::Unsearched, default_threads(), &limits)?;
    let manifest = read_manifest(&plugin)?;
    let options = PackOptions { threads: default_threads().get(), mtime: None };
    let packed = LocalArtifact::pack(&plugin, &manifest, &options)?;
    if let Some(required) = require {
        let other = format!("`{}` is not the required artifact", directory.display());
        required.require(&packed.artifact().digest(), Reason::DigestMismatch, other)?;
    }
    Ok(packed)
}

/// The id that a source says it is of, as cheaply as it can be asked: the manifest in a directory, the title of an
/// artifact's only layer. A claim, and nothing where there is none or where it cannot be read: whoever needs it more
/// reads it all.
pub async fn claimed_id(source: &Source, options: &ClientOptions) -> Option<String> {
    match source {
        Source::Directory(directory) => manifest_id(directory).map(|id| id.to_string()),
        Source::Artifact(reference) => {
            let fetched = fetch(reference, None, options, &Silent).await.ok()?;
            match fetched.artifact.layers() {
                [PluginLayer { form: LayerForm::Archive { title: Some(title), .. }, .. }] => Some(title.to_string()),
                _ => None,
            }
        }
    }
}
