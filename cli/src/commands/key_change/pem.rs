//! Reading a public key that somebody names.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use aisoc_files::{Links, SmallFileError, read_into, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{KeySource, PublicKey};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::output::resembles_key;
use crate::waiting::Waiting;

/// Larger than any key file that is read elsewhere.
pub(in crate::commands) const MAX_PEM_BYTES: u64 = 64 << 10;

/// Reads the key of a file, or of standard input. Somebody may name the private half, which is not quoted.
///
/// # Errors
/// `key_invalid`, `weak_key`, `usage` for a key in place of a path, and I/O reasons.
pub(in crate::commands) fn read(source: &str, context: &Context) -> Result<PublicKey> {
    if source == "-" {
        return PublicKey::read(&standard_input(context)?, &KeySource::Input);
    }
    if resembles_key(source) {
        return Err(Fault::new(Reason::Usage, "what was given is a key, and not the path of one")
            .hint("pass the path of a PEM file, or `-` and the key on standard input"));
    }
    read_file(Path::new(source))
}

/// As [`read`], of what may have a name that is no text.
///
/// # Errors
/// As [`read`].
pub(in crate::commands) fn read_named(source: &OsStr, context: &Context) -> Result<PublicKey> {
    source.to_str().map_or_else(|| read_file(Path::new(source)), |source| read(source, context))
}

fn read_file(path: &Path) -> Result<PublicKey> {
    let shown = path.display();
    let file = read_small(path, MAX_PEM_BYTES, Links::Followed).map_err(|error| match error {
        SmallFileError::Io(error) => Fault::io("read the key", path, error),
        SmallFileError::NotAFile => Fault::new(Reason::KeyInvalid, format!("`{shown}` is not a regular file")),
        SmallFileError::TooLarge { max_bytes, .. } => {
            Fault::new(Reason::KeyInvalid, format!("`{shown}` is larger than a key"))
                .expected(format!("at most {max_bytes} bytes"), "more")
        }
    })?;
    PublicKey::read(&Zeroizing::new(file.content), &KeySource::file(path))
}

fn standard_input(context: &Context) -> Result<Zeroizing<Vec<u8>>> {
    let unread = |error: std::io::Error| Fault::io("read the key from", Path::new("standard input"), error);
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(unread)?);
    let mut buffer = Zeroizing::new(vec![0; MAX_PEM_BYTES as usize]);
    let cancellation = context.cancellation()?;
    let read = read_into(Waiting::new(stdin, cancellation), &mut buffer);
    cancellation.check()?;
    let length = read.map_err(|error| match error {
        SmallFileError::Io(error) => unread(error),
        error => Fault::new(Reason::KeyInvalid, "standard input holds more than a key").caused_by(error),
    })?;
    buffer.truncate(length);
    Ok(buffer)
}

/// The id of a key that is called as its file is.
///
/// # Errors
/// `usage` where there is no file.
pub(super) fn id_of(source: &str) -> Result<String> {
    let name = Path::new(source).file_stem().and_then(|stem| stem.to_str()).filter(|_| source != "-");
    name.map(str::to_owned).ok_or_else(|| {
        Fault::new(Reason::Usage, "a key from standard input has no name of its own").hint("name it: `--id ID`")
    })
}
