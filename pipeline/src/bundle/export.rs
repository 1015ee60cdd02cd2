//! Making a bundle: what is in it was verified in it.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Document, ImageIndex};
use aisoc_manifests::plugin::Manifest as PluginManifest;
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_packaging::{Limits, Staging};
use aisoc_registry_client::copy::{self, Step};
use aisoc_registry_client::graph::{Counts, Destination, GraphCopy};
use aisoc_registry_client::layout::require_absent;
use aisoc_registry_client::{ClientOptions, Fetch as _, Manifest, ReplaceTag, Tagging as _, Target};
use aisoc_signing::Origin;
use bytes::Bytes;

use super::document::{
    ARTIFACT_TYPE, BundleList, BundledPlugin, BundledSigner, LIST_MEDIA_TYPE, MAX_BUNDLED_PLUGINS, TAG,
};
use crate::dry_run;
use crate::events::{Event, Reporter};
use crate::fetch::Fetched;
use crate::judge::TrustInputs;
use crate::proofs::tags_of_all;
use crate::sent::Sent;
use crate::verify::judge;

/// How a bundle is made.
#[derive(Debug, Clone)]
pub struct BundleExport {
    /// By whose keys a plugin may be in it.
    pub trust: TrustInputs,
    /// How registries are asked.
    pub client: ClientOptions,
    /// Whether anything is written at all.
    pub dry_run: DryRun,
}

/// A bundle that was made.
#[derive(Debug)]
pub struct ExportedBundle {
    /// Digest of its list, which binds all of it: what somebody is told who is to import no other one. Nothing for one
    /// that was not written.
    pub digest: Option<ArtifactDigest>,
    /// What is in it.
    pub plugins: Vec<BundledPlugin>,
    /// How many manifests, without the list.
    pub counts: Counts,
}

/// Writes the plugins that `references` name, with all that refers to them, into a new file, once a trusted key was
/// found to have signed each. The first that is refused refuses the bundle, of which nothing is written then.
///
/// # Errors
/// `already_exists` for a file that is there; `usage` for more plugins than fit, and for two of one id; those of
/// [`crate::verify_artifact`] and [`crate::copy_artifact`].
pub async fn export_bundle(
    references: &[Reference],
    out: &LayoutReference,
    options: &BundleExport,
    reporter: &dyn Reporter,
) -> Result<ExportedBundle> {
    if references.len() > MAX_BUNDLED_PLUGINS {
        return Err(Fault::new(Reason::Usage, "these are more plugins than a bundle has")
            .expected(format!("{MAX_BUNDLED_PLUGINS} at most"), references.len().to_string())
            .hint("make several bundles, each of a part of them"));
    }
    options.trust.require_keys()?;
    let mut exporting = Exporting::begin(out, options, reporter)?;
    for reference in references {
        options.client.cancellation.check()?;
        exporting.add(reference).await.map_err(|fault| fault.about(reference))?;
    }
    exporting.finish().await
}

struct Exporting<'a> {
    options: &'a BundleExport,
    reporter: &'a dyn Reporter,
    /// The bundle on its way; nothing for a dry run.
    bundle: Option<Target>,
    plugins: Vec<BundledPlugin>,
    roots: Vec<Manifest>,
    counts: Counts,
}

impl<'a> Exporting<'a> {
    fn begin(out: &LayoutReference, options: &'a BundleExport, reporter: &'a dyn Reporter) -> Result<Self> {
        // A bundle is never added to: what is in it was verified by other keys, at another time.
        require_absent(&out.path)?;
        let bundle = match options.dry_run.is_on() {
            true => dry_run::require_writable(out, false).map(|()| None)?,
            false => Some(Target::create_new(out, &options.client)?),
        };
        Ok(Self { options, reporter, bundle, plugins: Vec::new(), roots: Vec::new(), counts: Counts::default() })
    }

