//! `StatFingerprint`: whether anything about a tree has changed, by what the file system says about it.
//!
//! No content is read. Whoever can set the clock or write to the disk below the file system can keep a
//! fingerprint while changing a file; so can a write within the resolution of the clock. It answers
//! "need this be read again", never "may this be loaded".

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use aisoc_manifests::digest::Digest;
use sha2::{Digest as _, Sha256};

use crate::pending;
use crate::record;

/// How long something must not have changed before its state can be told from a later one: clocks of
/// file systems tick in milliseconds, those of some network file systems in seconds.
const SETTLED_SECONDS: i64 = 2;

/// Device, inode, mode, links, size and both times of everything in an installed plugin, and of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatFingerprint {
    /// Over all of it.
    pub digest: Digest,
    newest: i64,
}

impl StatFingerprint {
    /// Looks at the plugin in `directory` of `plugins_dir`.
    ///
    /// # Errors
    /// Those of listing and looking; a tree that changes meanwhile may give any of them.
    pub fn of(plugins_dir: &Path, directory: &str) -> std::io::Result<Self> {
        let mut sweep = Sweep { hasher: Sha256::new(), newest: i64::MIN };
        let root = plugins_dir.join(directory);
        sweep.add(b"", &root.symlink_metadata()?);
        sweep.directory(&root)?;
        if let Ok(id) = directory.parse() {
            for path in [record::path(plugins_dir, &id), pending::path(plugins_dir, &id)] {
                match path.symlink_metadata() {
                    Ok(metadata) => sweep.add(b"", &metadata),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => sweep.hasher.update(b"none"),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Self { digest: Digest::from_bytes(sweep.hasher.finalize().into()), newest: sweep.newest })
    }

    /// Whether everything was left alone for long enough before `now`, in seconds since 1970, for a later
    /// change to show.
    pub fn is_settled(&self, now: i64) -> bool {
        self.newest.saturating_add(SETTLED_SECONDS) < now
    }
}

struct Sweep {
    hasher: Sha256,
    newest: i64,
}

impl Sweep {
    fn directory(&mut self, path: &Path) -> std::io::Result<()> {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_cached_key(|entry| entry.file_name());
        for entry in entries {
            // Relative to the open directory, links not followed.
            let metadata = entry.metadata()?;
            self.add(entry.file_name().as_bytes(), &metadata);
            if metadata.is_dir() {
                self.directory(&entry.path())?;
                self.hasher.update(b"end");
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &[u8], found: &Metadata) {
        self.hasher.update((name.len() as u64).to_le_bytes());
        self.hasher.update(name);
        for number in [found.dev(), found.ino(), u64::from(found.mode()), found.nlink(), found.size()] {
            self.hasher.update(number.to_le_bytes());
        }
        for number in [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()] {
            self.hasher.update(number.to_le_bytes());
        }
        self.newest = self.newest.max(found.ctime()).max(found.mtime());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(plugins: &Path) -> Digest {
        StatFingerprint::of(plugins, "demo").expect("looked at").digest
    }

    #[test]
    fn every_change_of_a_tree_or_its_record_changes_the_fingerprint() {
        let plugins = tempfile::tempdir().expect("a directory");
        let root = plugins.path().join("demo");
        fs::create_dir_all(root.join("sub")).expect("made");
        fs::create_dir_all(plugins.path().join(".aisoc/records")).expect("made");
        fs::write(root.join("sub/a.py"), "one").expect("written");
        let mut seen = vec![fingerprint(plugins.path())];
        assert_eq!(fingerprint(plugins.path()), seen[0]);
        let changes: [&dyn Fn(); 6] = [
            &|| fs::write(root.join("sub/a.py"), "two").expect("written"),
            &|| fs::write(root.join("b"), "").expect("written"),
            &|| fs::rename(root.join("b"), root.join("c")).expect("renamed"),
            &|| fs::create_dir(root.join("empty")).expect("made"),
            &|| std::os::unix::fs::symlink("c", root.join("link")).expect("linked"),
            &|| fs::write(plugins.path().join(".aisoc/records/demo.json"), "{}").expect("written"),
        ];
        for change in changes {
            // Beyond the resolution of the clock.
            std::thread::sleep(std::time::Duration::from_millis(12));
            change();
            let now = fingerprint(plugins.path());
            assert!(!seen.contains(&now));
            seen.push(now);
        }
    }

    #[test]
    fn what_changed_a_moment_ago_is_not_settled() {
        let plugins = tempfile::tempdir().expect("a directory");
        fs::create_dir(plugins.path().join("demo")).expect("made");
        let found = StatFingerprint::of(plugins.path(), "demo").expect("looked at");
        assert!(!found.is_settled(found.newest));
        assert!(!found.is_settled(found.newest + 2));
        assert!(found.is_settled(found.newest + 3));
    }
}
