//! `Kept`: what a layout's index says, held between questions, and read again when somebody else changed it.
//!
//! The truth is on the disk: `index.json` and the lines of `changes` after it. What is held in memory stands for it
//! as long as both files are the ones that were read. They are kept open for that: the number of an open file is
//! not given to another one, so a file that was replaced is always seen to be another.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: the index of a layout that is somebody else's, too, is opened by name and judged open"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aisoc_files::{Links, PassingLock};
use aisoc_files::{SmallFileError, append_lines_after, open_append, open_directory, read_open, sync_directory};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{ImageIndex, to_bytes};

use super::catalog::Catalog;
use super::changes::{CHANGES, CUT, Change, MAX_CHANGES_BYTES, read_changes};
use super::documents::{INDEX, MAX_INDEX_BYTES, invalid};
use super::ingest::{land, replace_file, temporary};
use super::place::Place;

/// How often an index is read that changes while it is read, before its writers are kept out.
const ROUNDS: usize = 4;
/// Lines after which the document is written, in a layout that is not large.
const FEW_CHANGES: usize = 512;

/// The index of a layout, as it was read last.
#[derive(Debug)]
pub struct Kept {
    catalog: Catalog,
    index: Seen,
    changes: Option<Seen>,
    /// Lines of changes that the document does not have.
    lines: usize,
    /// Something went wrong in the middle of a change: what is on the disk is not known.
    is_doubtful: bool,
}

/// A file that was read, still open, and how it stood then.
#[derive(Debug)]
struct Seen {
    file: File,
    stand: Stand,
}

/// What tells a file from another, and from what it was before.
#[derive(Debug, PartialEq, Eq)]
struct Stand {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stand {
    fn of(found: &fs::Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// How the file of that name stands now; no link is followed.
    fn at(path: &Path) -> Result<Option<Self>> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(Self::of(&found))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::io("look at", path, error)),
        }
    }
}

impl Seen {
    fn of(file: File, path: &Path) -> Result<Self> {
        let stand = file.metadata().map_err(|error| Fault::io("look at", path, error))?;
        Ok(Self { stand: Stand::of(&stand), file })
    }

    fn open(layout: &Place, name: &str) -> Result<Option<Self>> {
        let opened = layout.open_regular(name)?;
        opened.map(|(file, _)| Self::of(file, &layout.root().join(name))).transpose()
    }

    fn bytes(&self, layout: &Place, name: &str, most: u64) -> Result<Vec<u8>> {
        let path = layout.root().join(name);
        let file = self.file.try_clone().map_err(|error| Fault::io("read", &path, error))?;
        match read_open(file, most) {
            Ok(file) => Ok(file.content),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &path, error)),
            Err(_) => Err(invalid(layout.root(), &format!("`{name}` is too large"))
                .expected(format!("at most {most} bytes"), format!("{} bytes", self.stand.size))),
        }
    }
}

impl Kept {
    /// Reads the index of the layout.
    ///
    /// # Errors
    /// `layout_invalid` when it is missing or no index, `locked`, `io_` reasons.
    pub fn read(layout: &Place) -> Result<Self> {
        Self::read_settled(layout, |kept| kept.is_current(layout))
    }

    /// As it is once it does not change any more, or once its writers are kept out.
    fn read_settled(layout: &Place, is_current: impl Fn(&Self) -> Result<bool>) -> Result<Self> {
        for _ in 0..ROUNDS {
            let kept = Self::read_once(layout)?;
            if is_current(&kept)? {
                return Ok(kept);
            }
        }
        Self::read_under(layout, &layout.lock()?)
    }

    /// As [`Kept::read`], for whoever keeps the writers out already.
    pub(super) fn read_under(layout: &Place, _lock: &PassingLock) -> Result<Self> {
        Self::read_once(layout)
    }

    /// The changes are opened first: lines that the document has meanwhile are harmless, and such that it does not
    /// have would be missing.
    fn read_once(layout: &Place) -> Result<Self> {
        let changes = Seen::open(layout, CHANGES)?;
        let missing = || invalid(layout.root(), "`index.json` is missing");
        let index = Seen::open(layout, INDEX)?.ok_or_else(missing)?;
        let unreadable =
            |name: &str, error| invalid(layout.root(), &format!("`{name}` cannot be read")).caused_by(error);
        let mut catalog =
            Catalog::read(&index.bytes(layout, INDEX, MAX_INDEX_BYTES)?).map_err(|error| unreadable(INDEX, error))?;
        let lines = match &changes {
            Some(changes) => read_changes(&changes.bytes(layout, CHANGES, MAX_CHANGES_BYTES)?)
                .map_err(|error| unreadable(CHANGES, error))?,
            None => Vec::new(),
        };
        lines.iter().for_each(|change| catalog.apply(change));
        Ok(Self { catalog, index, changes, lines: lines.len(), is_doubtful: false })
    }

