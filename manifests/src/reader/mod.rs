//! The readers of manifests, behind one door: bytes in, values with their places out, and the canonical
//! bytes of values again.
//!
//! Everything here repeats another program bit by bit: CPython's `json` module and PyYAML's
//! `SafeLoader`, as the host uses them. A signature is over what that program would have read, so nothing
//! here is a matter of taste, and nothing outside needs to know how it is done.

pub mod canonical;
pub(crate) mod json;
pub mod value;
pub(crate) mod yaml;
