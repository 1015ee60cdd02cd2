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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn field(bytes: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        push(&mut message, bytes);
        message
    }

    fn key() -> PublicKey {
        SigningKey::generate().expect("random numbers").public_key()
    }

    fn listed(keys: &[(Vec<u8>, &str)]) -> Vec<u8> {
        let count = u32::try_from(keys.len()).expect("few").to_be_bytes();
        let keys = keys.iter().flat_map(|(blob, comment)| [field(blob), field(comment.as_bytes())].concat());
        [IDENTITIES_ANSWER].into_iter().chain(count).chain(keys).collect()
    }

    #[test]
    fn a_question_is_byte_for_byte_what_the_draft_says() {
        let key = key();
        assert_eq!(request_identities(), [11]);
        let expected = [&[13, 0, 0, 0, 51, 0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], key.as_bytes()].concat();
        let expected = [&expected[..], &[0, 0, 0, 2], b"hi", &[0, 0, 0, 0]].concat();
        assert_eq!(request_signature(&key, b"hi"), expected);
    }

    #[test]
    fn keys_that_cannot_be_used_are_counted_and_not_taken() {
        let (one, other) = (key(), key());
        let weak = [field(ED25519), field(&[0; 32])].concat();
        let short = [field(ED25519), field(&[7; 31])].concat();
        let longer = [blob_of(&one), vec![0]].concat();
        let certificate = [field(b"ssh-ed25519-cert-v01@openssh.com"), field(one.as_bytes())].concat();
        let answer = listed(&[
            (weak, "weak"),
            (short, "short"),
            (blob_of(&one), "one"),
            (longer, "longer"),
            (certificate, "certificate"),
            (Vec::new(), "nothing"),
            (blob_of(&other), "other"),
        ]);
        let found = read_identities(&answer).expect("an answer");
        assert_eq!(found.keys, [(one, "one".to_owned()), (other, "other".to_owned())]);
        assert_eq!(found.other_count, 5);
    }

    #[test]
    fn no_piece_of_an_answer_is_one_and_no_longer_one_either() {
        let answer = listed(&[(blob_of(&key()), "one"), (blob_of(&key()), "")]);
        let signature = [&[SIGN_RESPONSE][..], &field(&[field(ED25519), field(&[7; 64])].concat())].concat();
        assert!(read_identities(&answer).is_ok());
        assert_eq!(read_signature(&signature), Ok([7; 64]));
        for at in 0..answer.len() {
            assert_eq!(read_identities(&answer[..at]).err(), Some(NoAnswer::Garbage), "cut at {at}");
        }
        for at in 0..signature.len() {
            assert_eq!(read_signature(&signature[..at]), Err(NoAnswer::Garbage), "cut at {at}");
        }
        for longer in [[&answer[..], &[0]].concat(), [&answer[..], &answer].concat()] {
            assert_eq!(read_identities(&longer).err(), Some(NoAnswer::Garbage));
        }
        assert_eq!(read_signature(&[&signature[..], &[0]].concat()), Err(NoAnswer::Garbage));
        assert_eq!(read_signature(&[FAILURE]), Err(NoAnswer::Refused));
        assert_eq!(read_signature(&[FAILURE, 0]), Err(NoAnswer::Garbage));
    }

    /// A length is believed only as far as there are bytes, whatever it says.
    #[test]
    fn every_changed_length_is_refused_or_means_the_same_and_takes_no_memory() {
        let answer = listed(&[(blob_of(&key()), "one")]);
        for at in 0..answer.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut changed = answer.clone();
                changed[at] = value;
                if let Ok(found) = read_identities(&changed) {
                    assert!(found.keys.len() + found.other_count <= 1, "{at}: {value}");
                }
            }
        }
    }
}
