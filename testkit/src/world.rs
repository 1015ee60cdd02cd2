//! What stands around a plugins directory, and must stand there unchanged after every attack.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::hostile::ABSOLUTE;

/// A memory file system of Linux: a million stagings do not wear a disk.
const MEMORY: &str = "/dev/shm";

/// A private place with an empty plugins directory, canaries beside and above it, and a directory to
/// work in. Everything but the plugins directory is remembered with inode, mode, links and times.
#[derive(Debug)]
pub struct World {
    place: TempDir,
    /// The process's own directory, whose entries may not change either.
    working: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl World {
    /// Makes one in memory where that is possible, else where temporary files are.
    ///
    /// # Errors
    /// When files cannot be made, or when something stands where absolute names of the corpus lead.
    pub fn new() -> io::Result<Self> {
        if fs::symlink_metadata(ABSOLUTE).is_ok() {
            return Err(io::Error::other(format!("{ABSOLUTE} exists; remove it, for attacks lead there")));
        }
        let place = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir())?;
        let top = place.path();
        for directory in ["plugins", "canary/sub", "working/demo"] {
            fs::create_dir_all(top.join(directory))?;
        }
        for file in
            ["sentinel", "canary/keep.txt", "canary/sub/deep.txt", "working/demo/plugin.py", "working/.credentials"]
        {
            fs::write(top.join(file), file)?;
        }
        fs::set_permissions(top.join("canary/keep.txt"), fs::Permissions::from_mode(0o640))?;
        symlink("keep.txt", top.join("canary/link"))?;
        let mut world = Self { working: std::env::current_dir()?, place, before: BTreeMap::new() };
        world.before = world.observed()?;
        Ok(world)
    }

    /// The directory that plugins are staged in.
    pub fn plugins(&self) -> PathBuf {
        self.place.path().join("plugins")
    }

    /// A directory for the process to stand in, which the canaries cover.
    pub fn working(&self) -> PathBuf {
        self.place.path().join("working")
    }

    /// What differs from the beginning, one line each; empty when nothing escaped. What is inside the
    /// plugins directory is not looked at.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub fn escapes(&self) -> io::Result<Vec<String>> {
        let now = self.observed()?;
        if now == self.before {
            return Ok(Vec::new());
        }
        let paths = self.before.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
        let differing = paths.into_iter().filter(|path| self.before.get(*path) != now.get(*path));
        Ok(differing
            .map(|path| format!("{}: {:?} → {:?}", path.display(), self.before.get(path), now.get(path)))
            .collect())
    }

    /// What is left in the plugins directory.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn leftovers(&self) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(self.plugins())?.map(|entry| Ok(entry?.path())).collect()
    }

    fn observed(&self) -> io::Result<BTreeMap<PathBuf, String>> {
        let mut found = BTreeMap::new();
        let plugins = self.plugins();
        let mut directories = vec![self.place.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory)? {
                let path = entry?.path();
                if path == plugins {
                    continue;
                }
                let metadata = fs::symlink_metadata(&path)?;
                if metadata.is_dir() {
                    directories.push(path.clone());
                }
                found.insert(path, described(&metadata));
            }
        }
        if !self.working.starts_with(self.place.path()) {
            // Other tests may write into files there; a name more, or another file under a name, is an escape.
            for entry in fs::read_dir(&self.working)? {
                let path = entry?.path();
                let inode = fs::symlink_metadata(&path)?.ino();
                found.insert(path, format!("inode {inode}"));
            }
        }
        if fs::symlink_metadata(ABSOLUTE).is_ok() {
            found.insert(Path::new(ABSOLUTE).to_owned(), "exists".to_owned());
        }
        Ok(found)
    }
}

fn described(metadata: &fs::Metadata) -> String {
    format!(
        "inode {} mode {:o} links {} owner {} size {} modified {}.{} changed {}.{}",
        metadata.ino(),
        metadata.mode(),
        metadata.nlink(),
        metadata.uid(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_what_an_escape_would_do() {
        let world = World::new().expect("made");
        assert_eq!(world.escapes().expect("read"), Vec::<String>::new());
        fs::write(world.plugins().join("inside"), "x").expect("written");
        assert_eq!(world.escapes().expect("read"), Vec::<String>::new());
        assert_eq!(world.leftovers().expect("listed").len(), 1);
        let top = world.place.path().to_owned();
        let escapes: [(&str, &dyn Fn()); 4] = [
            ("a new file", &|| fs::write(top.join("canary/new"), "x").expect("written")),
            ("other content", &|| fs::write(top.join("canary/sub/deep.txt"), "canary/sub/deep.txt").expect("written")),
            ("another mode", &|| {
                fs::set_permissions(top.join("sentinel"), fs::Permissions::from_mode(0o777)).expect("set")
            }),
            ("a second link", &|| fs::hard_link(top.join("sentinel"), world.plugins().join("link")).expect("linked")),
        ];
        let mut known = 0;
        for (what, escape) in escapes {
            // Times have the resolution of the kernel's tick.
            std::thread::sleep(std::time::Duration::from_millis(20));
            let before = world.observed().expect("read");
            escape();
            assert_ne!(world.observed().expect("read"), before, "{what} is not noticed");
            assert!(world.escapes().expect("read").len() >= known, "{what}");
            known = world.escapes().expect("read").len();
        }
        assert!(known >= 3);
    }
}
