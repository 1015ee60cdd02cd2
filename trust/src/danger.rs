//! The bypass: letting in what nobody vouches for. Every way to do it is in this file.

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::Fault;

use aisoc_signing::Verified;

use crate::gate::Admitted;
use crate::mode::SignatureStatus;

/// Lets in a tree in mode `warn`, although `objection` says why it should not run.
pub(crate) fn admit_despite(subject: TreeDigest, status: SignatureStatus, objection: Fault) -> Admitted {
    Admitted::unverified(subject, status, Some(objection))
}

/// Lets in a tree in mode `warn` whose signature is verified, although it is less than the policy asks for.
pub(crate) fn admit_short(subject: TreeDigest, verified: Verified, objection: Fault) -> Admitted {
    Admitted::verified(subject, verified, Some(objection))
}

/// Lets in a tree in mode `disabled`: nothing was looked at.
pub(crate) fn admit_unread(subject: TreeDigest) -> Admitted {
    Admitted::unverified(subject, SignatureStatus::Skipped, None)
}
