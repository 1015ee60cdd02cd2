//! The PEM blocks of a text, read as leniently as the host reads them.
//!
//! Text around a block, CRLF, an unwrapped body, blanks and a missing final newline are all in
//! use. Leniency ends there: of a trusted file the first block decides, whatever it is, so that a second key
//! pasted into the file is never silently trusted.
//!
//! Everything here is done on the bytes as they are: a text that is converted leaves copies that nobody wipes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A PEM block: its label and its body, which may be secret.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) body: &'a [u8],
}

impl Block<'_> {
    /// The decoded body, or `None` when it is not base64.
    pub(crate) fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let base64 = without_blanks(self.body);
        let mut der = Zeroizing::new(vec![0; base64.len()]);
        let length = STANDARD.decode_slice(&base64, &mut der).ok()?;
        der.truncate(length);
        Some(der)
    }

    /// Whether it is a private key by its label.
    pub(crate) fn is_private(&self) -> bool {
        self.label.contains("PRIVATE KEY")
    }
}

/// The blocks of `content` from its beginning to its end, or to the first that does not end.
pub(crate) fn blocks(content: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (block, behind) = next_block(rest)?;
        rest = behind;
        Some(block)
    })
}

fn next_block(content: &[u8]) -> Option<(Block<'_>, &[u8])> {
    let (_, after_begin) = split_once(content, BEGIN)?;
    let (label, after_label) = split_once(after_begin, DASHES)?;
    let label = std::str::from_utf8(label).ok().filter(|label| !label.contains(['\n', '\r']))?;
    let (body, behind) = split_once(after_label, &[END, label.as_bytes(), DASHES].concat())?;
    Some((Block { label, body }, behind))
}

/// Without its blanks, in one buffer of full size: one that grows leaves its old self behind.
pub(crate) fn without_blanks(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(content.len()));
    kept.extend(content.iter().filter(|byte| !byte.is_ascii_whitespace()));
    kept
}

/// Whether a line of `content` begins or ends a private key of any kind: after another block, cut off or
/// spoilt, it is no less of a secret.
pub(crate) fn holds_private_key(content: &[u8]) -> bool {
    let has = |line: &[u8], word: &[u8]| line.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let is_armor = |line: &[u8]| has(line, BEGIN) || has(line, END);
    let mut lines = content.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines.any(|line| is_armor(line) && has(line, b"PRIVATE KEY"))
}

/// Whether there is the first or the last line of a block, or a piece of one.
pub(crate) fn has_armor(content: &[u8]) -> bool {
    [BEGIN, END].iter().any(|line| contains(content, line))
}

/// Whether `part` stands anywhere in `content`.
pub(crate) fn contains(content: &[u8], part: &[u8]) -> bool {
    split_once(content, part).is_some()
}

fn split_once<'a>(content: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = content.windows(at.len()).position(|part| part == at)?;
    Some((&content[..start], &content[start + at.len()..]))
}

/// A block with the body in lines of 64 characters.
pub(crate) fn write_block(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(2 * (body.len() + label.len() + 64)));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in body.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
