//! Reading a file of the keyring's own directory without its lock. Nobody else may be able to change it.

use std::path::Path;

use aisoc_files::{Arrival, Links, SmallFileError, Walk, open_file_in, read_open};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::OWN_DIRECTORY;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::super::pending::PENDING;
use crate::state_directory::{OPEN_DIRECTORY, require_secure};

/// The content of a file there; nothing where there is no such file, no such directory, or one PEM file for it.
///
/// # Errors
/// `directory_insecure` for what others can change, `record_invalid` for what is no file of its size, and I/O reasons.
pub(super) fn read(keys: &Path, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
    let shown = keys.join(OWN_DIRECTORY).join(name);
    let failed = |error| Fault::io("read", &shown, error);
    let mut walk = Walk::default();
    let Arrival::Directory(place) = walk.to(keys, Links::Followed).map_err(failed)? else { return Ok(None) };
    let top = place.open().map_err(failed)?;
    let own = match rustix::fs::openat(&top, OWN_DIRECTORY, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened.map_err(|error| failed(error.into()))?,
    };
    require_secure(&own, &keys.join(OWN_DIRECTORY))?;
    let unreadable = |error: SmallFileError| match error {
        SmallFileError::Io(error) => failed(error),
        error => {
            Fault::new(Reason::RecordInvalid, format!("`{}` is no file of its kind", shown.display())).caused_by(error)
        }
    };
    let file = match open_file_in(&own, name) {
        Err(error) if error.is_absent() => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    require_secure(&file, &shown)?;
    Ok(Some(read_open(file, max_bytes).map_err(unreadable)?.content))
}

/// Whether no change of those keys was begun and not finished: what was decided is then not what stands there.
///
/// # Errors
/// `change_pending`, and as reading a file there.
pub fn require_finished(keys: &Path) -> Result<()> {
    match read(keys, PENDING, super::super::pending::MAX_PENDING_BYTES)? {
        None => Ok(()),
        Some(_) => Err(Fault::new(
            Reason::Locked,
            format!("a change of `{}` was begun and is not finished", keys.display()),
        )
        .expected("the keys as they were decided on", "those in between")
        .hint("another command may be at it: run this one again; what was killed is finished by the next change of the keys")),
    }
}
