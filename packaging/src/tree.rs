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
        self.limits.cancellation.advance(bytes.len() as u64);
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::sink::Nowhere;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("a path")
    }

    fn tree(limits: &Limits) -> Tree {
        Tree::new(Box::new(Nowhere), limits)
    }

    /// Receives one file of that many bytes.
    fn take(tree: &mut Tree, name: &str, bytes: usize) -> Result<()> {
        tree.begin(path(name), Mode::Plain)?;
        tree.content(&vec![b'x'; bytes])?;
        tree.end()
    }

    #[test]
    fn holds_what_describes_a_plugin_where_its_root_can_be_and_nothing_else() {
        let limits = Limits::default();
        let (manifest, signature) = (Some(limits.max_manifest_bytes), Some(limits.max_signature_bytes));
        let fingerprint = format!("plugin.sig.d/{}.sig", "0".repeat(64));
        for (name, expected) in [
            ("plugin.yaml", manifest),
            ("demo/plugin.yaml", manifest),
            ("demo/aisoc-plugin.json", manifest),
            ("a/demo/plugin.yaml", None),
            ("plugin.sig", signature),
            ("demo/plugin.sig", signature),
            (&fingerprint, signature),
            (&format!("demo/{fingerprint}"), signature),
            (&format!("a/demo/{fingerprint}"), None),
            ("demo/plugin.sig.d/files", Some(limits.max_file_list_bytes)),
            ("demo/plugin.py", None),
            ("demo/Plugin.yaml", None),
            ("plugin.yaml.bak", None),
        ] {
            assert_eq!(tree(&limits).keep_bytes(&path(name)), expected, "{name}");
        }
    }

    #[test]
    fn manifests_and_signatures_that_are_held_have_a_bound_together() {
        // Four manifests of ten bytes: as many as there may be, and not one byte more.
        let limits = Limits { max_manifest_bytes: 10, max_signature_bytes: 1, ..Limits::default() };
        let mut tree = tree(&limits);
        for name in ["a/plugin.yaml", "b/plugin.yaml", "c/plugin.yaml"] {
            take(&mut tree, name, 10).expect(name);
        }
        // One that is too large counts as large as it may be.
        take(&mut tree, "d/plugin.yaml", 11).expect("at the bound");
        take(&mut tree, "e/plugin.yaml", 0).expect("nothing of it is held");
        let fault = take(&mut tree, "f/plugin.sig", 1).expect_err("one byte more");
        assert_eq!(fault.reason(), Reason::UnsafeArchive);
        assert!(fault.message().contains("many large manifests"), "{fault:?}");
    }

    #[test]
    fn lists_of_files_have_a_bound_of_their_own() {
        let limits = Limits { max_file_list_bytes: 10, max_manifest_bytes: 1, ..Limits::default() };
        let mut tree = tree(&limits);
        take(&mut tree, "a/plugin.sig.d/files", 10).expect("one");
        take(&mut tree, "b/plugin.sig.d/files", 10).expect("two, and more than any manifest may have");
        take(&mut tree, "c/plugin.sig.d/files", 0).expect("nothing of it is held");
        assert!(take(&mut tree, "d/plugin.sig.d/files", 1).is_err());
    }

    #[test]
    fn an_entry_is_what_came_in_however_it_was_cut() {
        let mut tree = tree(&Limits::default());
        tree.begin(path("tool"), Mode::Executable).expect("begun");
        for piece in ["ab", "", "cde"] {
            tree.content(piece.as_bytes()).expect("taken");
        }
        tree.end().expect("complete");
        take(&mut tree, "plain", 0).expect("taken");
        let entry = |content: &[u8], executable| FileEntry {
            digest: FileDigest::of(content),
            size: content.len() as u64,
            executable,
        };
        assert_eq!(tree.files.get(&path("tool")), Some(&entry(b"abcde", true)));
        assert_eq!(tree.files.get(&path("plain")), Some(&entry(b"", false)));
    }

    #[test]
    fn files_of_all_layers_hold_to_the_total_to_the_byte() {
        let mut tree = tree(&Limits { max_total_bytes: 10, ..Limits::default() });
        take(&mut tree, "a", 4).expect("below");
        take(&mut tree, "b", 6).expect("at the bound");
        take(&mut tree, "c", 0).expect("nothing more");
        assert_eq!(take(&mut tree, "d", 1).expect_err("above").reason(), Reason::UnsafeArchive);
    }

    #[test]
    fn a_walk_that_mixes_its_files_up_is_an_error_of_ours() {
        let mut tree = tree(&Limits::default());
        assert_eq!(tree.content(b"x").expect_err("of no file").reason(), Reason::Internal);
        assert_eq!(tree.end().expect_err("of no file").reason(), Reason::Internal);
        take(&mut tree, "a", 1).expect("the first");
        assert_eq!(tree.end().expect_err("it has ended").reason(), Reason::Internal);
        assert_eq!(take(&mut tree, "a", 1).expect_err("the second").reason(), Reason::Internal);
    }

    /// Fails at that content, after a while.
    struct Disk {
        free: usize,
        pause: Duration,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Sink for Disk {
        fn file(&mut self, _: &RelPath, _: Mode) -> Result<()> {
            Ok(())
        }

        fn content(&mut self, bytes: &[u8]) -> Result<()> {
            thread::sleep(std::mem::take(&mut self.pause));
            let mut written = self.written.lock().expect("one writer");
            written.extend_from_slice(bytes);
            match written.len() > self.free {
                true => Err(Fault::new(Reason::IoNoSpace, "the disk is full")),
                false => Ok(()),
            }
        }

        fn end(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn disk(free: usize) -> (Tree, Arc<Mutex<Vec<u8>>>) {
        let written = Arc::default();
        let disk = Disk { free, pause: Duration::from_millis(100), written: Arc::clone(&written) };
        (Tree::new(Box::new(disk), &Limits::default()), written)
    }

    #[test]
    fn a_full_disk_is_what_an_install_reports_and_not_the_thread_that_left() {
        let (mut tree, _) = disk(0);
        let outcome = tree.receive(|conveyor| {
            conveyor.file(path("a"), Mode::Plain)?;
            for _ in 0..10 * CHUNKS {
                let buffer = conveyor.buffer();
                conveyor.content(buffer, 1)?;
            }
            conveyor.end()
        });
        assert_eq!(outcome.expect_err("full").reason(), Reason::IoNoSpace);
    }

    #[test]
    fn a_refusal_of_the_walk_is_reported_when_everything_before_it_is_written() {
        let (mut tree, written) = disk(usize::MAX);
        let outcome = tree.receive(|conveyor| {
            conveyor.file(path("a"), Mode::Plain)?;
            conveyor.content(b"content".to_vec(), 7)?;
            conveyor.end()?;
            Err(refuse("a link"))
        });
        assert_eq!(outcome.expect_err("refused").reason(), Reason::UnsafeArchive);
        assert_eq!(*written.lock().expect("written"), b"content");
    }

    #[test]
    fn a_slow_disk_takes_no_more_memory_and_every_byte_in_order() {
        let (mut tree, written) = disk(usize::MAX);
        let made = tree.receive(|conveyor| {
            conveyor.file(path("a"), Mode::Plain)?;
            for number in 0..4 * CHUNKS {
                let mut buffer = conveyor.buffer();
                assert_eq!(buffer.len(), CHUNK_BYTES);
                buffer[0] = number as u8;
                conveyor.content(buffer, 1)?;
            }
            conveyor.end()?;
            // The disk stood still while all that may be in flight were made.
            assert_eq!(conveyor.made, CHUNKS);
            Ok(())
        });
        made.expect("taken");
        let expected: Vec<u8> = (0..4 * CHUNKS).map(|number| number as u8).collect();
        assert_eq!(*written.lock().expect("written"), expected);
    }
}
