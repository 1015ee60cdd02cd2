//! `Repositories`: what the indexes of repositories say, held in memory for those that were asked for last.
//!
//! What is held is asked only after a look at the files that it was read from (`Kept`): an index that another tool
//! has changed, or another server of the same directory, is read again and never answered from memory.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::layout::{Catalog, Change, Directory, Kept};

use crate::subjects::Subjects;

/// Most repositories that are held: each has two open files.
const MAX_HELD: usize = 64;
/// Most entries of indexes that are held, unless one repository alone has more: 300 bytes or so each.
const MAX_HELD_ENTRIES: usize = 100_000;

/// Entries from which on a document is not written each second while it changes.
const LARGE: usize = 1_000;
/// Looks after which it is written all the same.
const MOST_LOOKS: usize = 10;

/// The repositories that are held, by where they are.
#[derive(Debug)]
pub(crate) struct Repositories {
    table: Mutex<Table>,
    /// Whether documents are written: not in a store that is only read.
    writes: bool,
}

#[derive(Debug, Default)]
struct Table {
    held: HashMap<PathBuf, Place>,
    /// Those that are held no more and may have lines that their document does not have.
    left: BTreeSet<PathBuf>,
    /// Counts questions, to know which repository was not asked for the longest.
    asked: u64,
}

/// Which documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Not those of large repositories that somebody is pushing to.
    Settled,
}

/// One that is held. Whoever uses it holds its lock, and the table's only for a moment.
#[derive(Debug, Default)]
struct Place {
    asked: u64,
    entries: usize,
    held: Arc<Mutex<Option<Held>>>,
}

/// What is held of a repository.
#[derive(Debug)]
struct Held {
    kept: Kept,
    subjects: Subjects,
    burst: Burst,
}

/// How long a large repository has been growing without a pause: its document takes long to write, and whoever pushes waits.
#[derive(Debug, Default)]
struct Burst {
    /// Lines that the document did not have at the last look.
    lines: usize,
    /// Looks since it was written.
    looks: usize,
}

impl Burst {
    /// Whether the document is written at this look: always where it is small, or nothing has come since the last one, and
    /// now and then otherwise.
    fn is_over(&mut self, kept: &Kept) -> bool {
        let grows = kept.lines() != self.lines;
        let is_over = !grows || kept.catalog().len() < LARGE || self.looks + 1 >= MOST_LOOKS;
        *self = if is_over { Self::default() } else { Self { lines: kept.lines(), looks: self.looks + 1 } };
        is_over
    }
}

/// A repository that is there: its layout, and what is held of it.
#[derive(Debug)]
pub(crate) struct Repository {
    layout: Directory,
    held: Arc<Mutex<Option<Held>>>,
    all: Arc<Repositories>,
}

impl Repositories {
    /// None of them is held yet.
    pub(crate) fn new(writes: bool) -> Self {
        Self { table: Mutex::default(), writes }
    }

    /// The repository whose layout that is.
    pub(crate) fn of(self: &Arc<Self>, layout: Directory) -> Repository {
        let mut table = locked(&self.table);
        table.asked += 1;
        let asked = table.asked;
        let place = table.held.entry(layout.root().to_owned()).or_default();
        place.asked = asked;
        Repository { held: Arc::clone(&place.held), layout, all: Arc::clone(self) }
    }

    /// Says how large the repository is, and forgets others when too much is held.
    fn weigh(&self, root: &Path, entries: usize) {
        let mut table = locked(&self.table);
        if let Some(place) = table.held.get_mut(root) {
            place.entries = entries;
        }
        while table.held.len() > MAX_HELD
            || table.held.values().map(|place| place.entries).sum::<usize>() > MAX_HELD_ENTRIES
        {
            let others = table.held.iter().filter(|(path, _)| *path != root);
            let Some(oldest) = others.min_by_key(|(_, place)| place.asked).map(|(path, _)| path.clone()) else {
                return;
            };
            let is_written = table.held.remove(&oldest).is_some_and(|place| place.is_written());
            if !is_written && self.writes {
                table.left.insert(oldest);
            }
        }
    }

    /// Writes the documents of all repositories that have changed: other tools see what they hold then.
    /// One that cannot be written keeps its lines, is named in the answer, and is tried again the next time.
    pub(crate) fn write_documents(&self, which: Which) -> Vec<Fault> {
        if !self.writes {
            return Vec::new();
        }
        let mut faults = Vec::new();
        let (held, left) = {
            let mut table = locked(&self.table);
            let held: Vec<_> = table.held.iter().map(|(path, place)| (path.clone(), Arc::clone(&place.held))).collect();
            (held, std::mem::take(&mut table.left))
        };
        for (path, held) in held {
            let mut held = locked(&held);
            let Some(Held { kept, burst, .. }) = held.as_mut().filter(|held| held.kept.is_behind()) else { continue };
            if which == Which::Settled && !burst.is_over(kept) {
                continue;
            }
            faults.extend(write_document(&path, Some(kept)).err());
        }
        for path in left {
            if let Err(fault) = write_document(&path, None) {
                faults.push(fault);
                locked(&self.table).left.insert(path);
            }
        }
        faults
    }
}

