//! `Attacked`: what came of it, held to what should.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How somebody ended who was attacked.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// The reason code of the refusal; empty when there was none.
    pub reason: String,
    /// Everything that was shown.
    pub shown: String,
}

/// How it ended, what it cost, and what it left.
#[derive(Debug)]
#[must_use = "whether anything was written is asked last: `nothing_written`"]
pub struct Attacked {
    pub(super) ended: Ended,
    /// Bytes that the listeners said, and so at least as many as were read.
    pub(super) read: u64,
    pub(super) connections: usize,
    pub(super) elsewhere: usize,
    pub(super) took: Duration,
    pub(super) written: Vec<String>,
    pub(super) is_elsewhere_said: bool,
}

impl Attacked {
    /// It was refused with that exit code for that reason.
    #[track_caller]
    pub fn refused(self, code: i32, reason: &str) -> Self {
        assert_eq!((self.ended.code, self.ended.reason.as_str()), (code, reason), "{self:#?}");
        self
    }

    /// It was done all the same.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!((self.ended.code, self.ended.reason.as_str()), (0, ""), "{self:#?}");
        self
    }

    /// Nobody minded: what is hostile in it is passed over, or none of it was believed.
    #[track_caller]
    pub fn unharmed(self) {
        let outcome = self.succeeded();
        assert!(!outcome.written.is_empty(), "it did not do what it should: {outcome:#?}");
        outcome.has_said_where();
    }

    /// What is shown has that in it.
    #[track_caller]
    pub fn shows(self, text: &str) -> Self {
        assert!(self.ended.shown.contains(text), "`{text}`: {self:#?}");
        self
    }

    /// No more bytes than that were read, of heads and bodies together.
    #[track_caller]
    pub fn read_at_most(self, bytes: u64) -> Self {
        assert!(self.read <= bytes, "{} of {bytes} bytes: {self:#?}", self.read);
        self
    }

    /// So many connections were made to the registry.
    #[track_caller]
    pub fn connections(self, count: usize) -> Self {
        assert_eq!(self.connections, count, "{self:#?}");
        self
    }

    /// So many connections were made to the other listener.
    #[track_caller]
    pub fn connections_elsewhere(self, count: usize) -> Self {
        assert_eq!(self.elsewhere, count, "{self:#?}");
        Self { is_elsewhere_said: true, ..self }
    }

    /// It took no longer than that.
    #[track_caller]
    pub fn within(self, seconds: u64) -> Self {
        assert!(self.took <= Duration::from_secs(seconds), "{self:#?}");
        self
    }

    /// No file and no directory has come, gone or changed.
    #[track_caller]
    pub fn nothing_written(self) {
        self.nothing_written_but(&[]);
    }

    /// The same, but for paths that end so, all of which are there.
    #[track_caller]
    pub fn nothing_written_but(self, kept: &[&str]) {
        let written: Vec<_> =
            self.written.iter().filter(|path| !kept.iter().any(|kept| path.ends_with(kept))).collect();
        assert!(written.is_empty(), "{written:?}: {self:#?}");
        for kept in kept {
            assert!(self.written.iter().any(|path| path.ends_with(kept)), "no {kept}: {self:#?}");
        }
        self.has_said_where();
    }

    /// Where nothing is said of the other listener, nobody was there.
    #[track_caller]
    fn has_said_where(&self) {
        assert!(self.is_elsewhere_said || self.elsewhere == 0, "{self:#?}");
    }
}

/// Every file and directory below a place, with what is in it.
pub(super) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

pub(super) fn tree(root: &Path) -> Tree {
    let (mut found, mut open) = (Tree::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let is_directory = path.symlink_metadata().expect("there").is_dir();
            // A link that leads nowhere is there all the same.
            found.insert(path.clone(), (!is_directory).then(|| fs::read(&path).unwrap_or_default()));
            if is_directory {
                open.push(path);
            }
        }
    }
    found
}

/// The paths of which one tree has something else than the other.
pub(super) fn differences(before: &Tree, after: &Tree) -> Vec<String> {
    let mut paths: Vec<_> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| before.get(*path) != after.get(*path));
    paths.into_iter().map(|path| path.display().to_string()).collect()
}
