//! The shim: processes of ours between a caller and a plugin's Python.
//!
//! It is this program, started again. The **supervisor** ends all that a plugin started when the plugin ends, and ends the
//! plugin when its caller is gone; in it the namespaces of a confinement are made. The **first** process in those is
//! another one, which closes every other layer behind itself before it starts Python. Neither runs a line of a plugin's.

mod counting;
pub(crate) mod ending;
mod first;
mod order;
mod supervisor;

use std::io::{self, Write as _};
use std::process::ExitCode;

pub(crate) use self::ending::{EXHAUSTED, FAILED, NOT_FOUND, NOT_STARTED, status_of_python};
pub use self::order::{Bounds, ShimProgram};
pub(crate) use self::order::{Confinement, Order, Said, Script};

/// Is the shim. Standard input is a socket to its caller; it stays until the plugin and the caller, or one of them, have
/// ended.
///
/// The status is that of Python; 128 and the signal when one ended it; 124 to 127 when it could not be started, the reason of
/// which is on standard error.
pub fn attend(order: &str) -> ExitCode {
    let attended =
        serde_json::from_str(order).map_err(io::Error::from).and_then(|order: Order| match order.confinement.clone() {
            Some(confinement) if confinement.namespaces.is_some() => first::run(&order, &confinement),
            _ => supervisor::run(&order),
        });
    match attended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Whoever closed it has nothing to read there.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(match error.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                io::ErrorKind::PermissionDenied => NOT_STARTED,
                io::ErrorKind::WouldBlock => EXHAUSTED,
                _ => FAILED,
            })
        }
    }
}
