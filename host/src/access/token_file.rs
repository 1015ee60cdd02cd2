//! `TokenFile`: the tokens that a host knows, in one file that whoever makes and revokes them writes and hosts read.
//!
//! Nothing in it is secret. Whoever could change it could let himself in, so it is judged as keys are: nobody but this
//! user, root and the owner's group may change it, or a directory on the way to it.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aisoc_context::Tenant;
use aisoc_files::{PassingLock, Place, Replacement, SmallFileError, shell_word};
use aisoc_manifests::digest::TokenDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::Patience;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judged_file;
use super::operator::Operator;
use super::permission::{Permission, Role, Scope};
use super::secret::Token;
use super::token_name::TokenName;

/// Most tokens of a host: each is looked up by its digest, and the file is read again whenever it may have changed.
const MAX_TOKENS: usize = 1_000;
/// Larger than that many tokens.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The form of the file.
const SCHEMA: u32 = 1;
/// Of a new file: whoever runs the host as another user gives it to a group.
const MODE: u32 = 0o600;
/// Held while the file is changed.
const LOCK: &str = ".aisoc-tokens.lock";

/// What a token allows: scopes of its own, or all that a role does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// These, and nothing else.
    Scopes(Vec<Scope>),
    /// Whoever has it acts in that role.
    Role(Role),
}

impl Grant {
    /// Whether it holds that permission.
    pub fn holds(&self, permission: Permission) -> bool {
        match self {
            Self::Scopes(scopes) => scopes.iter().any(|scope| scope.holds(permission)),
            Self::Role(role) => role.holds_plugins(),
        }
    }
}

/// A token, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// What people call it.
    pub name: TokenName,
    /// What it is known by.
    pub digest: TokenDigest,
    /// What it allows.
    pub grant: Grant,
    /// Who answers for it; nobody where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// For which tenant whoever has it asks; for none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// Since when there is one.
    pub created_at: Timestamp,
    /// From when on it counts no more; never where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it is revoked; not where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl TokenRecord {
    /// `active`, `expired` or `revoked`.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match (self.revoked_at, self.has_expired(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "active",
        }
    }

    /// Whether it counts, changes plugins, and nobody answers for it.
    pub fn is_unanswered_for(&self, now: Timestamp) -> bool {
        let counts = self.revoked_at.is_none() && !self.has_expired(now);
        counts && self.operator.is_none() && self.grant.holds(Permission::Admin)
    }

    /// Whether its time is over. It is, from the moment that was stated.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires| expires <= now)
    }
}

/// What is asked for.
#[derive(Debug)]
pub struct NewToken {
    /// What people are to call it.
    pub name: TokenName,
    /// What it is to allow.
    pub grant: Grant,
    /// Who is to answer for it, if somebody is.
    pub operator: Option<Operator>,
    /// For which tenant, if for one.
    pub tenant: Option<Tenant>,
    /// From when on it is to count no more.
    pub expires_at: Option<Timestamp>,
}

/// A token that was made, and what was written down of it.
#[derive(Debug)]
pub struct Made {
    /// For whoever has asked for it, once.
    pub token: Token,
    /// What is kept.
    pub record: TokenRecord,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `schema` and `tokens`")]
struct Written {
    schema: u32,
    tokens: Vec<TokenRecord>,
}

/// The file.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

/// The file as it was read, and where it is.
struct Opened {
    place: Place,
    tokens: Vec<TokenRecord>,
    before: Option<Metadata>,
}

impl TokenFile {
    /// The file at a path. Nothing is opened.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every token, in the order in which they were made.
    ///
    /// # Errors
    /// `io_not_found` where there is no file, `directory_insecure` where others could have written it, `record_invalid`
    /// for what is none, and I/O reasons.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>> {
        let opened = self.open()?;
        match opened.before {
            Some(_) => Ok(opened.tokens),
            None => {
                Err(Fault::new(Reason::IoNotFound, format!("there is no file of tokens `{}`", self.path.display()))
                    .hint(format!(
                        "make a token, which makes the file: `aisoc token create ops --role admin{}`",
                        self.option()
                    )))
            }
        }
    }

    /// Makes a token. One of the same name that counts no more gives way to it. A dry run makes it too, and forgets it.
    ///
    /// # Errors
    /// `token_exists` for a name that a token has which counts, `usage` for a time that is over and for more tokens than
    /// a host knows, `locked`; and as [`TokenFile::tokens`], but that the file is made where there is none.
    pub fn create(&self, new: NewToken, now: Timestamp, dry_run: bool, patience: &Patience) -> Result<Made> {
        let NewToken { name, grant, operator, tenant, expires_at } = new;
        name.require_free()?;
        if let Some(expires) = expires_at.filter(|expires| *expires <= now) {
            return Err(Fault::new(Reason::Usage, format!("the token `{name}` would never count"))
                .expected(format!("a time after {now}"), expires.to_string()));
        }
        let token = Token::generate()?;
        let digest = token.digest();
        let record =
            TokenRecord { name, digest, grant, operator, tenant, created_at: now, expires_at, revoked_at: None };
        let (made, option) = (record.clone(), self.option());
        self.change(dry_run, patience, |tokens| {
            if let Some(other) = tokens.iter().find(|other| other.name == made.name && other.state(now) == "active") {
                let name = &other.name;
                return Err(Fault::new(Reason::TokenExists, format!("there is a token `{name}`, and it counts"))
                    .hint(format!("choose another name, or revoke that one: `aisoc token revoke {name}{option}`")));
            }
            tokens.retain(|other| other.name != made.name);
            if tokens.len() >= MAX_TOKENS {
                return Err(Fault::new(Reason::Usage, "there are as many tokens as a host knows")
                    .expected(format!("at most {MAX_TOKENS}"), tokens.len().to_string())
                    .hint("make the file anew, with the tokens that are still in use"));
            }
            tokens.push(made);
            Ok(())
        })?;
        Ok(Made { token, record })
    }

