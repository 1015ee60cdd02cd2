//! The first PEM block of a file, read as leniently as the host reads it.
//!
//! Text around the block, CRLF, an unwrapped body, blanks and a missing final newline are all in
//! use. Leniency ends there: the first block decides, whatever it is, so that a second key pasted
//! into the file is never silently trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A PEM block: its label and its decoded body, which may be secret.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// The first block of `content`, or `None` when there is none that can be read.
pub(crate) fn first_block(content: &[u8]) -> Option<Block> {
    const BEGIN: &str = "-----BEGIN ";
    const DASHES: &str = "-----";
    let text = Zeroizing::new(String::from_utf8_lossy(content).into_owned());
    let (_, after_begin) = text.split_once(BEGIN)?;
    let (label, after_label) = after_begin.split_once(DASHES)?;
    if label.contains(['\n', '\r']) {
        return None;
    }
    let (body, _) = after_label.split_once(&format!("-----END {label}-----"))?;
    // Of full size at once: a string that grows leaves its old self behind.
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    let der = Zeroizing::new(STANDARD.decode(base64.as_bytes()).ok()?);
    Some(Block { label: label.to_owned(), der })
}

/// Whether a line of `content` begins or ends a private key of any kind: after another block, cut off or
/// spoilt, it is no less of a secret.
pub(crate) fn holds_private_key(content: &[u8]) -> bool {
    let has = |line: &[u8], word: &[u8]| line.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    let is_armor = |line: &[u8]| has(line, b"-----BEGIN ") || has(line, b"-----END ");
    let mut lines = content.split(|byte| matches!(byte, b'\n' | b'\r'));
    lines.any(|line| is_armor(line) && has(line, b"PRIVATE KEY"))
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