    /// Whether what was read is what is there.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn is_current(&self, layout: &Place) -> Result<bool> {
        let is_at = |seen: Option<&Seen>, name: &str| {
            Ok::<_, Fault>(Stand::at(&layout.root().join(name))?.as_ref() == seen.map(|seen| &seen.stand))
        };
        Ok(!self.is_doubtful && is_at(Some(&self.index), INDEX)? && is_at(self.changes.as_ref(), CHANGES)?)
    }

    /// Reads the index again, if it is another one now. Says whether it was.
    ///
    /// # Errors
    /// As [`Kept::read`].
    pub fn refresh(&mut self, layout: &Place) -> Result<bool> {
        if self.is_current(layout)? {
            return Ok(false);
        }
        *self = Self::read(layout)?;
        Ok(true)
    }

    /// What the index says.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether there are changes that the document does not have.
    pub fn is_behind(&self) -> bool {
        self.lines > 0
    }

    /// How many they are.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Makes the changes that `decide` wants, under the layout's lock: what it sees is what is there, and nobody
    /// changes it meanwhile. They are on the disk when this returns, and the files of what was removed are gone.
    ///
    /// # Errors
    /// What `decide` refuses, `locked`, `layout_invalid` when the index is full, `io_` reasons.
    pub fn change<T, E: From<Fault>>(
        &mut self,
        layout: &Place,
        decide: impl FnOnce(&Catalog) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let lock = layout.lock()?;
        if !self.is_current(layout)? {
            *self = Self::read_under(layout, &lock)?;
        }
        let (changes, answer) = decide(&self.catalog)?;
        if !changes.is_empty() {
            self.append(layout, &changes, &lock)?;
        }
        for change in &changes {
            // The entry first: a file that no entry names is only waste, the other way round is damage.
            if let Change::Remove { digest } = change {
                layout.remove_blob(digest.blob())?;
            }
        }
        // Where the document is small it is written often enough; where it is large, seldom enough.
        if self.lines > FEW_CHANGES.max(self.catalog.len() / 8) {
            self.write(layout, &lock)?;
        }
        Ok(answer)
    }

    fn append(&mut self, layout: &Place, changes: &[Change], lock: &PassingLock) -> Result<()> {
        let lines: Vec<Vec<u8>> = changes.iter().map(to_bytes).collect();
        let lines = lines.join(&b'\n');
        let is_more = changes.iter().any(|change| matches!(change, Change::Put { .. }));
        if is_more && self.catalog.bytes_after(changes) > MAX_INDEX_BYTES {
            return Err(full(layout.root()));
        }
        let (before, more) = (self.changes.as_ref().map_or(0, |seen| seen.stand.size), lines.len() as u64);
        // What was cut is ended before, and the last line after.
        if before + more + [CUT, b'\n', b'\n'].len() as u64 > MAX_CHANGES_BYTES {
            // The document instead, which nobody reads before it is whole.
            self.is_doubtful = true;
            changes.iter().for_each(|change| self.catalog.apply(change));
            return self.write(layout, lock);
        }
        let failed = |error| Fault::io("write", &layout.root().join(CHANGES), error);
        self.is_doubtful = true;
        let directory = open_directory(layout.root(), Links::Followed).map_err(failed)?;
        let mut file = open_append(directory, CHANGES).map_err(failed)?;
        append_lines_after(&mut file, &[CUT], &lines).map_err(failed)?;
        self.changes = Some(Seen::of(file, &layout.root().join(CHANGES))?);
        self.is_doubtful = false;
        changes.iter().for_each(|change| self.catalog.apply(change));
        self.lines += changes.len();
        Ok(())
    }

    /// Writes the document anew, with all changes in it, when there are some. Every other tool sees them then.
    ///
    /// # Errors
    /// `locked`, `layout_invalid`, `io_` reasons.
    pub fn fold(&mut self, layout: &Place) -> Result<()> {
        let lock = layout.lock()?;
        if !self.is_current(layout)? {
            *self = Self::read_under(layout, &lock)?;
        }
        if self.is_behind() { self.write(layout, &lock) } else { Ok(()) }
    }

    fn write(&mut self, layout: &Place, _lock: &PassingLock) -> Result<()> {
        let path = layout.root().join(INDEX);
        let failed = |error| Fault::io("write", &path, error);
        self.is_doubtful = true;
        let mut draft = BufWriter::new(temporary(layout.root())?);
        self.catalog.write(&mut draft).map_err(failed)?;
        draft.flush().map_err(failed)?;
        let draft = draft.into_inner().map_err(|error| failed(error.into_error()))?;
        let file = draft.file().try_clone().map_err(failed)?;
        land(draft, &path)?;
        remove_changes(layout.root())?;
        (self.index, self.changes, self.lines) = (Seen::of(file, &path)?, None, 0);
        self.is_doubtful = false;
        Ok(())
    }
}

