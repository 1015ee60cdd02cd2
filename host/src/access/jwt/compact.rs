//! `Compact`: a token as it is shown (RFC 7515, 7.1), and what is verified of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::claims::Claims;
use super::key::{Algorithm, Key};
use crate::strict_json;

/// Longest token: as long as a client of ours shows one.
const MAX_TOKEN_BYTES: usize = 8 << 10;
/// Longest name of a key.
pub(super) const MAX_KEY_ID_BYTES: usize = 256;
/// What a header may say. What leads elsewhere, to a key or to a rule of its own (`jku`, `jwk`, `x5u`, `x5c`, `crit`, `b64`,
/// `zip`), is not followed, and a token that wants it is none.
const MEMBERS: [&str; 5] = ["alg", "kid", "typ", "x5t", "x5t#S256"];
/// What a token may call itself, without `application/`: RFC 7519, 5.1, and RFC 9068, 2.1.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// A token that has the form of one. Nothing of it is believed yet.
pub(super) struct Compact<'a> {
    pub(super) key_id: String,
    algorithm: Algorithm,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Reads three parts of base64url, and the header in the first.
    pub(super) fn read(shown: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(shown).ok().filter(|text| text.len() <= MAX_TOKEN_BYTES)?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let Value::Object(header) = strict_json::value(&decoded(header)?).ok()? else { return None };
        let is_known = |name: &String| MEMBERS.contains(&name.as_str());
        let text_of = |name: &str| header.get(name).map(|value| value.as_str());
        let is_of_type = match text_of("typ") {
            None => true,
            Some(of) => {
                let of = of?.to_ascii_lowercase();
                TYPES.contains(&of.strip_prefix("application/").unwrap_or(&of))
            }
        };
        let key_id = text_of("kid").flatten().filter(|id| !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES)?;
        let algorithm = Algorithm::named(text_of("alg").flatten()?)?;
        (header.keys().all(is_known) && is_of_type).then_some(())?;
        Some(Self {
            key_id: key_id.to_owned(),
            algorithm,
            signed,
            payload: decoded(payload)?,
            signature: decoded(signature)?,
        })
    }

    /// What it says, once that key has signed it, by the algorithm that the key is for.
    pub(super) fn verified(&self, key: &Key) -> Option<Claims> {
        key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature).then_some(())?;
        Claims::read(&self.payload)
    }
}
