//! The blobs of one manifest on their way into a place: the small ones one behind the other, over the connection and with
//! the login that the first of them has made; then the large ones side by side.
//!
//! A registry confirms a blob only when it has written it, and what reads the next one from elsewhere waits meanwhile:
//! side by side each waits for itself. What ends one ends all of them, since their requests are dropped with them.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

use crate::limits::{MAX_PARALLEL_BLOBS, MIN_PARALLEL_BYTES};
use crate::step::{Progress, Step};
use crate::storage::{BlobSource, Count, Manifest, Push as _, Pushed};
use crate::target::Target;

/// How often who watches a push is told how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Blobs with their sources, each once.
pub(crate) type Blobs<'a> = [&'a (Descriptor, BlobSource)];

/// Stores what the place does not have of them. Says how many bytes of blobs were sent.
// Boxed, because what becomes of one blob is deep, and whoever pushes holds it all.
pub(crate) fn push_blobs<'a>(
    destination: &'a Target,
    blobs: &'a Blobs<'_>,
    progress: Progress<'a>,
) -> BoxFuture<'a, Result<u64>> {
    Box::pin(side_by_side(destination, blobs, progress))
}

async fn side_by_side(destination: &Target, blobs: &Blobs<'_>, progress: Progress<'_>) -> Result<u64> {
    let gauge = Gauge::of(blobs, progress);
    let is_small = |at: &usize| blobs[*at].0.size < MIN_PARALLEL_BYTES;
    let (small, large): (Vec<usize>, Vec<usize>) = (0..blobs.len()).partition(is_small);
    let push = |at: usize| {
        let ((descriptor, source), gauge) = (blobs[at], &gauge);
        async move {
            let stored = destination.push_blob(descriptor, &source.counted(&gauge.counts[at])).await?;
            gauge.stored()[at] = Some(stored);
            progress(Step::Blob(descriptor, stored));
            gauge.tell();
            Ok::<_, Fault>(())
        }
    };
    let sending = async {
        for at in small {
            push(at).await?;
        }
        stream::iter(large).map(push).buffer_unordered(MAX_PARALLEL_BLOBS).try_collect::<()>().await
    };
    watched(sending, &|| gauge.tell()).await?;
    Ok(gauge.sent())
}

/// Stores the manifest. A registry that lacks a blob then has said that it has one that it was about to collect: each is
/// asked for again, and sent if it is not there. Says how many bytes that were.
pub(crate) async fn push_manifest(
    destination: &Target,
    manifest: &Manifest,
    is_part: bool,
    blobs: &Blobs<'_>,
    progress: Progress<'_>,
) -> Result<(Pushed, u64)> {
    let put = || async {
        match is_part {
            true => destination.push_part(manifest).await,
            false => destination.push_manifest(manifest).await,
        }
    };
    let fault = match put().await {
        // Registries say it with 404 as well as with 400.
        Err(fault) if matches!(fault.reason(), Reason::ReferenceNotFound | Reason::RegistryRefused) => fault,
        stored => return stored.map(|stored| (stored, 0)),
    };
    let mut missing = Vec::new();
    for blob in blobs {
        if !destination.has_blob(&blob.0).await? {
            missing.push(*blob);
        }
    }
    if missing.is_empty() {
        return Err(fault);
    }
    let sent = push_blobs(destination, &missing, progress).await?;
    Ok((put().await?, sent))
}

/// Waits for the work, and looks at it often enough for whoever watches.
async fn watched<T>(work: impl Future<Output = T>, look: &(dyn Fn() + Sync)) -> T {
    let mut work = pin!(work);
    loop {
        match timeout(LOOK, &mut work).await {
            Ok(done) => return done,
            Err(_) => look(),
        }
    }
}

/// How far all blobs are together. What is told of it never goes back, and never beyond the total.
struct Gauge<'a> {
    blobs: Vec<&'a Descriptor>,
    counts: Vec<Count>,
    /// What became of each, by its place; nothing while it is on its way.
    stored: Mutex<Vec<Option<Pushed>>>,
    told: AtomicU64,
    progress: Progress<'a>,
}

impl<'a> Gauge<'a> {
    fn of(blobs: &Blobs<'a>, progress: Progress<'a>) -> Self {
        Self {
            blobs: blobs.iter().map(|(descriptor, _)| descriptor).collect(),
            counts: blobs.iter().map(|_| Count::default()).collect(),
            stored: Mutex::new(vec![None; blobs.len()]),
            told: AtomicU64::new(0),
            progress,
        }
    }

    fn stored(&self) -> MutexGuard<'_, Vec<Option<Pushed>>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of what was sent whole.
    fn sent(&self) -> u64 {
        let stored = self.stored();
        let sent = self.blobs.iter().zip(stored.iter()).filter(|(_, stored)| **stored == Some(Pushed::Uploaded));
        sent.fold(0, |sum, (blob, _)| sum.saturating_add(blob.size))
    }

    fn tell(&self) {
        // Told under the lock, so that it is never told less than before.
        let stored = self.stored();
        let (mut done, mut total) = (0_u64, 0_u64);
        for ((blob, count), stored) in self.blobs.iter().zip(&self.counts).zip(stored.iter()) {
            let (taken, wanted) = match stored {
                None => (count.bytes().min(blob.size), blob.size),
                Some(Pushed::Uploaded) => (blob.size, blob.size),
                // Also what was sent in part and then found: it is neither to be sent nor sent.
                Some(Pushed::Mounted | Pushed::Present) => (0, 0),
            };
            if stored.is_none() && taken > 0 {
                (self.progress)(Step::Moving { blob, done: taken });
            }
            (done, total) = (done.saturating_add(taken), total.saturating_add(wanted));
        }
        let done = self.told.fetch_max(done, Ordering::Relaxed).max(done);
        (self.progress)(Step::Sent { done, total: total.max(done) });
    }
}
