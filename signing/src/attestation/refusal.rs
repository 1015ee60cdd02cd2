//! How an attestation is refused that is none.

use aisoc_manifests::fault::{Fault, Reason};

pub(super) fn invalid(why: impl std::fmt::Display) -> Fault {
    Fault::new(Reason::AttestationInvalid, format!("the attestation {why}"))
}
