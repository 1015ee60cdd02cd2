//! Removing the blobs of a layout that nothing names.
//!
//! A blob is moved out of the way before its age is looked at for the last time: who has renewed it by then finds it
//! back in its place, and who comes later finds it missing and sends it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use aisoc_files::{EachEntry, Links, PrivateDirectory, open_directory, open_directory_in};
use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Result};
use rustix::fs::{AtFlags, FileType, RenameFlags, Stat};
use rustix::io::Errno;

use super::directory::Directory;
use super::documents::blob_directory;
use super::ingest::DRAFTS;
use super::marks::Rule;

/// The directory of the blobs of one algorithm, which is listed from its beginning to its end.
pub(super) struct Sweep<'a> {
    layout: &'a Directory,
    algorithm: Algorithm,
    blobs: OwnedFd,
    entries: EachEntry,
    rule: Rule,
}

/// What came of a blob that may go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// It is gone, and its file was of so many bytes that no other repository shares.
    Gone { freed: u64 },
    /// Somebody has taken it away, or wants it.
    Stays,
}

impl<'a> Sweep<'a> {
    /// Nothing where the layout has no such directory.
    pub(super) fn begin(layout: &'a Directory, algorithm: Algorithm, rule: Rule) -> Result<Option<Self>> {
        let path = layout.root().join(blob_directory(algorithm));
        let opened = (|| {
            let mut here = open_directory(layout.root(), Links::Followed)?;
            for part in blob_directory(algorithm).split('/') {
                here = open_directory_in(&here, part)?;
            }
            let entries = EachEntry::of(here.try_clone()?)?;
            Ok((here, entries))
        })();
        match opened {
            Ok((blobs, entries)) => Ok(Some(Self { layout, algorithm, blobs, entries, rule })),
            Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::io("list", &path, error)),
        }
    }

    /// The next blobs, at most so many, that nothing names as far as `is_named` knows, and that are old enough. What is
    /// no blob is passed over: it is not ours.
    pub(super) fn next(&mut self, most: usize, is_named: impl Fn(Digest) -> bool) -> Result<Vec<Digest>> {
        let mut found = Vec::new();
        while found.len() < most {
            let Some(entry) = self.entries.next() else { break };
            let entry = entry.map_err(|error| self.failed("list", error))?;
            let digest = entry.name.to_str().and_then(|name| format!("{}:{name}", self.algorithm).parse().ok());
            let Some(digest) = digest.filter(|digest| !is_named(*digest)) else { continue };
            if self.look(&entry.name)?.is_some_and(|found| self.may_go(&found)) {
                found.push(digest);
            }
        }
        Ok(found)
    }

    /// How many bytes would be free without it; nothing when it is not there.
    pub(super) fn size(&self, digest: Digest) -> Result<Option<u64>> {
        Ok(self.look(OsStr::new(&digest.hex()))?.map(|found| freed(&found)))
    }

    /// Removes a blob that nothing names, unless somebody wants it by now.
    pub(super) fn remove(&self, digest: Digest, aside: &PrivateDirectory) -> Result<Went> {
        self.take(&digest.hex(), aside).map_err(|error| self.failed("remove a blob in", error))
    }

    fn take(&self, name: &str, aside: &PrivateDirectory) -> io::Result<Went> {
        let aside = aside.held();
        // Nobody else puts anything there.
        match rustix::fs::renameat(&self.blobs, name, aside, name) {
            Err(Errno::NOENT) => return Ok(Went::Stays),
            moved => moved?,
        }
        let found = rustix::fs::statat(aside, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if self.may_go(&found) {
            rustix::fs::unlinkat(aside, name, AtFlags::empty())?;
            return Ok(Went::Gone { freed: freed(&found) });
        }
        put_back(aside, &self.blobs, name)?;
        Ok(Went::Stays)
    }

    fn look(&self, name: &OsStr) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.blobs, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("look into", error.into())),
        }
    }

    fn may_go(&self, found: &Stat) -> bool {
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        is_file && modified(found).is_some_and(|modified| self.rule.is_past(modified, self.rule.grace))
    }

    fn failed(&self, act: &str, error: io::Error) -> Fault {
        Fault::io(act, &self.layout.root().join(blob_directory(self.algorithm)), error)
    }
}

