//! How a shim ends, which is how its Python has ended, or why there is none.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// What a shim ends with that could not start Python, as shells do: it is not there,
pub(crate) const NOT_FOUND: u8 = 127;
/// or is, and does not start.
pub(crate) const NOT_STARTED: u8 = 126;
/// Or does not start now, as there are as many processes as may be.
pub(crate) const EXHAUSTED: u8 = 124;
/// Or something before that did not work.
pub(crate) const FAILED: u8 = 125;

pub(super) fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// A shell's way of saying it, which is the shim's, as the status of Python.
pub(crate) fn status_of_python(shim: ExitStatus) -> ExitStatus {
    match shim.code() {
        Some(code) if code > 128 => ExitStatus::from_raw(code - 128),
        _ => shim,
    }
}
