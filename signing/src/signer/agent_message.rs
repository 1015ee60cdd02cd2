//! The four messages of an SSH agent that are spoken here (draft-ietf-sshm-ssh-agent, sections 3.5 and 3.6), and the
//! fields that they are made of (RFC 4251, section 5).

use crate::key::PublicKey;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Name of Ed25519, of a key and of a signature (RFC 8709).
const ED25519: &[u8] = b"ssh-ed25519";

/// What an agent holds.
pub(crate) struct Identities {
    /// Its Ed25519 keys that can be used, each with what its owner calls it.
    pub(crate) keys: Vec<(PublicKey, String)>,
    /// How many others there are: of other algorithms, certificates, keys of hardware that sign in a form of their own.
    pub(crate) other_count: usize,
}

/// Why an answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The agent says no, and never why.
    Refused,
    /// It is no answer to what was asked.
    Garbage,
}

pub(crate) fn request_identities() -> Vec<u8> {
    vec![REQUEST_IDENTITIES]
}

pub(crate) fn read_identities(answer: &[u8]) -> Result<Identities, NoAnswer> {
    let mut fields = fields_of(answer, IDENTITIES_ANSWER)?;
    let (mut keys, mut other_count) = (Vec::new(), 0);
    for _ in 0..fields.number()? {
        let (blob, comment) = (fields.text()?, fields.text()?);
        match key_of(blob) {
            Some(key) => keys.push((key, String::from_utf8_lossy(comment).into_owned())),
            None => other_count += 1,
        }
    }
    fields.end(Identities { keys, other_count })
}

pub(crate) fn request_signature(key: &PublicKey, message: &[u8]) -> Vec<u8> {
    let mut request = vec![SIGN_REQUEST];
    push(&mut request, &blob_of(key));
    push(&mut request, message);
    // No flags: they choose the hash of RSA.
    request.extend([0; 4]);
    request
}

pub(crate) fn read_signature(answer: &[u8]) -> Result<[u8; 64], NoAnswer> {
    let mut fields = fields_of(answer, SIGN_RESPONSE)?;
    let mut signature = Fields(fields.text()?);
    let (algorithm, bytes) = (signature.text()?, signature.text()?);
    let bytes = signature.end(bytes).and_then(|bytes| fields.end(bytes))?;
    match bytes.try_into() {
        Ok(bytes) if algorithm == ED25519 => Ok(bytes),
        _ => Err(NoAnswer::Garbage),
    }
}

/// A public key as SSH writes it, of which OpenSSH's fingerprints are made.
pub(crate) fn blob_of(key: &PublicKey) -> Vec<u8> {
    let mut blob = Vec::new();
    push(&mut blob, ED25519);
    push(&mut blob, key.as_bytes());
    blob
}

fn key_of(blob: &[u8]) -> Option<PublicKey> {
    let mut fields = Fields(blob);
    let (algorithm, key) = (fields.text().ok()?, fields.text().ok()?);
    let is_whole = fields.0.is_empty() && algorithm == ED25519;
    PublicKey::from_bytes(key.try_into().ok().filter(|_| is_whole)?).ok()
}

fn push(message: &mut Vec<u8>, field: &[u8]) {
    let length = u32::try_from(field.len()).expect("a field of ours is short");
    message.extend(length.to_be_bytes());
    message.extend(field);
}

fn fields_of(answer: &[u8], expected: u8) -> Result<Fields<'_>, NoAnswer> {
    match answer {
        [kind, fields @ ..] if *kind == expected => Ok(Fields(fields)),
        [FAILURE] => Err(NoAnswer::Refused),
        _ => Err(NoAnswer::Garbage),
    }
}

/// What of a message is still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Result<u32, NoAnswer> {
        let (number, rest) = self.0.split_first_chunk().ok_or(NoAnswer::Garbage)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Result<&'a [u8], NoAnswer> {
        let length = usize::try_from(self.number()?).map_err(|_| NoAnswer::Garbage)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(NoAnswer::Garbage)?;
        self.0 = rest;
        Ok(text)
    }

    /// Nothing stands behind the last field.
    fn end<T>(self, read: T) -> Result<T, NoAnswer> {
        if self.0.is_empty() { Ok(read) } else { Err(NoAnswer::Garbage) }
    }
}
