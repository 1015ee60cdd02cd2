//! A blob of a mirror, received whole and hashed before any of it is handed on.
//!
//! Whoever unpacks hashes what passes, too, and refuses it at its end: of a registry that lies that is all that can be
//! done. Of a mirror it is not, because the same blob is to be had elsewhere; so nothing that a mirror sent is unpacked,
//! stored or counted before its digest has said yes to all of it. A small blob waits in memory, another one in a file
//! that has no name, so that a process that is killed leaves none behind.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use aisoc_files::PartialDirectory;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream;

use super::connection::Connection;
use super::{download, kept};
use crate::limits::MIN_KEPT_BYTES;
use crate::storage::{BlobStream, file_stream};
use crate::worker::blocking;

/// How much is written at a time.
const WRITTEN_BYTES: usize = 1 << 20;

/// The blob as that mirror has it: all of its bytes are here, and have its digest. Of what came and is no good nothing
/// stays; of what broke off it stays for another run where nobody else is asked now.
///
/// # Errors
/// `pull_failed` for other bytes, and those of a download; `io_` reasons where it waits.
pub(super) async fn fetch(mirror: &Arc<Connection>, descriptor: &Descriptor, is_last: bool) -> Result<BlobStream> {
    let received = receive(mirror, descriptor).await;
    if let Err(fault) = &received
        && (!is_last || fault.reason() == Reason::PullFailed)
    {
        kept::forget(mirror, descriptor).await;
    }
    received
}

async fn receive(mirror: &Arc<Connection>, descriptor: &Descriptor) -> Result<BlobStream> {
    let mut bytes = download::begin(mirror, descriptor).await?.verified();
    if descriptor.size < MIN_KEPT_BYTES {
        let mut all = Vec::new();
        while let Some(chunk) = bytes.next_chunk().await? {
            all.extend_from_slice(&chunk);
        }
        return Ok(BlobStream::new(descriptor, stream::iter((!all.is_empty()).then(|| Ok(Bytes::from(all))))));
    }
    let mut waiting = Waiting::begin(mirror.options.partials.as_ref()).await?;
    while let Some(chunk) = bytes.next_chunk().await? {
        waiting.take(&chunk).await?;
    }
    let file = waiting.end().await?;
    Ok(BlobStream::new(descriptor, file_stream(file, 0, descriptor.size)))
}

/// What has come, in a file without a name.
struct Waiting {
    file: Arc<File>,
    /// Where that is, for messages.
    place: PathBuf,
    /// How much of it is in the file.
    written: u64,
    /// What is not yet.
    buffer: Vec<u8>,
}

impl Waiting {
    /// Beside what is kept for another run, which is where there is room for it; else where temporary files are.
    async fn begin(partials: Option<&PartialDirectory>) -> Result<Self> {
        let directory = partials.map(|partials| aisoc_files::parent(partials.path()).to_owned());
        let place = directory.clone().unwrap_or_else(|| "a temporary file".into());
        let named = place.clone();
        let file = blocking(move || {
            let made = directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in);
            made.map_err(|error| Fault::io("make a file without a name in", &named, error))
        });
        Ok(Self { file: Arc::new(file.await?), place, written: 0, buffer: Vec::with_capacity(WRITTEN_BYTES) })
    }

    async fn take(&mut self, chunk: &Bytes) -> Result<()> {
        self.buffer.extend_from_slice(chunk);
        if self.buffer.len() < WRITTEN_BYTES { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<()> {
        let (file, place, at) = (Arc::clone(&self.file), self.place.clone(), self.written);
        let buffer = std::mem::take(&mut self.buffer);
        self.written += buffer.len() as u64;
        self.buffer = blocking(move || {
            file.write_all_at(&buffer, at).map_err(|error| Fault::io("hold the blob of a mirror in", &place, error))?;
            Ok(buffer)
        })
        .await?;
        self.buffer.clear();
        Ok(())
    }

    async fn end(mut self) -> Result<Arc<File>> {
        self.write().await?;
        Ok(self.file)
    }
}
