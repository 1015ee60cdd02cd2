//! Our own small files: JSON that people can read, with a checksum over what it says.
//!
//! The checksum finds what rotted and what was edited by a slip. It is no proof: whoever can write the
//! file can write its checksum.

use std::io::ErrorKind;
use std::path::Path;

use aisoc_files::{Links, SmallFileError, open_file, read_open};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{Document, ManifestFile};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::in_place::Identity;
use crate::secure::require_secure;

const CHECKSUM: &str = "checksum";
/// Largest file that is read or written; ours are below 4 KiB.
pub(crate) const MAX_BYTES: u64 = 64 << 10;

#[derive(Serialize)]
struct Sealed<'a, T> {
    #[serde(flatten)]
    content: &'a T,
    checksum: Digest,
}

/// The text of a file, its last member being the SHA-256 of the canonical JSON of all others.
pub(crate) fn to_text(content: &impl Serialize) -> Result<Vec<u8>> {
    let failed = |error| Fault::new(Reason::Internal, "a record cannot be written as JSON").caused_by(error);
    let checksum = checksum(&serde_json::to_vec(content).map_err(failed)?)?;
    let mut text = serde_json::to_vec_pretty(&Sealed { content, checksum }).map_err(failed)?;
    text.push(b'\n');
    // What we could not read back must not be written.
    match text.len() as u64 > MAX_BYTES {
        true => Err(Fault::new(Reason::RecordInvalid, "what would have to be written down is too large")
            .expected(format!("at most {MAX_BYTES} bytes"), format!("{} bytes", text.len()))
            .hint("have the publisher shorten the version in the manifest")),
        false => Ok(text),
    }
}

/// What a text of ours says. `what` names it in refusals.
///
/// # Errors
/// `record_invalid` for every text that [`to_text`] would not write, to the byte.
pub(crate) fn parse<T: Serialize + DeserializeOwned>(what: &str, text: &[u8]) -> Result<T> {
    let unreadable = |error| Fault::new(Reason::RecordInvalid, format!("{what} cannot be read")).caused_by(error);
    let changed = || Fault::new(Reason::RecordInvalid, format!("{what} was changed since it was written"));
    let mut members: Map<String, Value> = serde_json::from_slice(text).map_err(unreadable)?;
    let stated = members.remove(CHECKSUM);
    let content: T = serde_json::from_value(Value::Object(members)).map_err(unreadable)?;
    let computed = checksum(&serde_json::to_vec(&content).map_err(unreadable)?)?.to_string();
    match stated {
        None => return Err(changed().expected(format!("the checksum {computed}"), "no checksum")),
        Some(Value::String(stated)) if stated == computed => {}
        Some(stated) => return Err(changed().expected(computed, stated.as_str().unwrap_or("no text"))),
    }
    // The checksum is over what the text says; this is about how: repeated members, spaces, a cut end.
    match to_text(&content).is_ok_and(|written| written == text) {
        true => Ok(content),
        false => Err(changed().expected("the text that was written", "the same content in another form")),
    }
}

fn checksum(json: &[u8]) -> Result<Digest> {
    let failed = |fault| Fault::new(Reason::RecordInvalid, "a record has no canonical form").caused_by(fault);
    Document::read(ManifestFile::Json, json)
        .and_then(|document| document.canonical())
        .map(|canonical| Digest::of(&canonical))
        .map_err(failed)
}

/// The content of one of our own small files, or `None` when there is none. One that is larger than ours
/// is read far enough to be refused. What is open is judged, and not what the path leads to.
///
/// # Errors
/// `record_invalid` for what is no file of ours, `directory_insecure` for one that others can write, and
/// I/O reasons, also for a directory.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    Ok(read_with_identity(path)?.map(|(content, _)| content))
}

/// As [`read`], with what tells the file that was read from one that stands there later.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with_identity(path: &Path) -> Result<Option<(Vec<u8>, Identity)>> {
    let is_directory = || path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let refused = |error| match error {
        SmallFileError::Io(error) if !is_link(&error) => Fault::io("read", path, error),
        // No file replaces a directory, so a change has to fail before it begins.
        SmallFileError::NotAFile if is_directory() => Fault::io("read", path, ErrorKind::IsADirectory.into()),
        error => Fault::new(Reason::RecordInvalid, format!("`{}` is no file of ours", path.display())).caused_by(error),
    };
    let file = match open_file(path, Links::Refused) {
        Err(error) if error.is_absent() => return Ok(None),
        // Below a file, which is no directory of ours.
        Err(SmallFileError::Io(error)) if error.kind() == ErrorKind::NotADirectory => return Ok(None),
        file => file.map_err(refused)?,
    };
    require_secure(&file, path)?;
    let read = read_open(file, MAX_BYTES).map_err(refused)?;
    Ok(Some((read.content, Identity::of(&read.metadata))))
}

/// Whether a file was not opened because it is a link, which none of ours is.
pub(crate) fn is_link(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Passes over what cannot be understood, and over nothing else: an error of the disk is no absence.
///
/// # Errors
/// The fault, unless it is `record_invalid`.
pub(crate) fn understood<T>(read: Result<Option<T>>) -> Result<Option<T>> {
    match read {
        Err(fault) if fault.reason() == Reason::RecordInvalid => Ok(None),
        read => read,
    }
}