    /// Copies what a reference names, and judges the copy: from here on nobody asks where it came from.
    async fn add(&mut self, reference: &Reference) -> Result<()> {
        let source = Target::open(reference, &self.options.client)?;
        self.reporter.event(&Event::Resolving { reference });
        let root = source.fetch_manifest(None).await?;
        let place = match &self.bundle {
            None => source,
            Some(bundle) => {
                self.reporter.event(&Event::Fetching { artifact: &reference.pinned(root.digest()) });
                let sent = Sent::to(bundle);
                let note = |step: Step<'_>| sent.note(&step, self.reporter);
                let mut copying = GraphCopy::new(&source, Destination::Write(bundle), true, &note);
                copying.bring(root.digest(), None, ReplaceTag::No).await?;
                for (tag, digest) in tags_of_all(&source, root.digest()).await? {
                    copying.bring(digest, Some(&tag), ReplaceTag::No).await?;
                }
                self.counts.add_all(copying.counts());
                bundle.clone()
            }
        };
        let plugin = self.judged(&place, reference, &root).await?;
        self.plugins.push(plugin);
        self.roots.push(root);
        Ok(())
    }

    /// All that was named, which of an index is each artifact that it lists: one plugin in one version, for several
    /// platforms.
    async fn judged(&self, place: &Target, reference: &Reference, root: &Manifest) -> Result<BundledPlugin> {
        let listed = match Document::of(root.bytes())? {
            Document::Manifest => vec![root.digest()],
            Document::Index => {
                ImageIndex::read(root.bytes())?.artifacts().iter().map(|entry| entry.artifact_digest()).collect()
            }
        };
        let mut plugin: Option<BundledPlugin> = None;
        for digest in listed {
            let found = self.judged_one(place.clone(), reference, digest).await?;
            match &mut plugin {
                None => plugin = Some(BundledPlugin { artifact_digest: root.digest(), ..found }),
                Some(first) => first.is_for_another_platform(found)?,
            }
        }
        plugin.ok_or_else(|| Fault::new(Reason::NotAPluginArtifact, "the index lists nothing"))
    }

    async fn judged_one(&self, place: Target, reference: &Reference, digest: ArtifactDigest) -> Result<BundledPlugin> {
        let fetched = Fetched::in_place(place, digest).await?;
        let limits = Limits::until(&self.options.client.cancellation);
        let staged = fetched.stage(Staging::hash_only(limits), self.reporter).await?;
        let claim = fetched.claim(&staged)?;
        let verdict = judge(&claim, Origin::of(reference), &self.options.trust)?.verdict?;
        let manifest = PluginManifest::from_document(claim.document()?)?;
        let signers = verdict.signers().iter().map(|signer| BundledSigner {
            key_id: signer.key_id.to_string(),
            fingerprint: signer.fingerprint.to_string(),
        });
        Ok(BundledPlugin {
            id: manifest.id.to_string(),
            version: manifest.version,
            artifact_digest: digest,
            reference: matches!(reference, Reference::Registry(_)).then(|| reference.to_string()),
            signers: signers.collect(),
        })
    }

    /// Names every plugin, and lists them: only now is there a file.
    async fn finish(self) -> Result<ExportedBundle> {
        let named: Vec<_> = self.plugins.iter().map(BundledPlugin::tag).collect::<Result<_>>()?;
        let list = BundleList::of(self.plugins)?;
        let Some(bundle) = self.bundle else {
            return Ok(ExportedBundle { digest: None, plugins: list.plugins, counts: self.counts });
        };
        for (tag, root) in named.iter().zip(&self.roots) {
            bundle.tag(tag, root, ReplaceTag::No).await?;
        }
        let (document, tag) = ((LIST_MEDIA_TYPE, Bytes::from(list.to_bytes())), TAG.parse()?);
        let digest = copy::push_document(&bundle, ARTIFACT_TYPE, document, Some(&tag), ReplaceTag::No).await?;
        Ok(ExportedBundle { digest: Some(digest), plugins: list.plugins, counts: self.counts })
    }
}