/// Writes the document in place of the one that was read. Changes beside that one are put into it first: made again
/// after a kill they would undo what this one says. So the document is the last thing that is written, and it is the work.
pub(super) fn replace_index(layout: &Place, mut read: Kept, index: &ImageIndex, lock: &PassingLock) -> Result<()> {
    let bytes = to_bytes(index);
    if bytes.len() as u64 > MAX_INDEX_BYTES {
        return Err(full(layout.root()));
    }
    if read.changes.is_some() {
        read.write(layout, lock)?;
    }
    replace_file(layout.root(), INDEX, &bytes)
}

/// They are in the document. One that a kill leaves here is made again, and changes nothing.
fn remove_changes(root: &Path) -> Result<()> {
    let path = root.join(CHANGES);
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(root).map_err(|error| Fault::io("sync", root, error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Fault::io("remove", &path, error)),
    }
}

fn full(root: &Path) -> Fault {
    invalid(root, "the index is full").hint("remove tags, or begin another layout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Directory;
    use aisoc_manifests::fault::Reason;
    use aisoc_manifests::oci::{Annotations, Descriptor};

    fn layout() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        (root, layout)
    }

    fn padded(begins: &str, most: u64, beyond: i64) -> Vec<u8> {
        let mut bytes = begins.as_bytes().to_vec();
        bytes.resize(usize::try_from(most as i64 + beyond).expect("a size"), b'\n');
        bytes
    }

    #[test]
    fn an_index_and_its_changes_are_read_up_to_their_bounds_and_not_beyond() {
        let (_root, layout) = layout();
        let index = fs::read_to_string(layout.root().join(INDEX)).expect("there");
        for (beyond, is_read) in [(-1, true), (0, true), (1, false)] {
            for (name, begins, most) in [(INDEX, index.as_str(), MAX_INDEX_BYTES), (CHANGES, "", MAX_CHANGES_BYTES)] {
                let path = layout.root().join(name);
                fs::write(&path, padded(begins, most, beyond)).expect("written");
                let read = Kept::read(layout.place());
                assert_eq!(read.is_ok(), is_read, "{name} {beyond}");
                if let Err(fault) = read {
                    assert_eq!(fault.reason(), Reason::LayoutInvalid);
                    assert!(fault.message().contains(&format!("`{name}` is too large")), "{fault}");
                }
                fs::write(layout.root().join(INDEX), &index).expect("written");
                let _ = fs::remove_file(layout.root().join(CHANGES));
            }
        }
    }

    #[test]
    fn an_index_takes_entries_up_to_its_bound_and_gives_up_those_that_it_has_beyond_it() {
        for (beyond, is_taken) in [(-1, true), (0, true), (1, false)] {
            let (_root, layout) = layout();
            let mut kept = Kept::read(layout.place()).expect("read");
            let put = |length: usize| {
                let notes = Annotations::from([("note".to_owned(), "x".repeat(length))]);
                let manifest = Descriptor { annotations: notes, ..Descriptor::of("t/x", b"a") };
                Change::Put { manifest, tag: Some("1".to_owned()) }
            };
            let length = MAX_INDEX_BYTES as i64 + beyond - kept.catalog().bytes_after(&[put(0)]) as i64;
            let change = put(usize::try_from(length).expect("a size"));
            let changed = kept.change(layout.place(), |_| Ok::<_, Fault>((vec![change], ())));
            assert_eq!(changed.is_ok(), is_taken, "{beyond}");
            kept.fold(layout.place()).expect("written");
            let length = fs::metadata(layout.root().join(INDEX)).expect("there").len();
            assert!(!is_taken || length as i64 == MAX_INDEX_BYTES as i64 + beyond, "{length}");
            assert_eq!(layout.index().expect("read again").manifests.len(), usize::from(is_taken));
            assert_eq!(kept.catalog().len(), usize::from(is_taken));
            if let Err(fault) = changed {
                assert!(fault.message().contains("the index is full"), "{fault}");
            }
            // What takes away needs no room.
            let remove = Change::Untag { tag: "1".to_owned() };
            kept.change(layout.place(), |_| Ok::<_, Fault>((vec![remove], ()))).expect("taken away");
        }
    }

    #[test]
    fn what_the_file_of_changes_has_no_room_for_goes_into_the_document() {
        let line = to_bytes(&Change::Untag { tag: "1".to_owned() }).len() as u64;
        for (beyond, is_appended) in [(-1, true), (0, true), (1, false)] {
            let (_root, layout) = layout();
            let padding = MAX_CHANGES_BYTES - line - 3;
            fs::write(layout.root().join(CHANGES), padded("", padding, beyond)).expect("written");
            let mut kept = Kept::read(layout.place()).expect("read");
            let untag = Change::Untag { tag: "1".to_owned() };
            kept.change(layout.place(), |_| Ok::<_, Fault>((vec![untag], ()))).expect("changed");
            assert_eq!(
                (kept.is_behind(), layout.root().join(CHANGES).exists()),
                (is_appended, is_appended),
                "{beyond}"
            );
            assert!(kept.is_current(layout.place()).expect("asked") && Kept::read(layout.place()).is_ok());
        }
    }

    #[test]
    fn what_was_appended_is_not_made_again_over_a_document_that_is_newer() {
        let (_root, layout) = layout();
        let manifest = |bytes: &[u8]| crate::storage::Manifest::new("t/x", bytes.to_vec());
        let [old, new] = [manifest(b"old"), manifest(b"new")];
        let mut kept = Kept::read(layout.place()).expect("read");
        let put = Change::Put { manifest: old.descriptor(), tag: Some("1".to_owned()) };
        kept.change(layout.place(), |_| Ok::<_, Fault>((vec![put], ()))).expect("changed");
        let lines = fs::read(layout.root().join(CHANGES)).expect("beside the document");
        let tag = "1".parse().expect("a tag");
        layout.put_manifest(&new, &[tag], crate::storage::ReplaceTag::Yes).expect("stored");
        assert!(!layout.root().join(CHANGES).exists(), "all of it is in the document");
        let named = || -> Vec<_> { Kept::read(layout.place()).expect("read").catalog().named_by("1").collect() };
        assert_eq!(named(), [new.digest().blob()]);
        // What such lines would do: so they go before the document comes.
        fs::write(layout.root().join(CHANGES), lines).expect("written");
        assert_eq!(named(), [old.digest().blob()]);
    }

    #[test]
    fn what_changes_while_it_is_read_is_read_once_more_without_its_writers_unless_nothing_may_be_made() {
        let (_root, layout) = layout();
        let is_locked = |kept: Result<Kept>| kept.err().is_some_and(|fault| fault.reason() == Reason::Locked);
        let reads = std::cell::Cell::new(0);
        let changes = |_: &Kept| {
            reads.set(reads.get() + 1);
            Ok(false)
        };
        assert!(Kept::read_settled(layout.place(), changes).is_ok());
        assert_eq!(reads.get(), ROUNDS);
        // Its writers are not kept out by a reader that makes nothing, on a disk where it could.
        let layout = layout.read_alone();
        assert!(is_locked(Kept::read_settled(layout.place(), changes)));
        assert!(is_locked(Kept::read_settled(layout.place(), |_| Ok(false))));
        let settles = |_: &Kept| Ok(reads.replace(reads.get() + 1) == 2 * ROUNDS + 1);
        assert!(Kept::read_settled(layout.place(), settles).is_ok(), "it is asked again until it settles");
        assert!(!layout.root().join(".aisoc-lock").exists());
    }
}
