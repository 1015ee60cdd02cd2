//! `Stores`: the facts of every plugin, each in a file of its own.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Result};

use super::store::Store;
use crate::notice::Tell;

const DIRECTORY: &str = "facts";
/// Most characters of an id in the name of a file.
const MAX_NAME_CHARACTERS: usize = 64;

/// The facts of every plugin, each in a file that is open as long as the plugin runs.
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
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.store(path, &self.tell)
    }

    /// Whoever sees what the plugin of that id keeps sees that of this line from now on: it is the one that runs.
    pub(crate) fn runs(&self, id: &str, line: &str) {
        let path = self.directory.join(file_name(id, line));
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.current.insert(id.to_owned(), path);
    }

    /// The store of a plugin that runs, or has run since the host began: one that is idle keeps what it keeps.
    pub(crate) fn of_the_last(&self, id: &str) -> Option<Arc<Store>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let path = opened.current.get(id)?.clone();
        Some(opened.store(path, &self.tell))
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
    fn a_file_is_of_one_id_and_one_line() {
        let names = [("demo", "a"), ("demo", "b"), ("other", "a"), ("de", "mo\0a"), ("x/y", "a"), ("x_y", "a")];
        let names: std::collections::BTreeSet<String> = names.iter().map(|(id, line)| file_name(id, line)).collect();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
        assert!(file_name(&"x".repeat(500), "a").len() < 200);
    }
}
