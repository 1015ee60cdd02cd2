//! `Repositories`: what the indexes of repositories say, held in memory for those that were asked for last.
//!
//! What is held is asked only after a look at the files that it was read from (`Kept`): an index that another tool
//! has changed, or another server of the same directory, is read again and never answered from memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_registry_client::layout::{Catalog, Change, Directory, Kept};

use crate::subjects::Subjects;

/// Most repositories that are held: each has two open files.
const MAX_HELD: usize = 64;
/// Most entries of indexes that are held, unless one repository alone has more: 300 bytes or so each.
const MAX_HELD_ENTRIES: usize = 100_000;

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
    /// Counts questions, to know which repository was not asked for the longest.
    asked: u64,
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
            table.held.remove(&oldest);
        }
    }

    /// Writes the documents of all repositories that have changed: other tools see what they hold then.
    pub(crate) fn write_documents(&self) {
        if !self.writes {
            return;
        }
        let held: Vec<_> =
            locked(&self.table).held.iter().map(|(path, place)| (path.clone(), Arc::clone(&place.held))).collect();
        for (path, held) in held {
            let mut held = locked(&held);
            let Some(held) = held.as_mut().filter(|held| held.kept.is_behind()) else { continue };
            // One that is gone or cannot be written keeps its lines, and whoever asks for it next is told why.
            let _ = Directory::open(&path).and_then(|layout| held.kept.fold(layout.place()));
        }
    }
}

impl Drop for Repositories {
    fn drop(&mut self) {
        self.write_documents();
    }
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
        let Held { kept, subjects } = self.current(&mut held)?;
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
        let Held { kept, subjects } = self.current(&mut held)?;
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
                Held { kept, subjects: Subjects::default() }
            }
        };
        Ok(held.insert(known))
    }
}

/// What a panic has left is looked at like everything else: against the files.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
