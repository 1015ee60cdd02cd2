//! Versions that hosts run: nothing removes them, so that what runs can be gone back to and finds its files.
//!
//! A host has one file in `.aisoc/in-use`, locked (flock(2)) for as long as it lives: the file of one that is gone, however
//! it ended, says nothing. In it are the numbers of the directories whose plugins run, by which they are known wherever a
//! change moves them. A host writes under the site's lock, shared, and a change reads under the same lock: of a version that
//! a change removes no host says afterwards that it runs.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{open_existing_lock, open_lock, read_stream};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use rustix::fs::{Mode, OFlags};

use crate::census::list;
use crate::layout::{IN_USE, Layout, OWN_DIRECTORY};
use crate::plugins::OPEN_TO_READERS;
use crate::secure::{OPEN_DIRECTORY, look_at, own_directory};

/// Most hosts of one plugins directory.
const MAX_HOSTS: usize = 64;
/// Most bytes of the file of one: the numbers of some fifty thousand directories.
const MAX_IN_USE_BYTES: u64 = 1 << 20;

/// What a host runs, as everybody who changes the plugins directory can read it.
#[derive(Debug)]
pub struct Pins {
    file: File,
    path: PathBuf,
}

impl Pins {
    /// A file of its own. Whoever calls holds the site's lock.
    ///
    /// # Errors
    /// `forbidden_entry` for more hosts than there may be, `directory_insecure`, and I/O reasons.
    pub(crate) fn begin(layout: &Layout) -> Result<Self> {
        let path = layout.plugins();
        let top = rustix::fs::open(path, OPEN_DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())
            .map_err(|error| Fault::io("open", path, error.into()))?;
        let own = own_directory(&top, path, OWN_DIRECTORY, OPEN_TO_READERS)?;
        let directory = own_directory(&own, &layout.own(), IN_USE, OPEN_TO_READERS)?;
        for name in (1..=MAX_HOSTS).map(|number| number.to_string()) {
            let path = layout.ours(IN_USE).join(&name);
            let failed = |error| Fault::io("lock", &path, error);
            let file = open_lock(&directory, &name, &top).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, path }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let what = format!("`{}` has as many hosts as it may have", path.display());
        Err(Fault::new(Reason::ForbiddenEntry, what).expected(format!("at most {MAX_HOSTS}"), "more"))
    }

    /// Writes down which directories are in use. Whoever calls holds the site's lock.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn write(&mut self, numbers: &BTreeSet<u64>) -> Result<()> {
        let text: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(text.as_bytes())
        };
        write().map_err(|error| Fault::io("write", &self.path, error))
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // Without its lock it says nothing, whatever is in it.
        let _ = self.file.set_len(0);
    }
}

/// The number of a directory, by which it is known wherever it is moved to.
///
/// # Errors
/// I/O reasons.
pub fn directory_number(place: &Path) -> Result<u64> {
    place.metadata().map(|found| found.ino()).map_err(|error| Fault::io("look at", place, error))
}

/// The directories that hosts use.
#[derive(Debug)]
pub(crate) enum InUse {
    /// Those with these numbers.
    These(BTreeSet<u64>),
    /// A host may use any: what it says cannot be read.
    Unknown,
}

impl InUse {
    /// Reads what the hosts say that live. Whoever calls holds the site's lock.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn read(layout: &Layout) -> Result<Self> {
        let path = layout.ours(IN_USE);
        let names = list(&path)?;
        if names.is_empty() {
            return Ok(Self::These(BTreeSet::new()));
        }
        let directory = rustix::fs::open(&path, OPEN_DIRECTORY, Mode::empty())
            .map_err(|error| Fault::io("open", &path, error.into()))?;
        let mut all = BTreeSet::new();
        for name in names {
            let failed = |error| Fault::io("read", &path.join(&name), error);
            // No name of ours.
            let Some(name) = name.to_str() else { continue };
            let file = match open_existing_lock(&directory, name) {
                Ok(None) => continue,
                Ok(Some(file)) => file,
                Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => {
                    return Ok(Self::Unknown);
                }
                Err(error) => return Err(failed(error)),
            };
            match file.try_lock_shared() {
                // Its host is gone.
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) => match numbers(&file) {
                    Some(numbers) => all.extend(numbers),
                    None => return Ok(Self::Unknown),
                },
            }
        }
        Ok(Self::These(all))
    }

    /// Whether a host uses what stands there.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn holds(&self, place: &Path) -> Result<bool> {
        let Some(found) = look_at(place)? else { return Ok(false) };
        Ok(match self {
            Self::These(numbers) => numbers.contains(&found.ino()),
            Self::Unknown => true,
        })
    }

    /// Refuses to remove what a host uses.
    ///
    /// # Errors
    /// `plugin_in_use`, and I/O reasons.
    pub(crate) fn require_unused(&self, id: &PluginId, place: &Path) -> Result<()> {
        match (self.holds(place)?, self) {
            (false, _) => Ok(()),
            (true, Self::These(_)) => Err(Fault::new(Reason::PluginInUse, format!("a host runs `{id}`"))
                .expected("a plugin that no host has in memory", format!("`{}`, which one has", place.display()))
                .hint(format!("let the host let go of it first: `aisoc api unload {id}`"))),
            (true, Self::Unknown) => {
                Err(Fault::new(Reason::PluginInUse, format!("a host may run `{id}`, and what it says cannot be read"))
                    .hint("run the command as the user of the host"))
            }
        }
    }
}

fn numbers(file: &File) -> Option<Vec<u64>> {
    let text = String::from_utf8(read_stream(file, MAX_IN_USE_BYTES).ok()?).ok()?;
    text.lines().map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_host_says_counts_as_long_as_it_lives() {
        let plugins = tempfile::tempdir().expect("a directory");
        let layout = Layout::of(plugins.path());
        let place = plugins.path().join("demo");
        fs::create_dir(&place).expect("made");
        let holds = || InUse::read(&layout).expect("read").holds(&place).expect("looked at");
        assert!(!holds(), "nobody says anything");
        let mut first = Pins::begin(&layout).expect("begun");
        let mut second = Pins::begin(&layout).expect("another one");
        assert_ne!(first.path, second.path);
        let number = directory_number(&place).expect("there");
        first.write(&BTreeSet::from([1, number])).expect("written");
        assert!(holds());
        second.write(&BTreeSet::from([number])).expect("written");
        first.write(&BTreeSet::new()).expect("written");
        assert!(holds(), "by the other one");
        fs::rename(&place, plugins.path().join("aside")).expect("moved");
        assert!(!holds());
        assert!(InUse::read(&layout).expect("read").holds(&plugins.path().join("aside")).expect("looked at"));
        fs::rename(plugins.path().join("aside"), &place).expect("moved back");
        // As after a kill: what was written is there, and nobody holds it.
        let path = second.path.clone();
        drop(second);
        fs::write(&path, format!("{number}\n")).expect("written");
        assert!(!holds());
        // The next host takes the file over, and says what it runs.
        let third = Pins::begin(&layout).expect("begun");
        assert_eq!(third.path, path);
        fs::write(&path, "no number\n").expect("written");
        assert!(holds(), "what cannot be understood may be anything");
        let id = "demo".parse().expect("an id");
        let refused = InUse::read(&layout).expect("read").require_unused(&id, &place).expect_err("in use");
        assert_eq!(refused.reason(), Reason::PluginInUse);
    }
}
