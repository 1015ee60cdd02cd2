//! `Reference` → `Artifact` → `Staged`: the part of the line that all readers share.

use std::io::{self, Read};

use aisoc_manifests::artifact::{Artifact, PluginLayer};
use aisoc_manifests::digest::{ArtifactDigest, VerifyingReader};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_manifests::plugin::ManifestFile;
use aisoc_manifests::progress::Act;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_registry_client::{BlobStream, ClientOptions, Fetch as _, Named, Target, Worker};
use aisoc_signing::Claim;
use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;

use crate::events::{BlobState, Event, Reporter};

/// Chunks between the network and the unpacking thread: enough to keep both busy, few enough that
/// memory does not grow with the artifact.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Most bytes of a refused layer that are still received, to tell damage from malice: a registry must
/// not be able to send 4 GiB that nobody wants.
const MAX_REST: u64 = 1 << 20;
/// Most files of an artifact that a refusal names.
const MAX_NAMED: usize = 3;

/// An artifact and where its blobs are.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) target: Target,
    pub(crate) artifact: Artifact,
    /// The index that the reference names, when it names one that this was taken of.
    pub(crate) index: Option<ArtifactDigest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub(crate) platform: Option<PlatformName>,
    /// What the index has for each platform, where it says so of all that it has.
    pub(crate) platforms: Vec<(PlatformName, ArtifactDigest)>,
}

/// Reads the manifest that a reference names, in one request, or in two when it names an index. Everything after
/// it goes by digest. The digest of an index binds its only artifact as well as the artifact's own does, so
/// either is what may be required.
pub(crate) async fn fetch(
    reference: &Reference,
    require: Option<ArtifactDigest>,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Fetched> {
    let wanted = match (require, reference) {
        // What is required names it, where nothing else does.
        (Some(digest), Reference::Registry(registry)) if registry.tag().is_none() && registry.digest().is_none() => {
            reference.pinned(digest)
        }
        _ => reference.clone(),
    };
    let (target, named) = name(&wanted, options, reporter).await?;
    if let Some(required) = require {
        named.require(required, format!("`{reference}` is not the required artifact"))?;
    }
    Fetched::of(target, named)
}

/// Finds what a reference names, and says so when that was not a manifest.
pub(crate) async fn name(
    reference: &Reference,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<(Target, Named)> {
    let target = Target::open(reference, options)?;
    let named = Named::fetch(&target, reference.digest(), &options.platform).await?;
    if let Some(index) = named.index_digest() {
        reporter.event(&Event::Following { index, artifact: &reference.pinned(named.manifest.digest()) });
    }
    Ok((target, named))
}

impl Fetched {
    /// The artifact of that digest in a place that is open already.
    pub(crate) async fn in_place(target: Target, digest: ArtifactDigest) -> Result<Self> {
        let named = Named::fetch(&target, Some(digest), &PlatformChoice::None).await?;
        Self::of(target, named)
    }

    /// What a place has led to.
    pub(crate) fn of(target: Target, named: Named) -> Result<Self> {
        let platforms = named.platforms()?;
        let (index, digest, platform) = (named.index_digest(), named.manifest.digest(), named.platform);
        let artifact = Artifact::read(named.manifest.into_bytes(), Some(digest))?;
        Ok(Self { target, artifact, index, platform, platforms })
    }

    /// Receives every layer into `staging`, in one pass over the bytes of each.
    pub(crate) async fn stage<P: Send + 'static>(
        &self,
        mut staging: Staging<P>,
        reporter: &dyn Reporter,
    ) -> Result<Staged<P>> {
        let total = self.claimed_bytes()?;
        let mut done = 0;
        for layer in self.artifact.layers() {
            let stream = self.target.fetch_blob(&layer.descriptor).await?;
            let Descriptor { digest, size, .. } = layer.descriptor;
            let tell = |state| reporter.event(&Event::Blob { act: Act::Fetching, digest, size, state });
            let progress = |bytes| {
                tell(BlobState::Moving { done: bytes });
                reporter.event(&Event::Bytes { act: Act::Fetching, done: done + bytes, total });
            };
            staging = receive(staging, layer.clone(), stream, &progress).await?;
            tell(BlobState::Arrived);
            done += size;
        }
        staging.finish()
    }
}

impl Fetched {
    /// What the plugin says about itself.
    ///
    /// # Errors
    /// As [`Staged::claim`]. Who is told that an artifact has no manifest has no directory to look for one in.
    pub(crate) fn claim<P>(&self, staged: &Staged<P>) -> Result<Claim> {
        staged.claim().map_err(|fault| match fault.reason() {
            Reason::ManifestMissing => self.without_manifest(staged),
            _ => fault,
        })
    }

    fn without_manifest<P>(&self, staged: &Staged<P>) -> Fault {
        let [yaml, json] = ManifestFile::ALL.map(ManifestFile::name);
        let names: Vec<&str> = staged.files().iter().map(|(path, _)| path.as_str()).take(MAX_NAMED).collect();
        let found = match names.is_empty() {
            true => "no file".to_owned(),
            false => format!("`{}`{}", names.join("`, `"), if staged.files().len() > MAX_NAMED { ", …" } else { "" }),
        };
        Fault::new(Reason::ManifestMissing, "the artifact has no manifest of a plugin")
            .expected(format!("`{yaml}` or `{json}`"), found)
            .hint("have the publisher push the plugin's directory, with `aisoc plugin push DIR HOST/REPOSITORY:TAG`")
    }

    /// The size of all layers, as the manifest claims it.
    pub(crate) fn layer_bytes(&self) -> u64 {
        self.artifact.layers().iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.descriptor.size))
    }

    /// The size of all layers, which is the manifest's claim. No layer is larger than what it may unpack
    /// to, so a larger claim is refused before a byte of it is asked for.
    fn claimed_bytes(&self) -> Result<u64> {
        let most = Limits::default().max_total_bytes;
        let claimed = self.layer_bytes();
        if claimed > most {
            return Err(Fault::new(Reason::UnsafeArchive, "the artifact's layers are too large")
                .expected(format!("at most {most} bytes"), format!("{claimed} bytes")));
        }
        Ok(claimed)
    }
}