/// Where blobs are while it is decided whether they go. What a kill leaves in it is removed by the next writer: nobody
/// names it, and nobody had been told that it is there since.
pub(super) fn aside(layout: &Directory) -> Result<PrivateDirectory> {
    PrivateDirectory::create(layout.root(), DRAFTS).map_err(|error| Fault::io("write in", layout.root(), error))
}

/// The same bytes may have come again meanwhile, and stay then.
fn put_back(aside: impl AsFd, blobs: impl AsFd, name: &str) -> io::Result<()> {
    let put = match rustix::fs::renameat_with(&aside, name, &blobs, name, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it: a second name, which none gives away.
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(&aside, name, &blobs, name, AtFlags::empty())
            .and_then(|()| rustix::fs::unlinkat(&aside, name, AtFlags::empty())),
        put => put,
    };
    match put {
        Err(Errno::EXIST) => Ok(rustix::fs::unlinkat(&aside, name, AtFlags::empty())?),
        put => Ok(put?),
    }
}

/// A file with other names frees nothing: repositories share blobs.
fn freed(found: &Stat) -> u64 {
    if found.st_nlink == 1 { u64::try_from(found.st_size).unwrap_or(0) } else { 0 }
}

/// Nothing before 1970, which no file of ours is from.
fn modified(found: &Stat) -> Option<SystemTime> {
    let (seconds, nanoseconds) = (u64::try_from(found.st_mtime).ok()?, u32::try_from(found.st_mtime_nsec).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GRACE: Duration = Duration::from_secs(1_000);

    fn layout() -> (tempfile::TempDir, Directory, Digest) {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        let digest = Digest::of(b"blob");
        layout.keep(layout.ingest().expect("begun").write(b"blob").expect("written"), digest).expect("kept");
        (root, layout, digest)
    }

    fn sweep(layout: &Directory, now: SystemTime) -> Sweep<'_> {
        let rule = Rule { now, grace: GRACE, untagged: None };
        Sweep::begin(layout, Algorithm::Sha256, rule).expect("opened").expect("there")
    }

    #[test]
    fn only_what_is_old_and_a_blob_is_found() {
        let (_root, layout, digest) = layout();
        let blobs = layout.root().join("blobs/sha256");
        for foreign in ["README", &digest.hex().to_uppercase(), &digest.hex()[1..]] {
            fs::write(blobs.join(foreign), "mine").expect("written");
        }
        fs::create_dir(blobs.join(Digest::of(b"directory").hex())).expect("made");
        std::os::unix::fs::symlink("README", blobs.join(Digest::of(b"link").hex())).expect("linked");
        let modified = fs::metadata(layout.blob_path(digest)).expect("there").modified().expect("a time");
        for (now, expected) in [
            (modified + GRACE - Duration::from_nanos(1), vec![]),
            (modified + GRACE, vec![digest]),
            (modified + GRACE * 2, vec![digest]),
        ] {
            assert_eq!(sweep(&layout, now).next(100, |_| false).expect("listed"), expected);
        }
        assert_eq!(sweep(&layout, modified + GRACE).next(100, |_| true).expect("listed"), []);
    }

    #[test]
    fn what_was_renewed_since_it_was_found_is_put_back_and_what_came_again_stays() {
        let (_root, layout, digest) = layout();
        let later = SystemTime::now() + GRACE * 2;
        let aside = aside(&layout).expect("made");
        let found = sweep(&layout, later);
        let path = layout.blob_path(digest);
        fs::File::open(&path).expect("opened").set_modified(later).expect("set");
        assert_eq!(found.remove(digest, &aside).expect("asked"), Went::Stays);
        assert_eq!(fs::read(&path).expect("there"), b"blob");
        // Moved aside, and sent again.
        fs::rename(&path, aside.path().join(digest.hex())).expect("moved");
        fs::write(&path, "again").expect("written");
        put_back(aside.held(), &found.blobs, &digest.hex()).expect("put back");
        assert_eq!(fs::read(&path).expect("there"), b"again");
        fs::File::open(&path).expect("opened").set_modified(SystemTime::now()).expect("set");
        fs::hard_link(&path, layout.root().join("second")).expect("linked");
        assert_eq!(found.remove(digest, &aside).expect("asked"), Went::Gone { freed: 0 });
        assert_eq!(found.remove(digest, &aside).expect("asked"), Went::Stays, "it is gone already");
        assert_eq!(fs::read_dir(aside.path()).expect("listed").count(), 1, "its marker alone");
    }
}
