//! `resign`: what is published gets the signature of another key, and no byte of its author's changes.
//!
//! In a rotation the publisher's build system has the new key alone, and the versions that operators run are signed by
//! the old one. Each is fetched, found to be what the old key has signed, signed by the new one, packed, read again,
//! and pushed.

mod naming;
mod vouched;

use std::fs::File;
use std::io::Seek as _;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::oci::{CONFIG_MEDIA_TYPE, Descriptor, MANIFEST_MEDIA_TYPE, MAX_CONFIG_BYTES};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_packaging::{Limits, PluginDir, Received, Remade, Staged, Staging, reassemble};
use aisoc_registry_client::copy::Shipment;
use aisoc_registry_client::{
    BlobSource, ClientOptions, Fetch as _, Manifest as StoredManifest, ReplaceTag, Tagging as _, Target, copy,
};
use aisoc_signing::{
    Claim, Content, Coverage, Fingerprint, KeyHolder, Keyring, Origin, Outcome, Publishable, Resigned, Resigning,
    Signature, SignedStatement, TimestampToken, is_signature_file, timestamp_place, verify,
};
use aisoc_trust::KnownSigner;
use bytes::Bytes;

use crate::dry_run::{foresee, look_at};
use crate::events::{Event, Reporter};
use crate::fetch::{Fetched, fetch};
use crate::judge::{Judge, TrustInputs};
use crate::pushed::Pushed;
use crate::sent::Sent;
use crate::timestamps::{TimestampSource, timestamp_of};
use naming::Destination;
pub use naming::Naming;
use vouched::Vouched;

/// How published versions are signed again.
#[derive(Debug)]
pub struct ResignOptions {
    /// What becomes of the signatures that are there.
    pub how: Resigning,
    /// Who vouches for what is there. It is judged in mode `strict`.
    pub trust: TrustInputs,
    /// Where the timestamp of the signature comes from; without, it has none that it had not before.
    pub timestamps: Option<TimestampSource>,
    /// Under which tag the result is found.
    pub naming: Naming,
    /// How to reach registries.
    pub client: ClientOptions,
    /// Whether anything is sent.
    pub dry_run: DryRun,
}

/// A published version that has the signature of that key.
#[derive(Debug)]
pub struct Resign {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: String,
    /// The artifact that was found.
    pub before: ArtifactDigest,
    /// Where the result is, by its tag.
    pub destination: Reference,
    /// What was sent of it, and its digest.
    pub pushed: Pushed,
    /// Whose signature it has now.
    pub signer: Fingerprint,
    /// The trusted keys that vouched for it; none where this key had signed it before.
    pub vouched_by: Vec<KnownSigner>,
    /// Whose signatures it has no more, as the names of their files claim.
    pub removed_signers: Vec<String>,
    /// How much the signature covers: as much as those that were there.
    pub coverage: Coverage,
    /// Whether it is the artifact that was found, because nothing was missing.
    pub is_unchanged: bool,
}

/// Signs what a reference names, and pushes it to where it is, under the tag that `options` say.
///
/// # Errors
/// Every refusal of fetching, staging and the gate; `tag_exists` for a tag that names something else, or no more what
/// was read; `usage` for a reference whose tag is needed and not known; what the place refuses.
pub async fn resign(
    source: &Reference,
    key: &dyn KeyHolder,
    options: &ResignOptions,
    reporter: &dyn Reporter,
) -> Result<Resign> {
    Judge::require_keys(&options.trust)?;
    let destination = options.naming.destination(source)?;
    reporter.event(&Event::Resolving { reference: source });
    let fetched = fetch(source, None, &options.client, reporter).await?;
    let place = Place::of(&destination, &fetched, options).await?;
    reporter.event(&Event::Fetching { artifact: &source.pinned(fetched.artifact.digest()) });
    let staged = fetched.stage(Staging::into_copy(Limits::until(&options.client.cancellation))?, reporter).await?;
    let claim = fetched.claim(&staged)?;
    let work = Work { source, fetched: &fetched, claim: &claim, key, options };
    let vouched = Vouched::of(&claim, Origin::of(source), &key.public_key(), &options.trust)
        .map_err(|fault| fault.about(source))?;
    let change = work.change(&vouched).await?;
    let manifest = Manifest::from_document(claim.document()?)?;
    let (pushed, coverage) = match &change {
        None => (place.keep(&fetched, reporter).await?, vouched.coverage),
        Some(change) => work.exchange(change, staged, &manifest, &place, reporter).await?,
    };
    Ok(Resign {
        id: manifest.id,
        version: manifest.version,
        before: fetched.artifact.digest(),
        destination: destination.reference,
        pushed,
        signer: key.public_key().fingerprint(),
        vouched_by: vouched.by,
        removed_signers: change.as_ref().map(Resigned::removed_signers).unwrap_or_default(),
        coverage,
        is_unchanged: change.is_none(),
    })
}

