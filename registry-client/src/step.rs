//! `Step`: what happens while an artifact moves.

use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;

use crate::storage::Pushed;

/// A fact about a push, for whoever shows progress.
#[derive(Debug)]
pub enum Step<'a> {
    /// A blob is on its way, and `done` bytes of the `total` that are not known to be there were taken.
    Sent {
        /// Never less than before, never more than `total`.
        done: u64,
        /// Of all blobs. Less than before once one turns out to be there.
        total: u64,
    },
    /// One blob is on its way, and `done` of its bytes were taken.
    Moving {
        /// The blob.
        blob: &'a Descriptor,
        /// Never less than before, also when it is sent again.
        done: u64,
    },
    /// A blob is stored.
    Blob(&'a Descriptor, Pushed),
    /// The manifest is stored under its digest.
    Manifest(&'a Descriptor, Pushed),
    /// The manifest was read back and is the same.
    ReadBack(&'a Descriptor),
    /// The tag names the manifest.
    Tagged(&'a Tag, Pushed),
}

/// Receives the steps of a push.
pub type Progress<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);