/// Moves a blob from the network into a thread that hashes, inflates, checks and writes it.
async fn receive<P: Send + 'static>(
    mut staging: Staging<P>,
    layer: PluginLayer,
    mut stream: BlobStream,
    progress: &dyn Fn(u64),
) -> Result<Staging<P>> {
    let (chunks, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let unpacking = Worker::begin(move || {
        let PluginLayer { descriptor, form } = layer;
        let chunks = ChunkReader { receiver, chunk: Bytes::new() };
        let mut bytes = VerifyingReader::new(chunks, descriptor.digest, descriptor.size);
        let unpacked = match staging.layer(&form, &descriptor.media_type, &mut bytes) {
            Ok(()) => bytes.finish(),
            Err(fault) => Err(explained(fault, bytes)),
        };
        // Handed back in any case: what was made for it goes when nothing else is in there any more.
        Ok((staging, unpacked))
    })
    .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    // Declared last, so dropped first when nobody waits any more: its end is the end of the thread.
    let sender = chunks;
    let mut received = 0;
    let transfer = loop {
        let next = tokio::select! {
            next = stream.next_chunk() => next,
            // The unpacking thread has refused the artifact: a registry that sends nothing more is
            // not waited for either.
            () = sender.closed() => break Ok(()),
        };
        match next {
            Ok(Some(chunk)) => {
                received += chunk.len() as u64;
                progress(received);
                // The unpacking thread has refused the artifact: stop asking for more of it.
                if sender.send(chunk).await.is_err() {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        }
    };
    // Hangs up: what was refused is not received to its end.
    drop(sender);
    let (staging, unpacked) = unpacking.result().await?;
    match (&transfer, &unpacked) {
        // It is refused for what it is, and another run would fetch the same.
        (Ok(()), Err(fault)) if !is_of_this_machine(fault) => stream.refuse(),
        _ => drop(stream),
    }
    // A transfer that broke off also looks like a truncated archive; the transfer is the reason.
    transfer.and(unpacked)?;
    Ok(staging)
}

/// Whether what came is not to blame: it was told to stop, or a disk is full.
fn is_of_this_machine(fault: &Fault) -> bool {
    matches!(
        fault.reason(),
        Reason::Interrupted | Reason::IoNotFound | Reason::IoDenied | Reason::IoNoSpace | Reason::IoError
    )
}

/// Bytes that are not the promised ones explain whatever they led to. Whether they are is known at the
/// end of the layer only; a refused one is read that far when the end is near.
fn explained(refusal: Fault, bytes: VerifyingReader<ChunkReader>) -> Fault {
    if bytes.remaining() > MAX_REST {
        return refusal;
    }
    match bytes.finish() {
        Err(mismatch) if mismatch.difference().is_some() => mismatch.caused_by(refusal),
        _ => refusal,
    }
}

/// The receiving end as a blocking reader.
struct ChunkReader {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
