//! Whether a private key stands anywhere in a text, beside whatever else is in it: in a directory of trusted keys
//! none has a place.
//!
//! A public key and plain words around it are no secret, and neither are a fingerprint or a certificate. So 32
//! bytes alone are one only when they are the seed of a key that the text holds as well.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::bare_key::{Bare, hexadecimal};
use crate::key_form::Form;
use crate::pem::{contains, holds_private_key};
use crate::wrapping::{MAX_LAYERS, base64, unwrapped};

/// What only private keys hold: of other tools, of `openssl pkey -text`, and the body of one of OpenSSH.
const MARKERS: [&[u8]; 6] = [
    b"AGE-SECRET-KEY-",
    b"PuTTY-User-Key-File-",
    b"untrusted comment: minisign encrypted secret key",
    b"Private-Lines: ",
    b"Private-Key: (",
    b"openssh-key-v1\0",
];
/// The identifier of Ed25519, and the octet strings that a seed stands in and a public key does not (RFC 8410).
const ED25519_SEED: [u8; 9] = [0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// The shortest run that is decoded: 32 bytes in base64.
const MIN_RUN: usize = 43;
const DASHES: &[u8] = b"-----";

/// Whether there is a private key in `content`. `is_seed_of_key` says whether those bytes are the seed of a key that
/// it holds.
pub(crate) fn holds_secret(content: &[u8], is_seed_of_key: &dyn Fn(&[u8; 32]) -> bool) -> bool {
    let is_bare = || matches!(Form::of(content), Form::Bare(Bare::Private | Bare::OtherPrivate, _));
    let is_wrapped = || unwrapped(content).is_some_and(|found| is_named(&found.text));
    is_bare() || is_wrapped() || holds_below(content, is_seed_of_key, MAX_LAYERS)
}

/// In `text` itself, and in what its parts are in base64, in hexadecimal, or in characters of two bytes.
fn holds_below(text: &[u8], is_seed_of_key: &dyn Fn(&[u8; 32]) -> bool, layers: usize) -> bool {
    if is_named(text) || is_der(text) || text.first_chunk().is_some_and(|seed| is_length(text) && is_seed_of_key(seed))
    {
        return true;
    }
    let Some(layers) = layers.checked_sub(1) else { return false };
    let below = |inner: &[u8]| holds_below(inner, is_seed_of_key, layers);
    // UTF-16 behind a text in UTF-8 has no beginning that could be told, and OpenSSL puts colons between bytes.
    let thinned = [0, b':'].iter().any(|byte| text.contains(byte) && below(&without(text, *byte)));
    let text = without_armor(text);
    let words = text.split(|byte| !is_digit(*byte));
    let (joined, paragraphs) = joined_lines(&text);
    let mut runs = words.chain(paragraphs.into_iter().map(|range| &joined[range])).filter(|run| run.len() >= MIN_RUN);
    thinned || runs.any(|run| decoded(run).iter().any(|inner| below(inner)))
}

/// Of a seed, alone and with the public key behind it.
fn is_length(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 32 | 64)
}

fn is_named(text: &[u8]) -> bool {
    holds_private_key(text) || MARKERS.iter().any(|marker| contains(text, marker)) || holds_private_jwk(text)
}

/// A JSON Web Key has its type, and one that is private or shared the member that says so: `d` (RFC 8037, section 2,
/// and RFC 7518, sections 6.2.2 and 6.3.2), or `k` (6.4.1).
fn holds_private_jwk(text: &[u8]) -> bool {
    has_member(text, b"\"kty\"") && [&b"\"d\""[..], b"\"k\""].iter().any(|name| has_member(text, name))
}

/// Whether a member of that name has a text as its value.
fn has_member(text: &[u8], name: &[u8]) -> bool {
    let value = |rest: &[u8]| {
        let rest = rest.trim_ascii_start().strip_prefix(b":")?;
        rest.trim_ascii_start().strip_prefix(b"\"").map(drop)
    };
    text.windows(name.len()).enumerate().any(|(at, found)| found == name && value(&text[at + name.len()..]).is_some())
}

fn is_der(bytes: &[u8]) -> bool {
    matches!(Bare::of(bytes), Some(Bare::Private | Bare::OtherPrivate)) || contains(bytes, &ED25519_SEED)
}

fn without(text: &[u8], dropped: u8) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len()));
    kept.extend(text.iter().filter(|byte| **byte != dropped));
    kept
}

/// What a run may be. Digits of base64 that are one too many, or that were cut, take nothing from those before.
fn decoded(run: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let whole = &run[..run.len() - run.len() % 4];
    let hexadecimal = run.split(|byte| !byte.is_ascii_hexdigit()).filter(|digits| digits.len() >= 64);
    base64(run).or_else(|| base64(whole)).into_iter().chain(hexadecimal.filter_map(self::hexadecimal)).collect()
}

/// The lines of one word, and where in them those of one width begin and end, which `base64` writes.
fn joined_lines(text: &[u8]) -> (Zeroizing<Vec<u8>>, Vec<Range<usize>>) {
    let mut joined = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    let mut width = 0;
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).map(digits).filter(|line| !line.is_empty()) {
        if !line.iter().all(|byte| is_digit(*byte)) {
            width = 0;
            continue;
        }
        let start = joined.len();
        joined.extend_from_slice(line);
        match paragraphs.last_mut() {
            Some(paragraph) if line.len() <= width => paragraph.end = joined.len(),
            _ => paragraphs.push(start..joined.len()),
        }
        // The last line is shorter, and nothing is joined to it.
        width = if line.len() < width { 0 } else { line.len() };
    }
    (joined, paragraphs)
}

/// Of either alphabet.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// A line without what is around its first and its last word: blanks, quotes, padding, the sign of a comment.
fn digits(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| is_digit(*byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| is_digit(*byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// With a line break for each five dashes, which are digits of the alphabet for URLs and end a word here.
fn without_armor(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut cut = Zeroizing::new(text.to_vec());
    let mut at = 0;
    while let Some(dashes) = cut.get_mut(at..at + DASHES.len()) {
        if dashes == DASHES {
            dashes.fill(b'\n');
        }
        at += 1;
    }
    cut
}
