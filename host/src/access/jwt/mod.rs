//! Tokens that somebody else has made: JSON Web Tokens (RFC 7519) of an issuer of the site, whose keys stand in a file that an
//! operator puts there (RFC 7517).
//!
//! Such a token is what its signature, its issuer, its audience and its times make it, and none of that is taken from the
//! token alone: which algorithm counts is said by the key, which key by the file, and where the key would be, by nobody.

mod claims;
mod compact;
mod key;
mod key_set;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use aisoc_context::Tenant;
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;

use self::compact::Compact;
use self::key_set::{KeyFile, KeySet};
use super::denied::{BELIEVED, Denied};
use super::permission::Permission;
use super::unread::{Tell, Unread};
pub use claims::Subject;

/// Longest name of an issuer or of an audience.
const MAX_NAME_BYTES: usize = 512;

/// Whose tokens count, and for whom they are to be.
#[derive(Debug, Clone)]
pub struct IssuerOptions {
    /// The file of its keys.
    pub keys: PathBuf,
    /// What it calls itself: `iss`, to the letter.
    pub issuer: String,
    /// What it calls this host: one of `aud`, to the letter.
    pub audience: String,
}

#[derive(Debug)]
struct Read {
    at: Instant,
    unread: Unread,
    keys: std::result::Result<Arc<KeySet>, Reason>,
}

/// An issuer, and its keys as they were a second ago.
pub struct Issuer {
    file: KeyFile,
    issuer: String,
    audience: String,
    clock: fn() -> Timestamp,
    read: Mutex<Read>,
}

impl Issuer {
    /// Reads the keys, for a host that begins. Signatures are verified with what TLS is made of. That the keys cannot be read
    /// later is told.
    ///
    /// # Errors
    /// `io_not_found` where there is no file, `directory_insecure` where others could have written it, `key_invalid` for what
    /// is no set of keys, or has none that can be used, `usage` for a name that is none.
    pub fn begin(
        options: IssuerOptions,
        provider: Arc<CryptoProvider>,
        clock: fn() -> Timestamp,
        tell: Tell,
    ) -> Result<Self> {
        let IssuerOptions { keys, issuer, audience } = options;
        require_name("issuer", &issuer)?;
        require_name("audience", &audience)?;
        let file = KeyFile::new(keys, provider);
        let keys = Ok(Arc::new(file.keys()?));
        let read = Read { at: Instant::now(), unread: Unread::new(tell), keys };
        Ok(Self { file, issuer, audience, clock, read: Mutex::new(read) })
    }

    /// Lets pass who shows a token of that issuer that counts now and holds that permission, and says who it is about,
    /// and for which tenant they ask.
    pub(super) fn admit(
        &self,
        shown: &[u8],
        permission: Permission,
    ) -> std::result::Result<(Subject, Option<Tenant>), Denied> {
        let token = Compact::read(shown).ok_or(Denied::NotCredible)?;
        let keys = self.keys().map_err(Denied::KeysUnreadable)?;
        let key = keys.key(&token.key_id).ok_or(Denied::NotCredible)?;
        let claims = token.verified(key).ok_or(Denied::NotCredible)?;
        if !claims.are_of(&self.issuer) || !claims.are_for(&self.audience) || !claims.count_at((self.clock)()) {
            return Err(Denied::NotCredible);
        }
        let subject = claims.subject().ok_or(Denied::Subjectless)?;
        match claims.hold(permission) {
            true => Ok((subject, claims.tenant().ok_or(Denied::NotCredible)?)),
            false => Err(Denied::Role(permission)),
        }
    }

    /// The keys; none while the file cannot be read: one of them could have been taken back meanwhile.
    fn keys(&self) -> std::result::Result<Arc<KeySet>, Reason> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.at.elapsed() >= BELIEVED {
            read.keys = read.unread.tell(self.file.keys()).map(Arc::new);
            read.at = Instant::now();
        }
        read.keys.clone()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("issuer", &self.issuer).field("audience", &self.audience).finish_non_exhaustive()
    }
}

fn require_name(what: &str, name: &str) -> Result<()> {
    let is_name = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    match is_name {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, format!("the {what} of tokens has no name that it could have"))
            .expected(format!("1 to {MAX_NAME_BYTES} bytes of text"), format!("{} bytes", name.len()))
            .hint(format!("say it as tokens have it: `--jwt-{what} TEXT`"))),
    }
}
