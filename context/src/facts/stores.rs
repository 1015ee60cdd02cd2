//! `Stores`: the facts of every plugin, each in a file of its own.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Result};

use super::store::Store;
use crate::notice::Tell;

const DIRECTORY: &str = "facts";
/// Most characters of an id in the name of a file.
const MAX_NAME_CHARACTERS: usize = 64;

/// Most files that stay open because others than their plugin see what is in them.
const MAX_SEEN: usize = 16;
/// How long they do after that.
const SEEN_PATIENCE: Duration = Duration::from_secs(60);

/// The facts of every plugin, each in a file that is open as long as the plugin runs, or others see what is in it.
#[derive(Clone)]
pub(crate) struct Stores {
    directory: PathBuf,
    opened: Arc<Mutex<Opened>>,
    tell: Arc<Tell>,
}

#[derive(Default)]
struct Opened {
    stores: BTreeMap<PathBuf, Weak<Store>>,
    /// By the id of a plugin that runs, or has run: the file of the last one.
    current: BTreeMap<String, PathBuf>,
    /// What others have seen lately, and when: a plugin may have no process, and to open its file is to read all of it.
    seen: BTreeMap<PathBuf, (Arc<Store>, Instant)>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Stores {
    /// # Errors
    /// I/O reasons.
    pub(crate) fn begin(directory: &Path, tell: Arc<Tell>) -> Result<Self> {
        let directory = directory.join(DIRECTORY);
        match std::fs::DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Fault::io("make", &directory, error)),
            _ => Ok(Self { directory, opened: Arc::default(), tell }),
        }
    }

    /// The store of a plugin that begins to run: of that id and that line of signers, and of nobody else.
    pub(crate) fn of(&self, id: &str, line: &str) -> Arc<Store> {
        let path = self.directory.join(file_name(id, line));
        let mut opened = self.opened();
        opened.store(path, &self.tell)
    }

    /// Whoever sees what the plugin of that id keeps sees that of this line from now on: it is the one that runs.
    pub(crate) fn runs(&self, id: &str, line: &str) {
        let path = self.directory.join(file_name(id, line));
        let mut opened = self.opened();
        opened.current.insert(id.to_owned(), path);
    }

    /// The store of a plugin that runs, or has run since the host began: one that is idle keeps what it keeps.
    pub(crate) fn of_the_last(&self, id: &str) -> Option<Arc<Store>> {
        let mut opened = self.opened();
        let path = opened.current.get(id)?.clone();
        let store = opened.store(path.clone(), &self.tell);
        let longest_ago = if opened.seen.len() < MAX_SEEN || opened.seen.contains_key(&path) {
            None
        } else {
            let first = opened.seen.iter().min_by_key(|(_, (_, at))| *at).map(|(path, _)| path.clone());
            first.and_then(|path| opened.seen.remove(&path))
        };
        opened.seen.insert(path, (Arc::clone(&store), Instant::now()));
        drop(opened);
        // It is closed with the last who has it, outside of the lock: that may take its time.
        drop(longest_ago);
        Some(store)
    }

    /// Lets go of what others have not seen for long; for whoever asks again and again.
    pub(crate) fn rest(&self, now: Instant) {
        let is_over = |(_, at): &(Arc<Store>, Instant)| now.saturating_duration_since(*at) >= SEEN_PATIENCE;
        let over: Vec<_> = self.opened().seen.extract_if(.., |_, seen| is_over(seen)).collect();
        drop(over);
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    /// One for each file: two would not be let in by each other.
    fn store(&mut self, path: PathBuf, tell: &Arc<Tell>) -> Arc<Store> {
        if let Some(store) = self.stores.get(&path).and_then(Weak::upgrade) {
            return store;
        }
        let store = Arc::new(Store::at(path.clone(), Arc::clone(tell)));
        self.stores.retain(|_, store| store.strong_count() > 0);
        self.stores.insert(path, Arc::downgrade(&store));
        store
    }
}

/// One for each id and line, which says which plugin's it is as far as a name can.
fn file_name(id: &str, line: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let shown: String = id.chars().take(MAX_NAME_CHARACTERS).map(|c| if is_plain(c) { c } else { '_' }).collect();
    let digest = FileDigest::of(format!("{id}\0{line}").as_bytes()).hex().to_string();
    format!("{shown}.{}.redb", &digest[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_see_stays_open_for_a_while_and_so_many_of_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let stores = Stores::begin(directory.path(), Arc::new(|_| ())).expect("begun");
        let ids: Vec<String> = (0..=MAX_SEEN).map(|number| format!("p{number:02}")).collect();
        // Each has run, and idles.
        for id in &ids {
            drop(stores.of(id, "line"));
            stores.runs(id, "line");
        }
        let see = |id: &str| Arc::downgrade(&stores.of_the_last(id).expect("it has run"));
        let (first, again) = (see(&ids[0]), see(&ids[0]));
        assert!(first.upgrade().is_some() && Weak::ptr_eq(&first, &again), "it is not opened for each ask");
        let seen: Vec<_> = ids[1..MAX_SEEN].iter().map(|id| see(id)).collect();
        assert!(first.strong_count() > 0, "as many as may");
        let last = see(&ids[MAX_SEEN]);
        assert_eq!(first.strong_count(), 0, "of more the one that was seen longest ago goes");
        let now = Instant::now();
        stores.rest(now + SEEN_PATIENCE - Duration::from_secs(10));
        assert!(seen.iter().chain([&last]).all(|seen| seen.strong_count() > 0));
        stores.rest(now + SEEN_PATIENCE);
        assert!(seen.iter().chain([&last]).all(|seen| seen.strong_count() == 0));
    }

    #[test]
    fn a_file_is_of_one_id_and_one_line() {
        let names = [("demo", "a"), ("demo", "b"), ("other", "a"), ("de", "mo\0a"), ("x/y", "a"), ("x_y", "a")];
        let names: std::collections::BTreeSet<String> = names.iter().map(|(id, line)| file_name(id, line)).collect();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
        assert!(file_name(&"x".repeat(500), "a").len() < 200);
    }
}