    /// Revokes a token: no host takes it from then on. Revoking it again changes nothing.
    ///
    /// # Errors
    /// `token_not_found`, `locked`; and as [`TokenFile::tokens`].
    pub fn revoke(&self, name: &TokenName, now: Timestamp, dry_run: bool, patience: &Patience) -> Result<TokenRecord> {
        self.tokens()?;
        let mut revoked = None;
        self.change(dry_run, patience, |tokens| {
            let found = tokens.iter_mut().find(|token| token.name == *name);
            let token = found.ok_or_else(|| {
                Fault::new(Reason::TokenNotFound, format!("there is no token `{name}` in `{}`", self.path.display()))
                    .hint(format!("see which there are: `aisoc token list{}`", self.option()))
            })?;
            token.revoked_at.get_or_insert(now);
            revoked = Some(token.clone());
            Ok(())
        })?;
        revoked.ok_or_else(|| Fault::new(Reason::Internal, "a token was revoked and is not known"))
    }

    fn change(
        &self,
        dry_run: bool,
        patience: &Patience,
        change: impl FnOnce(&mut Vec<TokenRecord>) -> Result<()>,
    ) -> Result<()> {
        if dry_run {
            return change(&mut self.open()?.tokens);
        }
        let _held = self.hold(patience)?;
        let Opened { place, mut tokens, before } = self.open()?;
        self.require_own_name(before.as_ref())?;
        let known = tokens.clone();
        change(&mut tokens)?;
        if before.is_some() && tokens == known {
            return Ok(());
        }
        let failed = |error: std::io::Error| Fault::io("write", &self.path, error);
        let mut text =
            serde_json::to_string_pretty(&Written { schema: SCHEMA, tokens }).map_err(|error| failed(error.into()))?;
        text.push('\n');
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        let directory = place.open().map_err(failed)?;
        Replacement::write(directory, self.name()?, text.as_bytes(), before.as_ref(), MODE)
            .and_then(Replacement::publish)
            .map_err(failed)
    }

    fn hold(&self, patience: &Patience) -> Result<PassingLock> {
        let parent = aisoc_files::parent(&self.path);
        let failed = |error| Fault::io("lock", &self.path, error);
        patience
            .wait_for(&self.path, &parent.join(LOCK), |wait| PassingLock::acquire(parent, LOCK, wait).map_err(failed))
    }

    /// Refuses to write by a second name: what is replaced would be the name alone, and hosts would go on to read the
    /// file that the first one leads to.
    fn require_own_name(&self, before: Option<&Metadata>) -> Result<()> {
        let is_link = self.path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        match is_link || before.is_some_and(|before| before.nlink() > 1) {
            true => Err(Fault::new(Reason::Usage, format!("`{}` is a second name of a file", self.path.display()))
                .expected("the name of the file itself", "a link")
                .hint("name the file that hosts read: `readlink -f` says which it is")),
            false => Ok(()),
        }
    }

    /// As a command names this file.
    fn option(&self) -> String {
        format!(" --tokens {}", shell_word(&self.path))
    }

    fn name(&self) -> Result<&str> {
        judged_file::name(&self.path)
    }

    fn open(&self) -> Result<Opened> {
        let judged_file::Opened { place, content } =
            judged_file::open(&self.path, MAX_FILE_BYTES, |error| self.unread(error))?;
        let Some((content, before)) = content else { return Ok(Opened { place, tokens: Vec::new(), before: None }) };
        Ok(Opened { place, tokens: self.read(&content)?, before: Some(before) })
    }

    fn read(&self, content: &[u8]) -> Result<Vec<TokenRecord>> {
        let written: Written = serde_json::from_slice(content).map_err(|error| self.invalid(error))?;
        let Written { schema, tokens } = written;
        if schema != SCHEMA {
            let fault = self.invalid("it was written by another version of aisoc");
            return Err(fault.expected(format!("schema {SCHEMA}"), format!("schema {schema}")));
        }
        if tokens.len() > MAX_TOKENS {
            return Err(self.invalid(format!("more than {MAX_TOKENS} tokens")));
        }
        let mut names: Vec<&TokenName> = tokens.iter().map(|token| &token.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.invalid(format!("two tokens are called `{}`", twice[0])));
        }
        let mut digests: Vec<TokenDigest> = tokens.iter().map(|token| token.digest).collect();
        digests.sort_unstable();
        if digests.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.invalid("two tokens are one"));
        }
        Ok(tokens)
    }

    fn invalid(&self, why: impl fmt::Display) -> Fault {
        Fault::new(Reason::RecordInvalid, format!("`{}` is no file of tokens: {why}", self.path.display()))
            .hint("put back the file as aisoc has written it, or name another one and make new tokens")
    }

    fn unread(&self, error: SmallFileError) -> Fault {
        match error {
            SmallFileError::Io(error) => Fault::io("read", &self.path, error),
            SmallFileError::NotAFile => self.invalid("it is no regular file"),
            SmallFileError::TooLarge { max_bytes, .. } => self.invalid(format!("more than {max_bytes} bytes")),
        }
    }
}