impl Drop for Repositories {
    fn drop(&mut self) {
        // Nobody is there to be told: the lines say what the document does not, to the next one that opens it.
        drop(self.write_documents(Which::All));
    }
}

impl Place {
    /// Whether its document has all of its changes. Somebody who uses it may be making one.
    fn is_written(&self) -> bool {
        self.held.try_lock().is_ok_and(|held| held.as_ref().is_none_or(|held| !held.kept.is_behind()))
    }
}

/// Writes the document of a repository. One that is gone needs none.
fn write_document(path: &Path, kept: Option<&mut Kept>) -> Result<()> {
    let written = Directory::open(path).and_then(|layout| match kept {
        Some(kept) => kept.fold(layout.place()),
        None => Kept::read(layout.place())?.fold(layout.place()),
    });
    written.or_else(|fault| if fault.reason() == Reason::IoNotFound { Ok(()) } else { Err(fault) })
}

impl Repository {
    /// The layout.
    pub(crate) fn layout(&self) -> &Directory {
        &self.layout
    }

    /// Looks into the index, as it is now.
    ///
    /// # Errors
    /// What `look` refuses, `layout_invalid`, `io_` reasons.
    pub(crate) fn look<T, E: From<Fault>>(&self, look: impl FnOnce(&Catalog) -> Result<T, E>) -> Result<T, E> {
        let mut held = locked(&self.held);
        look(self.current(&mut held)?.kept.catalog())
    }

    /// Looks into the index and at what its manifests are about.
    ///
    /// # Errors
    /// What `look` refuses, `layout_invalid`, `pull_failed` for a damaged manifest, `io_` reasons.
    pub(crate) fn look_at_subjects<T>(&self, look: impl FnOnce(&Catalog, &Subjects) -> Result<T>) -> Result<T> {
        let mut held = locked(&self.held);
        let Held { kept, subjects, .. } = self.current(&mut held)?;
        subjects.complete(&self.layout, kept.catalog())?;
        look(kept.catalog(), subjects)
    }

    /// Changes the index as `decide` wants, which sees it as it is and keeps other writers out.
    ///
    /// # Errors
    /// What `decide` refuses, `locked`, `layout_invalid`, `io_` reasons.
    pub(crate) fn change<T, E: From<Fault>>(
        &self,
        decide: impl FnOnce(&Catalog) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let mut held = locked(&self.held);
        let Held { kept, subjects, .. } = self.current(&mut held)?;
        // What the manifests are about is read again when it is asked for: only what is new, and what is gone.
        subjects.doubt();
        let answer = kept.change(self.layout.place(), decide)?;
        self.all.weigh(self.layout.root(), kept.catalog().len());
        Ok(answer)
    }

    /// What is held, once it is what is there.
    fn current<'a>(&self, held: &'a mut MutexGuard<'_, Option<Held>>) -> Result<&'a mut Held> {
        let known = match held.take() {
            Some(mut known) => {
                if known.kept.refresh(self.layout.place())? {
                    known.subjects.doubt();
                    self.all.weigh(self.layout.root(), known.kept.catalog().len());
                }
                known
            }
            None => {
                let kept = Kept::read(self.layout.place())?;
                self.all.weigh(self.layout.root(), kept.catalog().len());
                Held { kept, subjects: Subjects::default(), burst: Burst::default() }
            }
        };
        Ok(held.insert(known))
    }
}

