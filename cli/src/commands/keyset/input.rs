//! A set of keys on standard input.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use aisoc_files::{SmallFileError, read_into};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::MAX_ENVELOPE_BYTES;

use crate::context::Context;
use crate::waiting::Waiting;

/// Reads it whole.
///
/// # Errors
/// `keyset_invalid` for more than any set is, `interrupted`, and I/O reasons.
pub(super) fn read(context: &Context) -> Result<Vec<u8>> {
    let unread = |error: std::io::Error| Fault::io("read the set of keys from", Path::new("standard input"), error);
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(unread)?);
    let mut buffer = vec![0; MAX_ENVELOPE_BYTES as usize];
    let cancellation = context.cancellation()?;
    let read = read_into(Waiting::new(stdin, cancellation), &mut buffer);
    cancellation.check()?;
    let length = read.map_err(|error| match error {
        SmallFileError::Io(error) => unread(error),
        error => Fault::new(Reason::KeysetInvalid, "standard input holds more than a set of keys").caused_by(error),
    })?;
    buffer.truncate(length);
    Ok(buffer)
}
