//! `Event`: what happens, as facts for whoever watches. The words for them are the edge's.

use std::path::Path;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::progress::Act;
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::Pushed;

/// What has begun, or how far it is. Whoever shows events has words for every one, or does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// What a reference names is being asked for.
    Resolving {
        /// As it was given.
        reference: &'a Reference,
    },
    /// A reference names an index, which is followed to its only artifact, or to the one for a platform.
    Following {
        /// The index.
        index: ArtifactDigest,
        /// The reference, pinned to the artifact's digest.
        artifact: &'a Reference,
    },
    /// The layers of an artifact are being received.
    Fetching {
        /// The reference, pinned to the artifact's digest.
        artifact: &'a Reference,
    },
    /// A plugin's directory is being packed.
    Packing {
        /// The directory.
        directory: &'a Path,
    },
    /// An artifact is being sent.
    Pushing {
        /// Where to.
        destination: &'a Reference,
    },
    /// The manifest that was sent is there, and has been read back.
    ReadBack {
        /// Its digest.
        manifest: Digest,
    },
    /// A version is being read whole and verified.
    Verifying {
        /// The plugin.
        id: &'a PluginId,
        /// The version, as its record states it.
        version: &'a str,
    },
    /// A verified version is being put into its place.
    Activating {
        /// The plugin.
        id: &'a PluginId,
        /// The version, as its manifest or its record states it.
        version: &'a str,
    },
    /// Of a transfer, one blob is so far.
    Blob {
        /// Which way.
        act: Act,
        /// The blob.
        digest: Digest,
        /// How many bytes it has.
        size: u64,
        /// How far it is.
        state: BlobState,
    },
    /// So many bytes of a transfer have passed. What is done with bytes of this machine alone, its cancellation
    /// tells ([`aisoc_manifests::progress::Watcher`]), because it is done where nobody knows events.
    Bytes {
        /// Which way.
        act: Act,
        /// How many so far.
        done: u64,
        /// Of how many.
        total: u64,
    },
}

/// How far one blob of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// On its way.
    Moving {
        /// So many of its bytes have passed.
        done: u64,
    },
    /// It has arrived.
    Arrived,
    /// The registry has taken it over from another repository of its own.
    Mounted,
    /// It was there before.
    Present,
}

impl BlobState {
    pub(crate) const fn of(stored: Pushed) -> Self {
        match stored {
            Pushed::Uploaded => Self::Arrived,
            Pushed::Mounted => Self::Mounted,
            Pushed::Present => Self::Present,
        }
    }
}

/// Told what the pipeline does. Says nothing to anybody by itself.
pub trait Reporter: Sync {
    /// Called on the thread that does the work, which waits for it.
    fn event(&self, event: &Event<'_>);

    /// Asked before anything is put into a plugin's place. Whoever knows of somebody else with that id refuses it here.
    ///
    /// # Errors
    /// Why nothing may be put there.
    fn before_activation(&self, _id: &PluginId) -> Result<()> {
        Ok(())
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
