//! `Warnings`: what a registry wants somebody to know, once each.
//!
//! Distribution specification 1.1, "Warnings": `Warning: 299 - "TEXT"` (RFC 7234, 5.5; RFC 9110 has dropped the
//! header, the specification keeps this one form), at most 4 KiB, and nothing that anybody has to act on.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aisoc_manifests::text::shown;
use reqwest::header::{HeaderMap, WARNING};

use crate::limits::{MAX_WARNING_BYTES, MAX_WARNINGS};

/// Most characters of one that are shown.
const MAX_SHOWN: usize = 300;

/// Those that were said.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<BTreeSet<String>>);

impl Warnings {
    /// The texts of an answer that were not said before, made safe for a terminal. What is in another form, or longer
    /// than the specification lets it be, says nothing; after so many of one registry neither does any more.
    pub(super) fn fresh(&self, headers: &HeaderMap) -> Vec<String> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = headers.get_all(WARNING).iter().filter_map(|line| text(line.as_bytes()));
        texts.filter(|text| said.len() < MAX_WARNINGS && said.insert(text.clone())).collect()
    }
}

fn text(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() <= MAX_WARNING_BYTES)?;
    let quoted = line.trim().strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut plain = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // A quoted pair is the letter behind it (RFC 9110, 5.6.4).
            '\\' => plain.push(letters.next()?),
            '"' => return None,
            letter => plain.push(letter),
        }
    }
    (!plain.is_empty()).then(|| shown(&plain, MAX_SHOWN))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn only_the_form_of_the_specification_is_a_warning() {
        let of = |line: &str| text(line.as_bytes());
        assert_eq!(of("299 - \"soon read-only\"").as_deref(), Some("soon read-only"));
        assert_eq!(of("299 - \"a \\\"b\\\" \u{202e}c\"").as_deref(), Some("a \"b\" \\u{202e}c"));
        for other in
            ["", "299 -", "299 - \"\"", "199 - \"x\"", "299 host \"x\"", "299 - \"x\" \"date\"", "299 - \"x\\\""]
        {
            assert_eq!(of(other), None, "{other}");
        }
        let of_length = |length: usize| of(&format!("299 - \"{}\"", "x".repeat(length - 8)));
        assert_eq!(of_length(MAX_WARNING_BYTES).map(|text| text.chars().count()), Some(MAX_SHOWN + 1));
        assert_eq!(of_length(MAX_WARNING_BYTES + 1), None);
    }

    #[test]
    fn each_is_said_once_and_only_so_many() {
        let warnings = Warnings::default();
        let headers = |texts: &[String]| {
            let line =
                |text: &String| (WARNING, HeaderValue::from_str(&format!("299 - \"{text}\"")).expect("a header"));
            let mut headers = HeaderMap::new();
            headers.extend(texts.iter().map(line));
            for (name, value) in texts.iter().map(line).skip(1) {
                headers.append(name, value);
            }
            headers
        };
        assert_eq!(warnings.fresh(&headers(&["a".to_owned()])), ["a"]);
        assert!(warnings.fresh(&headers(&["a".to_owned()])).is_empty(), "said before");
        let said: usize =
            (0..2 * MAX_WARNINGS).map(|number| warnings.fresh(&headers(&[number.to_string()])).len()).sum();
        assert_eq!(said, MAX_WARNINGS - 1);
    }
}
