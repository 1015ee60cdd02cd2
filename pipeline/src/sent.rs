//! `Sent`: what became of the parts of an artifact on its way to a registry or a layout.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::progress::Act;
use aisoc_registry_client::copy::Step;
use aisoc_registry_client::{Pushed as Stored, Target};

use crate::events::{BlobState, Event, Reporter};
use crate::pushed::Pushed;

/// Counts what became of each part.
#[derive(Default)]
pub(crate) struct Sent {
    /// Whether it stays on this machine.
    stays: bool,
    uploaded: AtomicUsize,
    uploaded_bytes: AtomicU64,
    mounted: AtomicUsize,
    present: AtomicUsize,
    is_new: AtomicBool,
}

impl Sent {
    /// Nothing yet, to that place.
    pub(crate) fn to(target: &Target) -> Self {
        Self { stays: matches!(target, Target::Layout(_)), ..Self::default() }
    }

    /// Notes a step, and tells whoever watches.
    pub(crate) fn note(&self, step: &Step<'_>, reporter: &dyn Reporter) {
        let act = if self.stays { Act::Writing } else { Act::Pushing };
        let tell = |blob: &Descriptor, state| {
            reporter.event(&Event::Blob { act, digest: blob.digest, size: blob.size, state });
        };
        match step {
            Step::Sent { done, total } => reporter.event(&Event::Bytes { act, done: *done, total: *total }),
            Step::Moving { blob, done } => tell(blob, BlobState::Moving { done: *done }),
            Step::Blob(blob, stored) => {
                self.count(*stored, blob.size);
                tell(blob, BlobState::of(*stored));
            }
            Step::ReadBack(descriptor) => reporter.event(&Event::ReadBack { manifest: descriptor.digest }),
            Step::Manifest(_, stored) | Step::Tagged(_, stored) => {
                self.is_new.fetch_or(*stored != Stored::Present, Relaxed);
            }
        }
    }

    fn count(&self, stored: Stored, bytes: u64) {
        match stored {
            Stored::Uploaded => {
                self.uploaded_bytes.fetch_add(bytes, Relaxed);
                &self.uploaded
            }
            Stored::Mounted => &self.mounted,
            Stored::Present => &self.present,
        }
        .fetch_add(1, Relaxed);
    }

    /// What became of all of them.
    pub(crate) fn pushed(self, digest: ArtifactDigest) -> Pushed {
        Pushed {
            digest,
            uploaded_blobs: self.uploaded.into_inner(),
            uploaded_bytes: self.uploaded_bytes.into_inner(),
            mounted_blobs: self.mounted.into_inner(),
            present_blobs: self.present.into_inner(),
            is_new: self.is_new.into_inner(),
        }
    }
}