/// One version that is being signed again.
struct Work<'a> {
    source: &'a Reference,
    fetched: &'a Fetched,
    claim: &'a Claim,
    key: &'a dyn KeyHolder,
    options: &'a ResignOptions,
}

impl Work<'_> {
    /// What changes; `None` when this key has signed it, and nothing else is to go.
    async fn change(&self, vouched: &Vouched) -> Result<Option<Resigned>> {
        let ResignOptions { how, timestamps, .. } = self.options;
        let signature = match vouched.own {
            Some(_) if *how == Resigning::Added && timestamps.is_none() => return Ok(None),
            Some(own) => own,
            None => *aisoc_signing::sign(self.claim.statement()?, self.key)?.signature(),
        };
        let stamp = match timestamps {
            Some(source) => Some(self.stamp(source, &signature).await?),
            None => None,
        };
        let signer = self.key.public_key().fingerprint();
        let change = Resigned::of(self.claim, signer, &signature, stamp.as_ref(), vouched.first, *how);
        Ok(Some(change).filter(|change| !change.is_nothing()))
    }

    async fn stamp(&self, source: &TimestampSource, signature: &Signature) -> Result<TimestampToken> {
        let name = timestamp_place(self.key.public_key().fingerprint());
        let present = self.claim.tree().signature_files.get(&name).and_then(Content::whole);
        source.timestamp(signature, present.and_then(|content| timestamp_of(&name, content, signature))).await
    }

    async fn exchange(
        &self,
        change: &Resigned,
        staged: Staged<Received>,
        manifest: &Manifest,
        place: &Place<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(Pushed, Coverage)> {
        let limits = Limits::until(&self.options.client.cancellation);
        let shown = self.source.to_string();
        let plugin = staged.into_plugin(Path::new(&shown), &limits)?.resigned(change)?;
        let (publishable, coverage) = self.prove(&plugin)?;
        let config = config_of(self.fetched).await?;
        reporter.event(&Event::Packing { directory: Path::new(&shown) });
        let layer = tempfile::tempfile().map_err(failed)?;
        let original = (&self.fetched.artifact, config.as_deref());
        let remade = reassemble(&plugin, &publishable, manifest, original, &layer)?;
        let pushed = Outgoing { remade, layer: Arc::new(layer), from: &self.fetched.target };
        pushed.require_same(&plugin, &limits)?;
        Ok((pushed.ship(place, reporter).await?, coverage))
    }

    /// The proof that the new signature verifies, and that every other file is the one that was fetched.
    fn prove(&self, plugin: &PluginDir) -> Result<(Publishable, Coverage)> {
        let claim = plugin.claim();
        require_same_files(self.claim, &claim)?;
        let keyring = Keyring::of_key("new", self.key.public_key());
        match verify(&claim, &keyring, self.options.trust.at)? {
            Outcome::Verified(verified) => Ok((SignedStatement::verified(&verified).into(), verified.coverage())),
            outcome => Err(Fault::new(Reason::Internal, "the new signature does not verify")
                .expected("verified", format!("{outcome:?}"))),
        }
    }
}

/// The files that are no signatures, which no signer changes.
fn authored(claim: &Claim) -> impl Iterator<Item = (&RelPath, &FileEntry)> {
    claim
        .tree()
        .files
        .iter()
        .filter(|(path, _)| !is_signature_file(path.as_str()) || path.as_str() == aisoc_signing::FILE_LIST)
}

fn require_same_files(before: &Claim, after: &Claim) -> Result<()> {
    let differs = |(one, other): &((&RelPath, &FileEntry), (&RelPath, &FileEntry))| one != other;
    let first = authored(before).zip(authored(after)).find(differs);
    match (first, authored(before).count() == authored(after).count()) {
        (None, true) => Ok(()),
        (first, _) => {
            let named = first.map_or_else(|| "a file".to_owned(), |((path, _), _)| format!("`{path}`"));
            Err(Fault::new(Reason::Internal, format!("signing again would change {named}, and changes no file")))
        }
    }
}

/// The config document, when it is one of ours, whose counts are about the files.
async fn config_of(fetched: &Fetched) -> Result<Option<Bytes>> {
    let config = &fetched.artifact.manifest().config;
    match config.media_type == CONFIG_MEDIA_TYPE {
        true => fetched.target.fetch_blob_bytes(config, MAX_CONFIG_BYTES).await.map(Some),
        false => Ok(None),
    }
}

/// Where the result goes, and what its tag may be taken from.
struct Place<'a> {
    destination: &'a Destination,
    replace: ReplaceTag,
    /// Nothing where a dry run would have to make it.
    target: Option<Target>,
    dry_run: DryRun,
}

