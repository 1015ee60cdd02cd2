//! When a blob was sent, mounted or asked for last: the time at which its file was changed, which is set anew for that.
//!
//! Who asks whether a blob is there does not send it, and stores a manifest that names it a moment later. A collection
//! of garbage leaves it alone for so long. The time is that of the open file, and the file is looked for once more after
//! it was set: a collection moves it out of the way first and looks at the time then, so one of the two sees the other.

use std::io;
use std::os::unix::fs::MetadataExt as _;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::directory::Directory;
use super::ingest::renew_file;
use super::stored::StoredBlob;

/// How often a blob is looked for that goes and comes.
const ROUNDS: usize = 4;

impl Directory {
    /// The blob of that digest, if there is one; a collection of garbage leaves it where it is for its grace period from
    /// now on.
    ///
    /// # Errors
    /// As [`Directory::blob`].
    pub fn renew(&self, digest: Digest) -> Result<Option<StoredBlob>> {
        let failed = |error| Fault::io("renew", &self.blob_path(digest), error);
        for _ in 0..ROUNDS {
            let Some(blob) = self.blob(digest)? else { return Ok(None) };
            match renew_file(&blob.file) {
                Ok(()) => {}
                // Somebody else's file can be shown and not renewed. Whether it is there still is judged when a manifest
                // names it.
                Err(error) if is_denied(&error) => return Ok(Some(blob)),
                Err(error) => return Err(failed(error)),
            }
            if self.is_there(&blob, digest).map_err(failed)? {
                return Ok(Some(blob));
            }
        }
        // Taken each time that it came.
        Ok(None)
    }

    fn is_there(&self, blob: &StoredBlob, digest: Digest) -> io::Result<bool> {
        let held = blob.file.metadata()?;
        match rustix::fs::statat(rustix::fs::CWD, self.blob_path(digest), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok((found.st_dev, found.st_ino) == (held.dev(), held.ino())),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_is_renewed_is_as_young_as_if_it_had_just_come() {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        let digest = Digest::of(b"blob");
        assert!(layout.renew(digest).expect("asked").is_none());
        layout.keep(layout.ingest().expect("begun").write(b"blob").expect("written"), digest).expect("kept");
        let old = SystemTime::now() - Duration::from_secs(100_000);
        let path = layout.blob_path(digest);
        let age = || fs::metadata(&path).expect("there").modified().expect("a time").elapsed().unwrap_or_default();
        File::open(&path).expect("opened").set_modified(old).expect("set");
        assert!(age() > Duration::from_secs(90_000));
        assert_eq!(layout.renew(digest).expect("asked").expect("there").size, 4);
        assert!(age() < Duration::from_secs(60));
    }

    #[test]
    fn what_was_written_long_ago_is_young_once_it_has_its_name() {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        let digest = Digest::of(b"blob");
        let ingest = layout.ingest().expect("begun").write(b"blob").expect("written");
        // An upload that was begun yesterday and ends without another byte.
        let old = SystemTime::now() - Duration::from_secs(100_000);
        ingest.file().set_modified(old).expect("set");
        layout.keep(ingest, digest).expect("kept");
        let modified = fs::metadata(layout.blob_path(digest)).expect("there").modified().expect("a time");
        assert!(modified.elapsed().unwrap_or_default() < Duration::from_secs(60));
    }
}
