//! The readers of manifests, behind one door: bytes in, values with their places out, and the canonical
//! bytes of values again.
//!
//! Everything here repeats another program bit by bit: CPython's `json` module and PyYAML's
//! `SafeLoader`, as the host uses them. A signature is over what that program would have read, so nothing
//! here is a matter of taste, and nothing outside needs to know how it is done.
//!
//! What stops a reader is a [`ReadError`]: a defect, a position, a sentence. Files, reason codes and
//! remedies are words of the crate outside; they are put on in one place, `plugin/refusal.rs`. Of those
//! words the readers know two: `position`, and `text`, which makes foreign text fit to be shown.

pub mod canonical;
mod error;
pub(crate) mod json;
mod plain;
pub mod value;
pub(crate) mod yaml;

pub use error::{Defect, ReadError};
pub use plain::read_plain_yaml;
