//! What is said between aisoc and a program that signs: one line of JSON each way. `docs/signing-keys.md` is the
//! contract; what is here is its only reader and writer.
//!
//! Both sides are strict: an unknown member is a misspelt one, and a misspelt one must not be passed over.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::key::PublicKey;
use crate::signature::Signature;

/// The version of the contract that is spoken here, and the only one.
pub const PROTOCOL_VERSION: u64 = 1;
const ALGORITHM: &str = "ed25519";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Which key is yours?
    PublicKey,
    /// Sign this.
    Sign,
}

/// A question: one JSON document, and then the end of the input. Without `Debug`: it may hold a passphrase.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    protocol_version: u64,
    /// What is asked.
    pub operation: Operation,
    algorithm: String,
    /// What is to be signed, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_base64: Option<String>,
    /// What opens the token, where the program is one that takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<Secret>,
}

/// A text that is wiped.
struct Secret(Zeroizing<String>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Request {
    /// Asks for the public key.
    pub fn public_key() -> Self {
        Self::of(Operation::PublicKey, None)
    }

    /// Asks for a signature.
    pub fn sign(message: &[u8]) -> Self {
        Self::of(Operation::Sign, Some(STANDARD.encode(message)))
    }

    fn of(operation: Operation, message_base64: Option<String>) -> Self {
        let algorithm = ALGORITHM.to_owned();
        Self { protocol_version: PROTOCOL_VERSION, operation, algorithm, message_base64, passphrase: None }
    }

    /// With what opens the token.
    #[must_use]
    pub fn with_passphrase(self, passphrase: Option<Zeroizing<String>>) -> Self {
        Self { passphrase: passphrase.map(Secret), ..self }
    }

    /// What a program that signs was asked. The other side of the contract, for programs of ours.
    ///
    /// # Errors
    /// In words for [`Reply::error`]; none of what is there is quoted.
    pub fn read(line: &[u8]) -> Result<Self, &'static str> {
        let request: Self = serde_json::from_slice(line).map_err(|_| "the question is no document of the contract")?;
        match request {
            Self { protocol_version, .. } if protocol_version != PROTOCOL_VERSION => {
                Err("the question is of another version of the contract")
            }
            Self { ref algorithm, .. } if algorithm != ALGORITHM => Err("the question is about another algorithm"),
            Self { operation: Operation::Sign, message_base64: None, .. } => Err("the question holds no message"),
            request => Ok(request),
        }
    }

    /// What is to be signed; nothing for [`Operation::PublicKey`].
    ///
    /// # Errors
    /// As [`Request::read`].
    pub fn message(&self) -> Result<Vec<u8>, &'static str> {
        let message = self.message_base64.as_deref().unwrap_or_default();
        STANDARD.decode(message).map_err(|_| "the message is no base64")
    }

    /// What opens the token.
    pub fn passphrase(&self) -> Option<&str> {
        self.passphrase.as_ref().map(|passphrase| passphrase.0.as_str())
    }

    /// The line that is written.
    pub fn to_line(&self) -> Zeroizing<Vec<u8>> {
        // Of full size: a buffer that grows leaves its old self behind.
        let size = 512 + 2 * self.message_base64.as_ref().map_or(0, String::len);
        let size = size + 6 * self.passphrase.as_ref().map_or(0, |passphrase| passphrase.0.len());
        let mut line = Zeroizing::new(Vec::with_capacity(size));
        serde_json::to_writer(&mut *line, self).expect("texts and numbers are JSON");
        line.push(b'\n');
        line
    }
}

/// An answer. Everything in it is optional on paper: which member counts, the question decides.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    protocol_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key_pem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<bool>,
}

/// Why an answer is none. Quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// It is no document of the contract.
    Unread,
    /// It is one of another version.
    Version(u64),
    /// The program says what went wrong, and whether trying again may help.
    Said(String, bool),
    /// What was asked for is not in it, or is not what it should be.
    Lacks(&'static str),
}

impl Reply {
    /// Names a key.
    pub fn public_key(key: &PublicKey) -> Self {
        Self { protocol_version: PROTOCOL_VERSION, public_key_pem: Some(key.to_pem()), ..Self::default() }
    }

    /// Gives a signature.
    pub fn signature(signature: &[u8; 64]) -> Self {
        let signature_base64 = Some(STANDARD.encode(signature));
        Self { protocol_version: PROTOCOL_VERSION, signature_base64, ..Self::default() }
    }

    /// Says why there is none, and whether trying again may help.
    pub fn error(words: impl fmt::Display, retry: bool) -> Self {
        let error = Some(words.to_string());
        Self { protocol_version: PROTOCOL_VERSION, error, retry: Some(retry), ..Self::default() }
    }

    /// What a program printed.
    pub(crate) fn read(printed: &[u8]) -> Result<Self, NoReply> {
        let reply: Self = serde_json::from_slice(printed).map_err(|_| NoReply::Unread)?;
        match reply {
            Self { protocol_version: PROTOCOL_VERSION, error: Some(said), retry, .. } => {
                Err(NoReply::Said(said, retry.unwrap_or(false)))
            }
            Self { protocol_version: PROTOCOL_VERSION, .. } => Ok(reply),
            Self { protocol_version, .. } => Err(NoReply::Version(protocol_version)),
        }
    }

