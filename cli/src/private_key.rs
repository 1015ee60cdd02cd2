//! Reading the private key that signs, and leaving no copy of it anywhere.
//!
//! The bytes are read into one buffer that never grows, because a buffer that does leaves its old self
//! behind; it is wiped when the key is made. What was typed is quoted only when it is the path of a file:
//! it may be the key.

use std::fs::{File, Metadata};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use aisoc_files::{SmallFileError, read_into};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{KeySource, SigningKey};
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::output::resembles_key;
use crate::waiting::Waiting;

/// Larger than any private key.
const MAX_KEY_BYTES: usize = 64 << 10;
const HOW: &str = "pass the path of a key file, `env:VARIABLE`, or `-` and the key on standard input";

/// The key, and the mode of its file if others can get at it.
///
/// # Errors
/// `key_invalid` when the variable is unset, when the file cannot be read, is no file of a key's size, or
/// holds no signing key; `interrupted`, because a pipe is waited for.
pub(crate) fn read(
    source: &str,
    environment: &Environment,
    cancellation: &Cancellation,
) -> Result<(SigningKey, Option<u32>)> {
    let read = read_bytes(source, environment, cancellation);
    let read = read.and_then(|(bytes, mode)| Ok((SigningKey::read(&bytes, &shown(source))?, mode)));
    aisoc_signing::wipe_stack();
    read
}

/// Once it was read, `source` is a path or the name of a variable, and no key.
fn shown(source: &str) -> KeySource {
    match source.strip_prefix("env:") {
        Some(variable) => KeySource::Variable(variable.to_owned()),
        None if source == "-" => KeySource::Input,
        None => KeySource::file(source),
    }
}

fn read_bytes(
    source: &str,
    environment: &Environment,
    cancellation: &Cancellation,
) -> Result<(Zeroizing<Vec<u8>>, Option<u32>)> {
    if let Some(variable) = source.strip_prefix("env:") {
        return Ok((from_variable(variable, environment)?, None));
    }
    if source == "-" {
        // Not through the buffer of `std::io::stdin`, which lives as long as the process.
        let stdin = std::io::stdin().as_fd().try_clone_to_owned();
        let stdin = stdin.map_err(|error| Fault::io("read the private key", source.as_ref(), error))?;
        return Ok((bounded(File::from(stdin), "standard input", cancellation)?, None));
    }
    let (file, metadata) = open(source)?;
    let mode = Some(metadata.permissions().mode() & 0o7777).filter(|mode| metadata.is_file() && mode & 0o066 != 0);
    Ok((bounded(file, &format!("`{source}`"), cancellation)?, mode))
}

/// A copy stays where the system put the environment; only a new process has none.
fn from_variable(variable: &str, environment: &Environment) -> Result<Zeroizing<Vec<u8>>> {
    let is_name = !variable.is_empty() && !variable.contains(['=', '\0']);
    match is_name.then(|| environment.named(variable)).flatten() {
        Some(value) => Ok(Zeroizing::new(value.into_vec())),
        None => {
            Err(Fault::new(Reason::KeyInvalid, "the environment variable that `--private-key env:…` names is not set")
                .hint("write the name of a variable after `env:`, and set it to the PEM text of the private key"))
        }
    }
}

/// Opens the file without waiting for whoever would write into a FIFO, and judges what is open. A shell's
/// `<(…)` is a pipe too, and has its writer.
fn open(source: &str) -> Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(source, flags, Mode::empty()).map_err(|error| unreadable(source, error.into()))?;
    let file = File::from(opened);
    let metadata = file.metadata().map_err(|error| unreadable(source, error))?;
    let is_given_by_shell = metadata.file_type().is_fifo() && source.starts_with("/dev/");
    match metadata.is_file() || is_given_by_shell {
        true => Ok((file, metadata)),
        false => {
            Err(Fault::new(Reason::KeyInvalid, format!("the private key `{source}` is not a regular file")).hint(HOW))
        }
    }
}

fn unreadable(source: &str, error: std::io::Error) -> Fault {
    if resembles_key(source) {
        return Fault::new(Reason::KeyInvalid, "the value of `--private-key` is a key, and not the path of one")
            .hint("every user of this machine can read arguments: make a new key with `aisoc plugin keygen --out PREFIX`, and pass its path");
    }
    let message = match std::fs::symlink_metadata(source) {
        Ok(_) => format!("cannot read the private key `{source}`"),
        Err(_) => "there is no file at the value of `--private-key`".to_owned(),
    };
    Fault::new(Reason::KeyInvalid, message)
        .caused_by(error)
        .hint("pass an existing key, or make one with `aisoc plugin keygen --out PREFIX`")
}

fn bounded(file: File, shown: &str, cancellation: &Cancellation) -> Result<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(vec![0; MAX_KEY_BYTES]);
    let read = read_into(Waiting::new(file, cancellation), &mut buffer);
    // A signal ends the wait as a failed read.
    cancellation.check()?;
    let length = read.map_err(|error| match error {
        SmallFileError::TooLarge { .. } => Fault::new(Reason::KeyInvalid, format!("{shown} is larger than a key"))
            .expected(format!("at most {MAX_KEY_BYTES} bytes"), "more"),
        error => Fault::new(Reason::KeyInvalid, format!("cannot read the private key from {shown}")).caused_by(error),
    })?;
    buffer.truncate(length);
    Ok(buffer)
}
