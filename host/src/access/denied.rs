//! `Denied`: why somebody is not let in, whatever they have shown.

use std::time::Duration;

use aisoc_manifests::fault::Reason;

use super::permission::Permission;

/// How long what was read is believed: so soon is a token that was revoked refused by a host that runs.
pub(super) const BELIEVED: Duration = Duration::from_secs(1);

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It shows nothing.
    Unnamed,
    /// It shows something else than a token.
    NoToken,
    /// A token that is not known, or was revoked: nobody is told which.
    Unknown,
    /// A token whose time is over.
    Expired,
    /// A token that does not hold that.
    Scope(Permission),
    /// A role that does not.
    Role(Permission),
    /// Nobody can tell: the file of tokens cannot be read, for that reason.
    Unreadable(Reason),
    /// A token of an issuer that does not count: nobody is told why.
    NotCredible,
    /// One that counts, and is about nobody.
    Subjectless,
    /// Nobody can tell: the keys of the issuer cannot be read, for that reason.
    KeysUnreadable(Reason),
}
