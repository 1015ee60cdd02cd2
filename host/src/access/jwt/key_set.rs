//! `KeySet`: the keys of an issuer, in the file that an operator has put there. Nothing is fetched.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aisoc_files::SmallFileError;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use rustls::crypto::CryptoProvider;
use serde_json::Value;

use super::super::judged_file;
use super::compact::MAX_KEY_ID_BYTES;
use super::key::{Key, Unused};
use crate::strict_json;

/// Larger than the keys of any issuer.
const MAX_FILE_BYTES: u64 = 256 << 10;
/// Most keys of one issuer: the ones of today, of yesterday and of tomorrow are a handful.
const MAX_KEYS: usize = 100;
/// Longest name of a key that a message repeats.
const MAX_SHOWN: usize = 60;

/// The keys that can be used, by their names.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: BTreeMap<String, Key>,
}

impl KeySet {
    pub(super) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }
}

/// The file of them.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf, provider: Arc<CryptoProvider>) -> Self {
        Self { path, provider }
    }

    /// Reads it, as it stands there now. Whoever could change it could let himself in, so it is judged as tokens are.
    ///
    /// # Errors
    /// As [`super::Issuer::begin`].
    pub(super) fn keys(&self) -> Result<KeySet> {
        let missing = || Fault::new(Reason::IoNotFound, format!("there is no file of keys `{}`", self.path.display()));
        let opened = judged_file::open(&self.path, MAX_FILE_BYTES, |error| self.unread(error))?;
        let (content, _) = opened.content.ok_or_else(|| missing().hint(HOW))?;
        self.read(&content)
    }

    fn read(&self, content: &[u8]) -> Result<KeySet> {
        let document = strict_json::value(content).map_err(|error| self.invalid(error))?;
        let listed =
            document.get("keys").and_then(Value::as_array).ok_or_else(|| self.invalid("it has no list `keys`"))?;
        if listed.len() > MAX_KEYS {
            return Err(self.invalid(format!("more than {MAX_KEYS} keys")));
        }
        let mut names: Vec<&str> = Vec::new();
        let mut keys = BTreeMap::new();
        for (index, listed) in listed.iter().enumerate() {
            let Value::Object(members) = listed else { return Err(self.invalid(format!("key {index} is no object"))) };
            let id = members.get("kid").and_then(Value::as_str);
            let named = || format!("key {index} (`{}`)", shown(id.unwrap_or("without a name"), MAX_SHOWN));
            // Of two that have one name nobody can tell which has signed a token.
            if let Some(id) = id {
                if names.contains(&id) {
                    return Err(self.invalid(format!("two keys are called `{}`", shown(id, MAX_SHOWN))));
                }
                names.push(id);
            }
            match (Key::read(members, &self.provider), id) {
                (Ok(key), Some(id)) if !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES => {
                    keys.insert(id.to_owned(), key);
                }
                // Issuers have keys for other things as well, and no token of ours could name one that has no name.
                (Ok(_), _) | (Err(Unused::Other), _) => {}
                (Err(Unused::Private), _) => {
                    return Err(self.invalid(format!("{} is a private key or a secret", named())));
                }
                (Err(Unused::Broken(why)), _) => return Err(self.invalid(format!("{}: {why}", named()))),
            }
        }
        match keys.is_empty() {
            true => Err(self.invalid("it has no key with a `kid` for RS256, ES256 or EdDSA")),
            false => Ok(KeySet { keys }),
        }
    }

    fn invalid(&self, why: impl fmt::Display) -> Fault {
        Fault::new(Reason::KeyInvalid, format!("`{}` is no set of public keys: {why}", self.path.display())).hint(HOW)
    }

    fn unread(&self, error: SmallFileError) -> Fault {
        match error {
            SmallFileError::Io(error) => Fault::io("read", &self.path, error),
            SmallFileError::NotAFile => self.invalid("it is no regular file"),
            SmallFileError::TooLarge { max_bytes, .. } => self.invalid(format!("more than {max_bytes} bytes")),
        }
    }
}

const HOW: &str = "save what the issuer publishes as its `jwks_uri` (RFC 7517), and name that file with `--jwks FILE`";
