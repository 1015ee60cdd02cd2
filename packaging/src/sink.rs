//! Where staged files go: into a private directory, or nowhere.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::tar::Mode;
use rustix::fs::{Mode as Bits, OFlags};
use rustix::io::Errno;

/// Takes files one after the other.
pub(crate) trait Sink: Send {
    /// Begins a file.
    fn file(&mut self, path: &RelPath, mode: Mode) -> Result<()>;
    /// Continues it.
    fn content(&mut self, bytes: &[u8]) -> Result<()>;
    /// Completes it.
    fn end(&mut self) -> Result<()>;
}

/// Writes nothing: for `verify` and `inspect`, which take the same walk as an install.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn file(&mut self, _: &RelPath, _: Mode) -> Result<()> {
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Creates files below a held directory.
///
/// Every step from the held directory down is one component opened without following links, and
/// every file is created exclusively: nothing that stands there before, or is put there meanwhile,
/// can lead a write out of the tree (CVE-2026-50162).
pub(crate) struct Directory {
    root: OwnedFd,
    /// For messages only.
    shown: PathBuf,
    modes: Modes,
    parent: Option<(RelPath, OwnedFd)>,
    file: Option<(File, RelPath)>,
}

/// Whether the process's umask leaves the modes of new files as we ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modes {
    Kept,
    Masked,
}

const OPEN_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CREATE_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_BITS: u32 = 0o755;

impl Directory {
    /// Creates the directory `name` in `parent`, which is `shown` in messages, and holds it.
    pub(crate) fn create(parent: impl AsFd, shown: &Path, name: &str) -> Result<Self> {
        let failed = |error: Errno| Fault::io("create", &shown.join(name), error.into());
        rustix::fs::mkdirat(&parent, name, Bits::from_raw_mode(DIRECTORY_BITS)).map_err(failed)?;
        let root = rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Bits::empty()).map_err(failed)?;
        let made = rustix::fs::fstat(&root).map_err(failed)?.st_mode & 0o777;
        let modes = if made == DIRECTORY_BITS { Modes::Kept } else { Modes::Masked };
        let directory = Self { root, shown: shown.join(name), modes, parent: None, file: None };
        directory.set_mode(&directory.root, DIRECTORY_BITS).map_err(failed)?;
        Ok(directory)
    }

    /// The directory that holds `path`, made where it is missing. Archives list a directory's files
    /// together, so the last one is kept open.
    fn parent_of(&mut self, path: &RelPath) -> std::result::Result<Option<&OwnedFd>, Errno> {
        let Some(wanted) = path.parent() else { return Ok(None) };
        if self.parent.as_ref().is_none_or(|(held, _)| *held != wanted) {
            let mut current: Option<OwnedFd> = None;
            for component in wanted.components() {
                current = Some(self.enter(current.as_ref().unwrap_or(&self.root), component)?);
            }
            self.parent = current.map(|held| (wanted, held));
        }
        Ok(self.parent.as_ref().map(|(_, held)| held))
    }

    fn enter(&self, directory: &OwnedFd, name: &str) -> std::result::Result<OwnedFd, Errno> {
        match rustix::fs::openat(directory, name, OPEN_DIRECTORY, Bits::empty()) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(directory, name, Bits::from_raw_mode(DIRECTORY_BITS))?;
                let made = rustix::fs::openat(directory, name, OPEN_DIRECTORY, Bits::empty())?;
                self.set_mode(&made, DIRECTORY_BITS)?;
                Ok(made)
            }
            opened => opened,
        }
    }

    fn set_mode(&self, fd: &OwnedFd, bits: u32) -> std::result::Result<(), Errno> {
        match self.modes {
            Modes::Kept => Ok(()),
            Modes::Masked => rustix::fs::fchmod(fd, Bits::from_raw_mode(bits)),
        }
    }

    fn open(&mut self, path: &RelPath, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
        self.parent_of(path)?;
        let parent = self.parent.as_ref().filter(|_| path.parent().is_some()).map_or(&self.root, |(_, held)| held);
        let file = rustix::fs::openat(parent, path.file_name(), CREATE_FILE, Bits::from_raw_mode(mode.bits()))?;
        self.set_mode(&file, mode.bits())?;
        Ok(file)
    }
}

impl Sink for Directory {
    fn file(&mut self, path: &RelPath, mode: Mode) -> Result<()> {
        let file =
            self.open(path, mode).map_err(|error| Fault::io("create", &path.under(&self.shown), error.into()))?;
        self.file = Some((File::from(file), path.clone()));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some((file, path)) => {
                file.write_all(bytes).map_err(|error| Fault::io("write", &path.under(&self.shown), error))
            }
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.file = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use aisoc_manifests::fault::Reason;

    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("a path")
    }

    fn inside(parent: &Path) -> Result<Directory> {
        Directory::create(File::open(parent).expect("opened"), parent, "tree")
    }

    fn put(sink: &mut Directory, name: &str, content: &str) -> Result<()> {
        sink.file(&path(name), Mode::Plain)?;
        sink.content(content.as_bytes())?;
        sink.end()
    }

