//! `LogFiles`: the files that a log is in, one that is written and those behind it, by what stands in their places.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, open_append, open_directory, open_file, sync_directory};
use rustix::fs::{AtFlags, CWD, fstat, rename, statat};
use rustix::io::Errno;

use super::event::{Line, MAX_LINE_BYTES};

/// Most files behind the one that is written. The oldest goes.
pub(super) const MAX_OLD_FILES: u32 = 7;
const NAME: &str = "audit.jsonl";
/// The next one that is written, before it is in its place.
const NEXT: &str = ".audit.next.jsonl";

/// The files of a log.
#[derive(Debug, Clone)]
pub(super) struct LogFiles {
    directory: PathBuf,
}

/// The last whole line of a file.
pub(super) enum Last {
    /// There is no line.
    Nothing,
    /// It has this number.
    Number(u64),
    /// No line of it is one of a log.
    Unreadable,
}

impl LogFiles {
    /// Those in a directory, which is made where there is none.
    pub(super) fn in_directory(directory: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Self { directory: directory.to_owned() }),
        }
    }

    /// Where the file that is written stands.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// The file that is written, made where there is none.
    pub(super) fn append(&self) -> io::Result<File> {
        self.append_to(NAME)
    }

    fn append_to(&self, name: &str) -> io::Result<File> {
        open_append(open_directory(&self.directory, Links::Followed)?, name)
    }

    /// Whether that file is the one that stands where lines are read: somebody may have moved it away, and put another there.
    pub(super) fn stands(&self, file: &File) -> io::Result<bool> {
        let held = fstat(file)?;
        match statat(CWD, self.path(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok((found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts what was written behind, one place further each up to the first that is free, and gives a new one to write.
    /// It is opened before anything moves: what fails leaves every file where it was, but for one that is free.
    pub(super) fn rotated(&self) -> io::Result<File> {
        let next = self.append_to(NEXT)?;
        if next.metadata()?.len() > 0 {
            return Err(io::Error::other(format!("`{NEXT}` is there, and none of a host's")));
        }
        let is_free = |number: &u32| matches!(self.numbered(*number).symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound);
        let end = (0..=MAX_OLD_FILES).find(is_free).unwrap_or(MAX_OLD_FILES);
        for number in (0..end).rev() {
            rename(self.numbered(number), self.numbered(number + 1))?;
        }
        rename(self.directory.join(NEXT), self.path())?;
        sync_directory(&self.directory)?;
        Ok(next)
    }

    /// Every file that there is, the newest first.
    pub(super) fn all(&self) -> io::Result<Vec<File>> {
        (0..=MAX_OLD_FILES).filter_map(|number| self.opened(number).transpose()).collect()
    }

    /// The newest behind the one that is written; nothing where there is none.
    pub(super) fn before(&self) -> io::Result<Option<File>> {
        (1..=MAX_OLD_FILES).find_map(|number| self.opened(number).transpose()).transpose()
    }

    fn opened(&self, number: u32) -> io::Result<Option<File>> {
        match open_file(&self.numbered(number), Links::Refused) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_absent() => Ok(None),
            Err(SmallFileError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let name = if number == 0 { NAME.to_owned() } else { format!("audit.{number}.jsonl") };
        self.directory.join(name)
    }
}

/// The number of the last whole line. What a cut has left behind that is none.
pub(super) fn last_number(file: &File) -> io::Result<Last> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(2 * MAX_LINE_BYTES as u64);
    let mut end = vec![0; usize::try_from(length - begin).map_err(io::Error::other)?];
    file.read_exact_at(&mut end, begin)?;
    let lines = end.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines {
        if let Ok(line) = serde_json::from_slice::<Line>(line) {
            return Ok(Last::Number(line.line));
        }
    }
    Ok(if length == 0 { Last::Nothing } else { Last::Unreadable })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn names(place: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(place)
            .expect("listed")
            .map(|entry| entry.expect("there").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_cannot_be_rotated_stays_and_each_goes_one_place_further_up_to_the_first_that_is_free() {
        let place = tempfile::tempdir().expect("a directory");
        let files = LogFiles::in_directory(place.path()).expect("made");
        let read = |number| fs::read_to_string(files.numbered(number)).expect("read");
        for number in [0, 1, 2, 4, 7] {
            fs::write(files.numbered(number), number.to_string()).expect("written");
        }
        let before = names(place.path());
        // Nobody can make the next one.
        fs::create_dir(place.path().join(NEXT)).expect("made");
        assert!((0..10).all(|_| files.rotated().is_err()));
        fs::remove_dir(place.path().join(NEXT)).expect("removed");
        assert_eq!(names(place.path()), before);
        // Nor is what somebody else has put there taken for it.
        fs::write(place.path().join(NEXT), "x").expect("written");
        assert!(files.rotated().is_err());
        fs::remove_file(place.path().join(NEXT)).expect("removed");
        assert_eq!(names(place.path()), before);

        files.rotated().expect("rotated").write_all(b"new").expect("written");
        assert_eq!([0, 1, 2, 3, 4, 7].map(read), ["new", "0", "1", "2", "4", "7"]);
        for _ in 0..3 {
            files.rotated().expect("rotated");
        }
        assert_eq!([4, 5, 6, 7].map(read), ["0", "1", "2", "4"], "the oldest has gone");
        assert_eq!(files.all().expect("opened").len(), 8);
        assert_eq!(names(place.path()).len(), 8);
    }
}
