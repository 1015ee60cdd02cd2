//! `Logins`: what a host knows of its tokens while it runs: the file as it was a second ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::TokenDigest;
use aisoc_manifests::fault::{Reason, Result};
use jiff::Timestamp;

use super::permission::Permission;
use super::secret::digest_of;
use super::token_file::{Grant, TokenFile, TokenRecord};
use super::token_name::TokenName;

/// How long what was read is believed: so soon is a token that was revoked refused by a host that runs.
const BELIEVED: Duration = Duration::from_secs(1);

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
}

type Known = HashMap<TokenDigest, TokenRecord>;

#[derive(Debug)]
struct Read {
    at: Instant,
    known: std::result::Result<Arc<Known>, Reason>,
}

/// The tokens of a host that runs.
#[derive(Debug)]
pub struct Logins {
    file: TokenFile,
    clock: fn() -> Timestamp,
    read: Mutex<Read>,
}

impl Logins {
    /// Reads the file, for a host that begins.
    ///
    /// # Errors
    /// As [`TokenFile::tokens`]: a host that knows no tokens takes nobody's.
    pub fn begin(file: TokenFile, clock: fn() -> Timestamp) -> Result<Self> {
        let known = known(file.tokens()?);
        Ok(Self { file, clock, read: Mutex::new(Read { at: Instant::now(), known: Ok(known) }) })
    }

    /// Lets pass who shows a token that counts now and holds that permission, and says what it is called.
    pub(crate) fn admit(&self, shown: &[u8], permission: Permission) -> std::result::Result<TokenName, Denied> {
        let digest = digest_of(shown).ok_or(Denied::NoToken)?;
        let known = self.known().map_err(Denied::Unreadable)?;
        let token = known.get(&digest).filter(|token| token.revoked_at.is_none()).ok_or(Denied::Unknown)?;
        if token.has_expired((self.clock)()) {
            return Err(Denied::Expired);
        }
        match (&token.grant, token.grant.holds(permission)) {
            (_, true) => Ok(token.name.clone()),
            (Grant::Scopes(_), false) => Err(Denied::Scope(permission)),
            (Grant::Role(_), false) => Err(Denied::Role(permission)),
        }
    }

    /// The tokens; none while the file cannot be read: who could have been revoked meanwhile is not let in.
    fn known(&self) -> std::result::Result<Arc<Known>, Reason> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.at.elapsed() >= BELIEVED {
            let known = self.file.tokens().map(known).map_err(|fault| fault.reason());
            *read = Read { at: Instant::now(), known };
        }
        read.known.clone()
    }
}

fn known(tokens: Vec<TokenRecord>) -> Arc<Known> {
    Arc::new(tokens.into_iter().map(|token| (token.digest, token)).collect())
}
