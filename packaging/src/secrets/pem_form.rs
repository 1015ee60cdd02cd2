//! A private key in PEM armour, wherever it was pasted: into a program as strings that are joined, into
//! JSON with its line ends escaped, into a comment, indented, quoted, or on one line.

use std::ops::Range;

use super::tokens::{find, is_pem_body, is_varied, run, skip_separators};

/// Characters of the body without which the armour is only spoken of.
const MIN_BODY: usize = 40;
/// A run of the body that is shorter is a word of a text, but for the last one.
const MIN_RUN: usize = 8;
/// Before the label's end: `-----BEGIN ENCRYPTED COSIGN `.
const MAX_LABEL: usize = 48;
/// A longer line is no header.
const MAX_HEADER: usize = 512;

/// Sees `PRIVATE KEY` at that place.
pub(super) fn pem(window: &[u8], at: usize) -> Option<Range<usize>> {
    let start = armour_before(window, at)?;
    let end = armour_after(window, at + b"PRIVATE KEY".len())?;
    let end = body(window, end)?;
    Some(start..closing(window, end))
}

/// The armour alone, in a file that is made to hold keys: there it is not spoken of.
pub(super) fn armour(window: &[u8], at: usize) -> Option<Range<usize>> {
    Some(armour_before(window, at)?..armour_after(window, at + b"PRIVATE KEY".len())?)
}

/// `-----BEGIN ` and the words before; four dashes and a blank in SSH's own form.
fn armour_before(window: &[u8], at: usize) -> Option<usize> {
    let near = at.saturating_sub(MAX_LABEL);
    let label = find_last(&window[near..at], b"BEGIN ").map(|begin| near + begin)?;
    let is_label =
        window[label..at].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ');
    let dashes = &window[label.saturating_sub(5)..label];
    let start = label.saturating_sub(5);
    (is_label && (dashes.ends_with(b"----") || dashes.ends_with(b"---- "))).then_some(start)
}

fn armour_after(window: &[u8], at: usize) -> Option<usize> {
    let rest = &window[at..];
    let rest = rest.strip_prefix(b" BLOCK").unwrap_or(rest);
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let rest = rest.strip_prefix(b"----")?;
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    Some(window.len() - rest.len())
}

/// Where the body ends, if there is one.
fn body(window: &[u8], from: usize) -> Option<usize> {
    let mut at = skip_headers(window, skip_separators(window, from));
    let mut characters = Vec::new();
    let mut end = at;
    loop {
        let stop = run(window, at, is_pem_body);
        let is_line = stop - at >= MIN_RUN || (stop > at && characters.len() + stop - at >= MIN_BODY);
        if !is_line {
            break;
        }
        characters.extend_from_slice(&window[at..stop]);
        end = stop;
        at = skip_separators(window, stop);
    }
    let has = |is_in: fn(&u8) -> bool| characters.iter().any(is_in);
    let is_random = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    (characters.len() >= MIN_BODY && is_random && is_varied(&characters)).then_some(end)
}

/// RFC 1421's and OpenPGP's: `Proc-Type: 4,ENCRYPTED`, each to the end of its line.
fn skip_headers(window: &[u8], from: usize) -> usize {
    let mut at = from;
    for _ in 0..8 {
        let name = run(window, at, |byte| byte.is_ascii_alphabetic() || byte == b'-');
        if name == at || window.get(name..name + 2) != Some(b": ") {
            break;
        }
        let line = &window[name..window.len().min(name + MAX_HEADER)];
        let line_end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r' | b'\\'));
        at = skip_separators(window, line_end.map_or(window.len(), |end| name + end));
    }
    at
}

/// Behind the armour's end, if it follows.
fn closing(window: &[u8], body_end: usize) -> usize {
    let at = skip_separators(window, body_end);
    let begins = window.get(at..).is_some_and(|rest| rest.starts_with(b"-----END ") || rest.starts_with(b"---- END "));
    let end = if begins { find(window, b"----", at + 9, at + 80) } else { None };
    end.map_or(body_end, |dashes| run(window, dashes, |byte| byte == b'-'))
}

fn find_last(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).rposition(|window| window == needle)
}
