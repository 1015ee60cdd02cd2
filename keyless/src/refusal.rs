//! How keyless signing is refused: at which step, by whom, and what differs.

use aisoc_manifests::fault::{Fault, Reason};

/// A token that does not count.
pub(crate) fn token(why: impl std::fmt::Display) -> Fault {
    Fault::new(Reason::IdentityTokenInvalid, format!("the identity token {why}"))
}

/// What a service gave is not what it was asked for. Nobody else has seen it.
pub(crate) fn mismatch(who: &str, why: impl std::fmt::Display) -> Fault {
    Fault::new(Reason::SigningServiceMismatch, format!("{who} {why}"))
}

/// What this machine could not make, which is nobody's doing.
pub(crate) fn internal(what: &str) -> Fault {
    Fault::new(Reason::Internal, format!("cannot make {what}"))
}