/// What a panic has left is looked at like everything else: against the files.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use aisoc_manifests::oci::Descriptor;

    fn all() -> Arc<Repositories> {
        Arc::new(Repositories::new(true))
    }

    fn layout(root: &Path, name: &str) -> Directory {
        Directory::create(&root.join(name)).expect("made")
    }

    fn ask(all: &Arc<Repositories>, root: &Path, name: &str) {
        all.of(layout(root, name)).look(|_| Ok::<_, Fault>(())).expect("looked");
    }

    fn names(all: &Repositories) -> Vec<String> {
        let mut names: Vec<_> = locked(&all.table).held.keys().map(|path| path.display().to_string()).collect();
        names.iter_mut().for_each(|path| *path = path.rsplit('/').next().unwrap_or_default().to_owned());
        names.sort();
        names
    }

    #[test]
    fn so_many_repositories_are_held_and_the_one_that_was_not_asked_for_the_longest_goes() {
        let (root, all) = (tempfile::tempdir().expect("directory"), all());
        for number in 0..MAX_HELD - 1 {
            ask(&all, root.path(), &format!("{number:02}"));
        }
        assert_eq!(names(&all).len(), MAX_HELD - 1);
        ask(&all, root.path(), "at");
        assert_eq!(names(&all).len(), MAX_HELD, "that many are held");
        ask(&all, root.path(), "00");
        ask(&all, root.path(), "above");
        let held = names(&all);
        assert_eq!(held.len(), MAX_HELD);
        assert!(held.contains(&"00".to_owned()) && !held.contains(&"01".to_owned()), "{held:?}");
    }

    #[test]
    fn so_many_entries_are_held_and_one_repository_may_have_more() {
        let (root, all) = (tempfile::tempdir().expect("directory"), all());
        ask(&all, root.path(), "small");
        ask(&all, root.path(), "large");
        let (small, large) = (root.path().join("small"), root.path().join("large"));
        all.weigh(&small, 10);
        for (entries, expected) in [
            (MAX_HELD_ENTRIES - 11, vec!["large", "small"]),
            (MAX_HELD_ENTRIES - 10, vec!["large", "small"]),
            (MAX_HELD_ENTRIES - 9, vec!["large"]),
            (MAX_HELD_ENTRIES * 2, vec!["large"]),
        ] {
            all.weigh(&large, entries);
            assert_eq!(names(&all), expected, "{entries}");
        }
    }

    #[test]
    fn what_is_not_held_any_more_is_written_and_what_cannot_be_written_is_said_until_it_can() {
        let (root, all) = (tempfile::tempdir().expect("directory"), all());
        let put = |name: &str| {
            let put = Change::Put { manifest: Descriptor::of("t/x", name.as_bytes()), tag: Some("1".to_owned()) };
            let repository = all.of(layout(root.path(), name));
            repository.change(|_| Ok::<_, Fault>((vec![put], ()))).expect("changed");
        };
        let document = |name: &str| fs::read_to_string(root.path().join(name).join("index.json")).expect("there");
        put("first");
        for number in 0..MAX_HELD {
            ask(&all, root.path(), &format!("{number:02}"));
        }
        assert!(!names(&all).contains(&"first".to_owned()) && !document("first").contains("\"1\""));
        put("second");
        // A directory where the lock is to be: neither can be written.
        let stands = |name: &str| root.path().join(name).join(".aisoc-lock");
        for name in ["first", "second"] {
            fs::create_dir(stands(name)).expect("made");
        }
        for _ in 0..2 {
            let faults = all.write_documents(Which::All);
            assert_eq!(faults.len(), 2, "{faults:?}");
            assert!(faults.iter().all(|fault| fault.to_string().contains(".aisoc-lock")), "{faults:?}");
        }
        for name in ["first", "second"] {
            fs::remove_dir(stands(name)).expect("removed");
        }
        assert!(all.write_documents(Which::All).is_empty());
        assert!(["first", "second"].iter().all(|name| document(name).contains("\"1\"")));
        // One that is gone needs none.
        put("third");
        fs::remove_dir_all(root.path().join("third")).expect("removed");
        assert!(all.write_documents(Which::All).is_empty());
    }

    #[test]
    fn a_large_document_is_written_once_nothing_comes_any_more_or_it_has_waited_long_enough() {
        for (entries, expected) in [(LARGE - 1, 1), (LARGE, MOST_LOOKS), (LARGE + 1, MOST_LOOKS)] {
            let (root, all) = (tempfile::tempdir().expect("directory"), all());
            let put = |number: usize| {
                let manifest = Descriptor::of("t/x", number.to_string().as_bytes());
                Change::Put { manifest, tag: Some(format!("v{number}")) }
            };
            let repository = all.of(layout(root.path(), "a"));
            let change = |changes| repository.change(|_| Ok::<_, Fault>((changes, ()))).expect("changed");
            change((0..entries).map(put).collect());
            all.write_documents(Which::All);
            let changes = root.path().join("a/.aisoc-changes");
            // The same again and again: the file of changes grows, and the index has as many entries as before.
            let looks = |most: usize| {
                (1..=most).find(|_| {
                    change(vec![put(0)]);
                    assert!(all.write_documents(Which::Settled).is_empty());
                    !changes.exists()
                })
            };
            assert_eq!(looks(MOST_LOOKS), Some(expected), "{entries}");
            assert_eq!(looks(3), if expected == 1 { Some(1) } else { None });
            assert!(all.write_documents(Which::Settled).is_empty());
            assert!(!changes.exists(), "nothing has come since the last look");
        }
    }
}
