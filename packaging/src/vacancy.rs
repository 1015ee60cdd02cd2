//! `Vacancy`: which directories of a tree hold no file.
//!
//! No list of files names such a directory, and a host may still see it: Python takes any directory for
//! a package. So none is signed, none is shipped, and one that is there all the same was added.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The directories of a tree, by their paths relative to it, and those of them that hold something.
#[derive(Debug, Default)]
pub(crate) struct Vacancy {
    directories: Vec<PathBuf>,
    occupied: BTreeSet<PathBuf>,
}

impl Vacancy {
    /// Notes a directory.
    pub(crate) fn directory(&mut self, path: &Path) {
        self.directories.push(path.to_owned());
    }

    /// Notes something that is no directory.
    pub(crate) fn entry(&mut self, path: &Path) {
        for parent in path.ancestors().skip(1) {
            if !self.occupied.insert(parent.to_owned()) {
                break;
            }
        }
    }

    /// Whether there are directories in that one, as [`Vacancy::empty`] names it.
    pub(crate) fn has_below(&self, named: &str) -> bool {
        self.directories.iter().any(|path| path.starts_with(named) && path != Path::new(named))
    }

    /// The directories in which nothing is, at any depth, with a slash at the end and without those below
    /// them, in order.
    pub(crate) fn empty(&self) -> Vec<String> {
        let holds = |path: &Path| self.occupied.contains(path);
        let is_topmost = |path: &Path| path.parent().is_none_or(|parent| parent == Path::new("") || holds(parent));
        let empty = self.directories.iter().filter(|path| !holds(path) && is_topmost(path));
        let mut named: Vec<String> = empty.map(|path| format!("{}/", path.to_string_lossy())).collect();
        named.sort();
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_empty_when_no_file_is_at_any_depth() {
        let mut vacancy = Vacancy::default();
        ["a", "a/b", "c", "c/d", "c/d/e", "f", "f/g"].iter().for_each(|path| vacancy.directory(Path::new(path)));
        assert_eq!(vacancy.empty(), ["a/", "c/", "f/"]);
        assert!(vacancy.has_below("a/") && vacancy.has_below("c/d/") && !vacancy.has_below("c/d/e/"));
        ["a/b/x", "f/x", "x"].iter().for_each(|path| vacancy.entry(Path::new(path)));
        assert_eq!(vacancy.empty(), ["c/", "f/g/"]);
    }

    #[test]
    fn a_name_that_only_begins_like_another_is_not_below_it() {
        let mut vacancy = Vacancy::default();
        ["b/c", "ab", "a", "b"].iter().for_each(|path| vacancy.directory(Path::new(path)));
        vacancy.entry(Path::new("ab/x"));
        vacancy.entry(Path::new("b/x"));
        // In order of names, whatever the order in which they were found.
        assert_eq!(vacancy.empty(), ["a/", "b/c/"]);
        assert!(!vacancy.has_below("a/"), "`ab` is beside it");
    }

    #[test]
    fn what_stands_at_the_top_occupies_no_directory() {
        let mut vacancy = Vacancy::default();
        assert!(vacancy.empty().is_empty());
        vacancy.entry(Path::new("plugin.yaml"));
        vacancy.directory(Path::new("a"));
        assert_eq!(vacancy.empty(), ["a/"]);
        // A deep file occupies all above it, also when a shallow one came first.
        vacancy.directory(Path::new("a/b"));
        vacancy.entry(Path::new("a/x"));
        vacancy.entry(Path::new("a/b/x"));
        assert!(vacancy.empty().is_empty());
    }
}
