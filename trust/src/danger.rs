//! The bypass: letting in what nobody vouches for. Every way to do it is in this file.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Fault;
use aisoc_signing::Verified;

use crate::mode::SignatureStatus;
use crate::verdict::Verdict;

/// Lets in a tree in mode `warn`, although `objection` says why it should not run.
pub(crate) fn let_in_despite(subject: Digest, status: SignatureStatus, objection: Fault) -> Verdict {
    Verdict::unverified(subject, status, Some(objection))
}

/// Lets in a tree in mode `warn` whose signature is verified, although it is less than the policy asks for.
pub(crate) fn let_in_short(subject: Digest, verified: Verified, objection: Fault) -> Verdict {
    Verdict::verified(subject, verified, Some(objection))
}

/// Lets in a tree in mode `disabled`: nothing was looked at.
pub(crate) fn let_in_unread(subject: Digest) -> Verdict {
    Verdict::unverified(subject, SignatureStatus::Skipped, None)
}
