//! The change of keys that was begun and is not finished, as its note stands in the keyring's own directory.

use std::os::fd::OwnedFd;
use std::path::Path;

use aisoc_files::{SmallFileError, open_file_in, read_open};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::OWN_DIRECTORY;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::change::KeyChange;
use super::pending::{self, MAX_PENDING_BYTES, PENDING};
use crate::journal::Entry;
use crate::state_directory::{OPEN_DIRECTORY, require_secure};

/// What was begun on the directory of keys at `path`, for whoever only looks: a command is at it, or was stopped. It
/// takes no lock.
///
/// # Errors
/// `record_invalid` when nobody can tell what was begun, `directory_insecure` for a note that others can change, and
/// I/O reasons.
pub fn unfinished(path: &Path) -> Result<Option<Entry>> {
    let own = path.join(OWN_DIRECTORY);
    match rustix::fs::open(&own, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(Fault::io("open", &own, error.into())),
        Ok(opened) => Ok(begun_in(&opened)?.map(|change| change.entry)),
    }
}

/// What is written down in the keyring's own directory, which is open.
///
/// # Errors
/// As [`unfinished`].
pub(super) fn begun_in(own: &OwnedFd) -> Result<Option<KeyChange>> {
    let shown = Path::new(OWN_DIRECTORY).join(PENDING);
    let invalid = |error: SmallFileError| match error {
        SmallFileError::Io(error) => Fault::io("read", &shown, error),
        error => {
            Fault::new(Reason::RecordInvalid, "nobody can tell which change of the keys was begun").caused_by(error)
        }
    };
    let file = match open_file_in(own, PENDING) {
        Err(error) if error.is_absent() => return Ok(None),
        opened => opened.map_err(invalid)?,
    };
    require_secure(&file, &shown)?;
    let content = read_open(file, MAX_PENDING_BYTES).map_err(invalid)?.content;
    pending::read(&content).map(Some).map_err(|fault| {
        let by_hand = "look at the keys (`aisoc keys list`), and remove the file once they are as they should be";
        fault.about(shown.display()).hint(by_hand)
    })
}
