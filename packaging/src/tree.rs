//! `Tree`: what a walk found, hashed, and written by a second thread when there is somewhere to write.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use aisoc_manifests::digest::{FileDigest, Hasher, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_manifests::tar::{Mode, refuse};
use aisoc_signing::{Content, FILE_LIST};

use crate::keep::Keep;
use crate::limits::Limits;
use crate::sink::Sink;
use crate::walk::Visitor;

/// Size of a chunk of content on its way from one thread to the other.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks in flight. With their recycling this is all the memory that content takes: 4 MiB.
const CHUNKS: usize = 64;

/// The files found so far, and the bytes of the few that describe the plugin.
pub(crate) struct Tree {
    pub(crate) files: FileMap,
    /// Contents of manifests and signatures near the top.
    pub(crate) kept: BTreeMap<RelPath, Content>,
    sink: Box<dyn Sink>,
    open: Option<Open>,
    /// Bytes of all files of all layers.
    total: u64,
    limits: Limits,
}

struct Open {
    path: RelPath,
    mode: Mode,
    size: u64,
    hasher: Hasher<meaning::File>,
    keep: Option<Keep>,
}

impl Tree {
    pub(crate) fn new(sink: Box<dyn Sink>, limits: &Limits) -> Self {
        Self { files: FileMap::new(), kept: BTreeMap::new(), sink, open: None, total: 0, limits: limits.clone() }
    }

    /// Runs `walk` with a visitor whose files end up here, hashed and written on a second thread.
    pub(crate) fn receive(&mut self, walk: impl FnOnce(&mut Conveyor) -> Result<()>) -> Result<()> {
        let (work, inbox) = sync_channel(CHUNKS);
        let (recycle, recycled) = channel();
        let mut conveyor = Conveyor { work, recycled, made: 0 };
        thread::scope(|scope| {
            let worker = thread::Builder::new()
                .name("stage".to_owned())
                .spawn_scoped(scope, move || self.work(&inbox, &recycle))
                .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
            let walked = walk(&mut conveyor);
            drop(conveyor);
            let worked = worker.join().unwrap_or_else(|_| Err(Fault::new(Reason::Internal, "a thread panicked")));
            // The worker's refusal is the cause when both have one: the walk then only saw it leave.
            worked.and(walked)
        })
    }

    fn work(&mut self, inbox: &Receiver<Work>, recycle: &Sender<Vec<u8>>) -> Result<()> {
        for work in inbox {
            match work {
                Work::File(path, mode) => self.begin(path, mode)?,
                Work::Content(buffer, length) => {
                    self.content(&buffer[..length])?;
                    // Nobody waits for the buffer once the walk is over.
                    let _ = recycle.send(buffer);
                }
                Work::End => self.end()?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, path: RelPath, mode: Mode) -> Result<()> {
        self.sink.file(&path, mode)?;
        let keep = self.keep_bytes(&path).map(Keep::new);
        self.open = Some(Open { path, mode, size: 0, hasher: FileDigest::hasher(), keep });
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(Fault::new(Reason::Internal, "content without a file"));
        };
        open.hasher.update(bytes);
        open.size += bytes.len() as u64;
        // Every layer is held to this by itself; an artifact of many must not take many times as much.
        self.total += bytes.len() as u64;
        if self.total > self.limits.max_total_bytes {
            return Err(refuse(format!("the artifact unpacks to more than {} bytes", self.limits.max_total_bytes)));
        }
        if let Some(keep) = &mut open.keep {
            keep.push(bytes);
        }
        self.sink.content(bytes)
    }

    fn end(&mut self) -> Result<()> {
        let Some(Open { path, mode, size, hasher, keep }) = self.open.take() else {
            return Err(Fault::new(Reason::Internal, "the end of no file"));
        };
        self.sink.end()?;
        if let Some(keep) = keep {
            self.kept.insert(path.clone(), keep.finish());
            let is_list = |path: &RelPath| path.as_str().ends_with(FILE_LIST);
            // One that is too large counts as large as it may be, though nothing of it is held.
            let held = |content: &Content| match content {
                Content::Whole(bytes) => bytes.len() as u64,
                Content::TooLarge { max_bytes } => *max_bytes,
                Content::NotAFile => 0,
            };
            let lists: u64 = self.kept.iter().filter(|(path, _)| is_list(path)).map(|(_, kept)| held(kept)).sum();
            let others = self.kept.values().map(held).sum::<u64>() - lists;
            if others > 4 * self.limits.max_manifest_bytes || lists > 2 * self.limits.max_file_list_bytes {
                return Err(refuse("the artifact holds many large manifests or signatures"));
            }
        }
        let entry = FileEntry { digest: hasher.finish(), size, executable: mode == Mode::Executable };
        match self.files.insert(path, entry) {
            None => Ok(()),
            Some(_) => Err(Fault::new(Reason::Internal, "a name passed the walk twice")),
        }
    }

    /// How much of a file to keep: of manifests and signatures at the places where a plugin's root can be.
    fn keep_bytes(&self, path: &RelPath) -> Option<u64> {
        let depth = path.components().count();
        let kept = |relative: &str| self.limits.bytes_to_keep(relative.as_bytes());
        let below_root = || path.as_str().split_once('/').map(|(_, rest)| rest);
        if depth > 3 {
            return None;
        }
        kept(path.as_str()).or_else(|| kept(below_root()?))
    }
}

/// Whether a file of that name describes a plugin.
pub(crate) fn is_manifest(name: &str) -> bool {
    ManifestFile::find(|candidate| candidate == name).is_some()
}

enum Work {
    File(RelPath, Mode),
    Content(Vec<u8>, usize),
    End,
}

/// The visitor's end of the queue.
pub(crate) struct Conveyor {
    work: SyncSender<Work>,
    recycled: Receiver<Vec<u8>>,
    made: usize,
}

impl Conveyor {
    fn send(&self, work: Work) -> Result<()> {
        self.work.send(work).map_err(|_| Fault::new(Reason::Internal, "the writing thread has stopped"))
    }
}

impl Visitor for Conveyor {
    fn file(&mut self, path: RelPath, mode: Mode) -> Result<()> {
        self.send(Work::File(path, mode))
    }

    fn buffer(&mut self) -> Vec<u8> {
        let used = if self.made < CHUNKS { self.recycled.try_recv().ok() } else { self.recycled.recv().ok() };
        used.unwrap_or_else(|| {
            self.made += 1;
            vec![0; CHUNK_BYTES]
        })
    }

    fn content(&mut self, buffer: Vec<u8>, length: usize) -> Result<()> {
        self.send(Work::Content(buffer, length))
    }

    fn end(&mut self) -> Result<()> {
        self.send(Work::End)
    }
}