    /// The key that it names, in one of the two forms that services give: PEM, or the base64 of 32 bytes or of
    /// `SubjectPublicKeyInfo`.
    pub(crate) fn into_public_key(self) -> Result<PublicKey, NoReply> {
        const NONE: NoReply =
            NoReply::Lacks("one usable Ed25519 public key, as `public_key_pem` or `public_key_base64`");
        let key = match (self.public_key_pem, self.public_key_base64) {
            (Some(pem), None) => PublicKey::from_pem(pem.as_bytes()).ok(),
            (None, Some(base64)) => STANDARD.decode(base64).ok().and_then(|bytes| PublicKey::from_key_bytes(&bytes)),
            _ => None,
        };
        key.filter(|_| self.signature_base64.is_none()).ok_or(NONE)
    }

    /// The signature that it gives.
    pub(crate) fn into_signature(self) -> Result<Signature, NoReply> {
        const NONE: NoReply = NoReply::Lacks("`signature_base64`, the 64 bytes of a signature in base64");
        let bytes = self.signature_base64.and_then(|base64| STANDARD.decode(base64).ok());
        let bytes = bytes.filter(|_| self.public_key_pem.is_none() && self.public_key_base64.is_none());
        bytes.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok()).map(Signature).ok_or(NONE)
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread => f.write_str("answers with something that is not one JSON document of its contract"),
            Self::Version(_) => f.write_str("answers in another version of its contract"),
            Self::Said(..) => f.write_str("says that it cannot"),
            Self::Lacks(what) => write!(f, "answers without {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn a_question_is_one_line_of_stated_members() {
        let line = String::from_utf8(Request::sign(b"m").to_line().to_vec()).expect("text");
        let expected =
            "{\"protocol_version\":1,\"operation\":\"sign\",\"algorithm\":\"ed25519\",\"message_base64\":\"bQ==\"}\n";
        assert_eq!(line, expected);
        let long = Zeroizing::new("\u{1}".repeat(100));
        let line = Request::public_key().with_passphrase(Some(long)).to_line();
        assert!(line.capacity() >= line.len() && line.capacity() < 1200, "it never grew: {}", line.capacity());
    }

    #[test]
    fn a_question_is_read_as_it_was_asked_and_in_no_other_way() {
        let asked = Request::sign(&[7; 32]).with_passphrase(Some(Zeroizing::new("1234".to_owned())));
        let read = Request::read(&asked.to_line()).expect("our own");
        assert_eq!((read.operation, read.passphrase()), (Operation::Sign, Some("1234")));
        assert_eq!(read.message().expect("a message"), [7; 32]);
        let read = Request::read(&Request::public_key().to_line()).expect("our own");
        assert_eq!((read.operation, read.passphrase(), read.message()), (Operation::PublicKey, None, Ok(Vec::new())));
        for (line, words) in [
            ("hunter2", "no document"),
            ("{\"protocol_version\":1,\"operation\":\"export\",\"algorithm\":\"ed25519\"}", "no document"),
            ("{\"protocol_version\":1,\"operation\":\"sign\",\"algorithm\":\"ed25519\",\"x\":1}", "no document"),
            ("{\"protocol_version\":2,\"operation\":\"sign\",\"algorithm\":\"ed25519\"}", "another version"),
            ("{\"protocol_version\":1,\"operation\":\"sign\",\"algorithm\":\"rsa\"}", "another algorithm"),
            ("{\"protocol_version\":1,\"operation\":\"sign\",\"algorithm\":\"ed25519\"}", "no message"),
        ] {
            let refusal = Request::read(line.as_bytes()).err().expect(line);
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{line}: {refusal}");
        }
    }

    #[test]
    fn a_key_is_read_in_each_form_and_in_no_second_one() {
        let key = SigningKey::generate().expect("random numbers").public_key();
        let pem = serde_json::to_string(&Reply::public_key(&key)).expect("JSON");
        let der = key.to_pem().lines().nth(1).expect("a body").to_owned();
        let raw = STANDARD.encode(&STANDARD.decode(&der).expect("base64")[12..]);
        let of = |members: &str| format!("{{\"protocol_version\":1,{members}}}");
        for good in
            [pem, of(&format!("\"public_key_base64\":\"{der}\"")), of(&format!("\"public_key_base64\":\"{raw}\""))]
        {
            let found = Reply::read(good.as_bytes()).and_then(Reply::into_public_key);
            assert_eq!(found.expect(&good), key);
        }
        for bad in [
            format!("\"public_key_base64\":\"{raw}\",\"public_key_pem\":\"x\""),
            "\"public_key_base64\":\"AQ==\"".to_owned(),
            format!("\"public_key_base64\":\"{}\"", STANDARD.encode([0; 32])),
            "\"error\":null".to_owned(),
        ] {
            let found = Reply::read(of(&bad).as_bytes()).and_then(Reply::into_public_key);
            assert!(matches!(found.expect_err(&bad), NoReply::Lacks(_)), "{bad}");
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart_and_not_quoted() {
        let no = |text: &str| Reply::read(text.as_bytes()).and_then(Reply::into_signature).expect_err(text);
        let signature = STANDARD.encode([7; 64]);
        for text in ["", "hunter2", "[]", "{\"protocol_version\":1,\"signature\":\"hunter2\"}", "{} {}"] {
            assert_eq!(no(text), NoReply::Unread, "{text}");
        }
        assert_eq!(
            no(&format!("{{\"protocol_version\":2,\"signature_base64\":\"{signature}\"}}")),
            NoReply::Version(2)
        );
        let said = "{\"protocol_version\":1,\"error\":\"no\",\"retry\":true}";
        assert_eq!(no(said), NoReply::Said("no".to_owned(), true));
        assert!(matches!(no("{\"protocol_version\":1,\"signature_base64\":\"AAAA\"}"), NoReply::Lacks(_)));
        assert!(!no("hunter2").to_string().contains("hunter2"));
    }
}
