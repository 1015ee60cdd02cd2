//! Running a plugin as nobody, when the caller is root.
//!
//! To root nothing is closed: neither this process's memory nor any file. So the child is another user, and
//! because that one may not go where root's directories are, it gets a copy that it can read and not change.

use std::env;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use aisoc_files::{Links, open_file};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::Limits;
use tempfile::TempDir;

/// The user and the group that own nothing.
pub(super) const NOBODY: u32 = 65534;

/// A copy of a plugin's directory that nobody can read.
pub(super) struct Lowered {
    _place: TempDir,
    plugin: PathBuf,
}

impl Lowered {
    /// Makes the copy, when this process is root's.
    ///
    /// # Errors
    /// I/O reasons; `forbidden_entry` for more than a plugin may hold; `interrupted`.
    pub(super) fn of(directory: &Path, limits: &Limits) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let failed = |error| Fault::io("copy the plugin to", &env::temp_dir(), error);
        let place = tempfile::Builder::new().prefix("aisoc-load-").tempdir().map_err(failed)?;
        chown(place.path(), None, Some(NOBODY)).map_err(failed)?;
        fs::set_permissions(place.path(), Permissions::from_mode(0o750)).map_err(failed)?;
        // Modules are named after the directory.
        let plugin = place.path().join(directory.file_name().unwrap_or("plugin".as_ref()));
        Copy { room: limits.clone() }.directory(directory, &plugin)?;
        Ok(Some(Self { _place: place, plugin }))
    }

    /// Where the copy is.
    pub(super) fn plugin(&self) -> &Path {
        &self.plugin
    }
}

/// A copy under way, and how much it may still be.
struct Copy {
    room: Limits,
}

impl Copy {
    /// Regular files, directories, and links as they are; nothing else can be imported.
    fn directory(&mut self, from: &Path, to: &Path) -> Result<()> {
        let failed = |error| Fault::io("copy", from, error);
        fs::create_dir(to).map_err(failed)?;
        fs::set_permissions(to, Permissions::from_mode(0o755)).map_err(failed)?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (kind, target) = (entry.file_type().map_err(failed)?, to.join(entry.file_name()));
            self.room.cancellation.check()?;
            self.room.max_entries = self.room.max_entries.checked_sub(1).ok_or_else(|| too_much(from))?;
            if kind.is_dir() {
                self.directory(&entry.path(), &target)?;
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).and_then(|leads_to| symlink(leads_to, &target)).map_err(failed)?;
            } else if kind.is_file() {
                self.file(&entry.path(), &target)?;
            }
        }
        Ok(())
    }

    /// Takes that many bytes from what may still come.
    fn take(&mut self, bytes: u64, from: &Path) -> Result<()> {
        let left = self.room.max_total_bytes.checked_sub(bytes).filter(|_| bytes <= self.room.max_file_bytes);
        self.room.max_total_bytes = left.ok_or_else(|| too_much(from))?;
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path) -> Result<()> {
        let failed = |error| Fault::io("copy", from, error);
        let source = open_file(from, Links::Refused).map_err(|error| failed(error.into()))?;
        let stated = source.metadata().map_err(failed)?.len();
        // By what it is said to have, before the first byte: holes would become bytes.
        self.take(stated, from)?;
        let mut target = File::create_new(to).map_err(failed)?;
        let mut rest = source.take(stated);
        loop {
            self.room.cancellation.check()?;
            if io::copy(&mut rest.by_ref().take(PIECE_BYTES), &mut target).map_err(failed)? == 0 {
                break;
            }
        }
        target.set_permissions(Permissions::from_mode(0o644)).map_err(failed)
    }
}

/// So much is copied between two looks at whether to stop.
const PIECE_BYTES: u64 = 1 << 20;

fn too_much(path: &Path) -> Fault {
    Fault::new(Reason::ForbiddenEntry, format!("with `{}` there is more than a plugin may hold", path.display()))
        .hint("take it out of the plugin's directory; `aisoc help limits` says how much a plugin may hold")
}