impl<'a> Place<'a> {
    /// Refuses before anything is signed what would be refused after it.
    async fn of(destination: &'a Destination, fetched: &Fetched, options: &ResignOptions) -> Result<Self> {
        let replace = destination.replace(fetched)?;
        let target = match options.dry_run.is_on() {
            true => look_at(&destination.reference, &options.client)?,
            false => Some(Target::create(&destination.reference, &options.client)?),
        };
        let place = Self { destination, replace, target, dry_run: options.dry_run };
        if matches!(replace, ReplaceTag::Only(_)) {
            place.check(fetched.artifact.digest()).await?;
        }
        Ok(place)
    }

    fn tag(&self) -> &Tag {
        &self.destination.tag
    }

    /// Whether the tag may lead to that artifact, as it stands at this moment.
    async fn check(&self, wanted: ArtifactDigest) -> Result<()> {
        let Some(target) = &self.target else { return Ok(()) };
        self.replace.check(self.tag(), target.tag_digest(self.tag(), wanted.algorithm()).await?, wanted).map_err(
            |fault| match self.replace {
                ReplaceTag::No => fault.hint("name a tag that is free with `--tag TAG`; what others have pinned stays"),
                _ => fault,
            },
        )
    }

    /// The artifact that was found, under the tag: a script that repeats the command finds it there.
    async fn keep(&self, fetched: &Fetched, reporter: &dyn Reporter) -> Result<Pushed> {
        let digest = fetched.artifact.digest();
        self.check(digest).await?;
        let blobs: Vec<&Descriptor> = blobs(&fetched.artifact).collect();
        match &self.target {
            Some(target) if !self.dry_run.is_on() => {
                let sent = Sent::to(target);
                let note = |step: copy::Step<'_>| sent.note(&step, reporter);
                copy::copy(&fetched.target, target, digest, Some(self.tag()), self.replace, &note).await?;
                Ok(sent.pushed(digest))
            }
            target => foresee(target.as_ref(), digest, &blobs, Some(self.tag())).await,
        }
    }
}

fn blobs(artifact: &Artifact) -> impl Iterator<Item = &Descriptor> {
    std::iter::once(&artifact.manifest().config).chain(&artifact.manifest().layers)
}

/// An artifact that was made again, and has not been sent.
struct Outgoing<'a> {
    remade: Remade,
    /// The layer. The file has no name, so nothing stays of it.
    layer: Arc<File>,
    /// What it was made of.
    from: &'a Target,
}

impl Outgoing<'_> {
    /// Reads what was packed as a host will, and holds it to what was signed.
    fn require_same(&self, plugin: &PluginDir, limits: &Limits) -> Result<()> {
        let artifact = Artifact::read(self.remade.manifest.clone(), None)?;
        let layer = artifact.layers().iter().find(|layer| layer.descriptor == self.remade.layer);
        let layer = layer.ok_or_else(|| Fault::new(Reason::Internal, "the layer is not in its own artifact"))?;
        let mut staging = Staging::hash_only(limits.clone());
        let mut packed = self.layer.as_ref();
        packed.rewind().map_err(failed)?;
        staging.layer(&layer.form, &layer.descriptor.media_type, packed)?;
        let (found, signed) = (staging.finish()?.subject(), plugin.files().tree_digest());
        match found == signed {
            true => Ok(()),
            false => Err(Fault::new(Reason::Internal, "what was packed is not what was signed")
                .expected(signed.to_string(), found.to_string())),
        }
    }

    async fn ship(self, place: &Place<'_>, reporter: &dyn Reporter) -> Result<Pushed> {
        let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, self.remade.manifest.clone());
        place.check(manifest.digest()).await?;
        let blobs = self.blobs();
        match &place.target {
            Some(target) if !place.dry_run.is_on() => {
                reporter.event(&Event::Pushing { destination: &place.destination.reference });
                let sent = Sent::to(target);
                let (tag, replace) = (Some(place.tag()), place.replace);
                let shipment = Shipment { manifest: &manifest, blobs: &blobs, tag, replace };
                copy::push(target, &shipment, &|step| sent.note(&step, reporter)).await?;
                Ok(sent.pushed(manifest.digest()))
            }
            target => {
                let blobs: Vec<&Descriptor> = blobs.iter().map(|(descriptor, _)| descriptor).collect();
                foresee(target.as_ref(), manifest.digest(), &blobs, Some(place.tag())).await
            }
        }
    }

    fn blobs(&self) -> Vec<(Descriptor, BlobSource)> {
        let Remade { config, layer, kept, .. } = &self.remade;
        let config =
            config.iter().map(|(descriptor, bytes)| (descriptor.clone(), BlobSource::Bytes(bytes.clone().into())));
        let kept = kept.iter().map(|descriptor| (descriptor.clone(), BlobSource::from(self.from.clone())));
        let packed = (layer.clone(), BlobSource::File { file: Arc::clone(&self.layer), offset: 0 });
        config.chain([packed]).chain(kept).collect()
    }
}

fn failed(error: std::io::Error) -> Fault {
    Fault::io("write a layer in", &tempfile::env::temp_dir(), error)
}
