//! What keeps the meanings of digests to those that are declared here.

/// Is implemented by `meaning` alone.
pub trait Sealed {}