    #[test]
    fn every_file_goes_to_its_own_directory_in_whatever_order_they_come() {
        let parent = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        let names = ["a/x", "b/x", "a/y", "top", "a/b/x", "a/z", "b/a/x", "last"];
        for name in names {
            put(&mut sink, name, name).expect(name);
        }
        for name in names {
            assert_eq!(fs::read_to_string(parent.path().join("tree").join(name)).expect(name), name);
        }
    }

    #[test]
    fn a_content_is_written_piece_by_piece_to_the_file_that_is_open() {
        let parent = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        sink.file(&path("a"), Mode::Executable).expect("created");
        for piece in ["one ", "two ", "three"] {
            sink.content(piece.as_bytes()).expect("written");
        }
        sink.end().expect("complete");
        sink.content(b"stray").expect("of no file");
        let written = parent.path().join("tree/a");
        assert_eq!(fs::read_to_string(&written).expect("there"), "one two three");
        assert_eq!(fs::metadata(&written).expect("there").permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn nothing_is_written_through_a_link_or_over_what_is_there() {
        let parent = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        fs::write(outside.path().join("sentinel"), "untouched").expect("written");
        let tree = parent.path().join("tree");
        // What somebody else puts into the tree while it is staged.
        symlink(outside.path(), tree.join("linked")).expect("linked");
        symlink(outside.path().join("sentinel"), tree.join("file")).expect("linked");
        symlink(outside.path().join("new"), tree.join("dangling")).expect("linked");
        fs::write(tree.join("taken"), "first").expect("written");
        for name in ["linked/sentinel", "linked/new", "linked/sub/new", "file", "dangling", "taken", "taken/x"] {
            let fault = put(&mut sink, name, "evil").expect_err(name);
            assert!(fault.message().contains(name.split('/').next().expect("a name")), "{fault:?}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("sentinel")).expect("there"), "untouched");
        assert_eq!(fs::read_dir(outside.path()).expect("listed").count(), 1);
        assert_eq!(fs::read_to_string(tree.join("taken")).expect("there"), "first");
    }

    #[test]
    fn a_directory_that_is_moved_away_meanwhile_is_still_the_one_that_is_written_to() {
        let parent = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        put(&mut sink, "a/x", "x").expect("written");
        let tree = parent.path().join("tree");
        fs::rename(&tree, parent.path().join("moved")).expect("moved");
        symlink(outside.path(), &tree).expect("linked");
        put(&mut sink, "a/y", "y").expect("written");
        put(&mut sink, "b/z", "z").expect("written");
        assert_eq!(fs::read_dir(outside.path()).expect("listed").count(), 0);
        assert_eq!(fs::read_to_string(parent.path().join("moved/b/z")).expect("there"), "z");
    }

    #[test]
    fn a_tree_is_made_and_never_found() {
        let parent = tempfile::tempdir().expect("a directory");
        fs::create_dir(parent.path().join("tree")).expect("made");
        assert_eq!(inside(parent.path()).err().expect("it is there").reason(), Reason::IoError);
        let other = tempfile::tempdir().expect("a directory");
        symlink(parent.path(), other.path().join("tree")).expect("linked");
        assert!(inside(other.path()).is_err());
    }

    #[test]
    fn modes_are_set_again_only_where_the_umask_took_some() {
        let parent = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        let file = File::create(parent.path().join("tree/x")).expect("created");
        let mode = |file: &File| file.metadata().expect("open").permissions().mode() & 0o777;
        file.set_permissions(fs::Permissions::from_mode(0o600)).expect("set");
        let fd = OwnedFd::from(file.try_clone().expect("another"));
        sink.modes = Modes::Kept;
        sink.set_mode(&fd, 0o755).expect("nothing to do");
        assert_eq!(mode(&file), 0o600);
        sink.modes = Modes::Masked;
        sink.set_mode(&fd, 0o755).expect("set");
        assert_eq!(mode(&file), 0o755);
    }

    #[test]
    fn a_strict_umask_takes_nothing_from_what_the_host_has_to_read() {
        let this = "sink::tests::a_strict_umask_takes_nothing_from_what_the_host_has_to_read";
        // In a process of its own: the umask belongs to the whole process.
        if std::env::var_os("PACKAGING_TEST_UMASK").is_none() {
            let program = std::env::current_exe().expect("this program");
            let shell = std::process::Command::new("sh")
                .args(["-c", "umask 077; exec \"$0\" --exact \"$1\""])
                .args([program.as_os_str(), this.as_ref()])
                .env("PACKAGING_TEST_UMASK", "1")
                .output()
                .expect("run");
            let said = String::from_utf8_lossy(&shell.stdout);
            assert!(shell.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let parent = tempfile::tempdir().expect("a directory");
        let mut sink = inside(parent.path()).expect("made");
        assert_eq!(sink.modes, Modes::Masked);
        put(&mut sink, "a/b/x", "x").expect("written");
        let mode = |name: &str| {
            let metadata = fs::metadata(parent.path().join("tree").join(name)).expect("there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!([mode(""), mode("a"), mode("a/b"), mode("a/b/x")], [0o755, 0o755, 0o755, 0o644]);
    }
}
