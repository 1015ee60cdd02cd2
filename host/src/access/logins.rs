//! `Logins`: what a host knows of its tokens while it runs: the file as it was a second ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aisoc_context::Tenant;
use aisoc_manifests::digest::TokenDigest;
use aisoc_manifests::fault::{Reason, Result};
use jiff::Timestamp;

use super::denied::{BELIEVED, Denied};
use super::jwt::{Issuer, Subject};
use super::operator::Operator;
use super::permission::Permission;
use super::secret::digest_of;
use super::token_file::{Grant, TokenFile, TokenRecord};
use super::token_name::TokenName;
use super::unread::{Tell, Unread};

type Known = HashMap<TokenDigest, TokenRecord>;

#[derive(Debug)]
struct Read {
    at: Instant,
    unread: Unread,
    known: std::result::Result<Arc<Known>, Reason>,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// Who that is.
    pub who: Who,
    /// For which tenant they ask; for none where their token says nothing of one.
    pub tenant: Option<Tenant>,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever has a token of that name, for which somebody answers, or nobody.
    Token(TokenName, Option<Operator>),
    /// Whoever an issuer's token is about.
    Subject(Subject),
}

/// Whom a host that runs lets in: who has a token of its own, and who has one of an issuer.
#[derive(Debug)]
pub struct Logins {
    tokens: Option<OwnTokens>,
    issuer: Option<Issuer>,
}

/// The tokens of a host that runs.
#[derive(Debug)]
struct OwnTokens {
    file: TokenFile,
    clock: fn() -> Timestamp,
    read: Mutex<Read>,
}

impl Logins {
    /// Reads the file of tokens, for a host that begins. Where there is neither a file nor an issuer, nobody is let in. That it
    /// cannot be read later is told.
    ///
    /// # Errors
    /// As [`TokenFile::tokens`]: a host that knows no tokens takes nobody's.
    pub fn begin(
        file: Option<TokenFile>,
        issuer: Option<Issuer>,
        clock: fn() -> Timestamp,
        tell: Tell,
    ) -> Result<Self> {
        let tokens = file.map(|file| OwnTokens::begin(file, clock, tell)).transpose()?;
        Ok(Self { tokens, issuer })
    }

    /// Lets pass who shows a token that counts now and holds that permission, and says who that is.
    pub(crate) fn admit(&self, shown: &[u8], permission: Permission) -> std::result::Result<LoggedIn, Denied> {
        match (digest_of(shown), &self.tokens, &self.issuer) {
            (Some(digest), Some(tokens), _) => tokens.admit(&digest, permission),
            (Some(_), None, _) => Err(Denied::Unknown),
            // No token of our own looks like one of these.
            (None, _, Some(issuer)) => {
                let (subject, tenant) = issuer.admit(shown, permission)?;
                Ok(LoggedIn { who: Who::Subject(subject), tenant })
            }
            (None, _, None) => Err(Denied::NoToken),
        }
    }
}

impl OwnTokens {
    fn begin(file: TokenFile, clock: fn() -> Timestamp, tell: Tell) -> Result<Self> {
        let known = Ok(known(file.tokens()?));
        let read = Read { at: Instant::now(), unread: Unread::new(tell), known };
        Ok(Self { file, clock, read: Mutex::new(read) })
    }

    fn admit(&self, digest: &TokenDigest, permission: Permission) -> std::result::Result<LoggedIn, Denied> {
        let known = self.known().map_err(Denied::Unreadable)?;
        let token = known.get(digest).filter(|token| token.revoked_at.is_none()).ok_or(Denied::Unknown)?;
        if token.has_expired((self.clock)()) {
            return Err(Denied::Expired);
        }
        match (&token.grant, token.grant.holds(permission)) {
            (_, true) => Ok(LoggedIn {
                who: Who::Token(token.name.clone(), token.operator.clone()),
                tenant: token.tenant.clone(),
            }),
            (Grant::Scopes(_), false) => Err(Denied::Scope(permission)),
            (Grant::Role(_), false) => Err(Denied::Role(permission)),
        }
    }

    /// The tokens; none while the file cannot be read: who could have been revoked meanwhile is not let in.
    fn known(&self) -> std::result::Result<Arc<Known>, Reason> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.at.elapsed() >= BELIEVED {
            read.known = read.unread.tell(self.file.tokens()).map(known);
            read.at = Instant::now();
        }
        read.known.clone()
    }
}

fn known(tokens: Vec<TokenRecord>) -> Arc<Known> {
    Arc::new(tokens.into_iter().map(|token| (token.digest, token)).collect())
}
