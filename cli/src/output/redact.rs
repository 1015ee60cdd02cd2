//! The last line of defence: whatever a message says, it says no secret.
//!
//! Nobody means to print a key. But an option takes a path, a key is typed in its place, and the message
//! quotes what was typed, into a build's log that everybody reads. So every text for stderr passes here.

use std::ops::Range;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";
/// Shorter runs of letters and digits are names.
const MIN_RUN: usize = 40;

/// The text without private keys, tokens and passwords.
pub(crate) fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    for find in [aisoc_packaging::secrets_in, bare_keys, user_infos, authorizations] {
        // From the end, so that what is still to be replaced stays where it is.
        for range in find(&text).into_iter().rev() {
            text.replace_range(range, REDACTED);
        }
    }
    text
}

/// Whether it is a key that was given where a path, a name or a number is expected. Stricter than what is
/// printed: there, 64 digits are a digest.
pub(crate) fn resembles_key(text: &str) -> bool {
    let text = text.trim();
    let is_hex = text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_whole = |range: &Range<usize>| range.start == 0;
    let armour = text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY");
    armour || is_hex || aisoc_packaging::secrets_in(text).iter().any(is_whole) || bare_keys(text).iter().any(is_whole)
}

/// A line of a key without its armour: base64 in which upper case, lower case and digits alternate as they
/// do in random bytes, and in no path and no digest.
fn bare_keys(text: &str) -> Vec<Range<usize>> {
    runs(text, |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_'))
        .filter(|run| is_random(&text[run.clone()]))
        .collect()
}

fn is_random(run: &str) -> bool {
    let class = |c: char| match c {
        'a'..='z' => Some(0),
        'A'..='Z' => Some(1),
        '0'..='9' => Some(2),
        _ => None,
    };
    let classes: Vec<u8> = run.chars().filter_map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let all = (0..3).all(|class| classes.contains(&class));
    classes.len() >= MIN_RUN && all && changes * 5 >= classes.len() * 2
}

/// `user:password@host`, with and without a scheme before it. What follows the `@` of a reference is a
/// digest and no host.
fn user_infos(text: &str) -> Vec<Range<usize>> {
    let ends_word = |c: char| c.is_whitespace() || matches!(c, '`' | '\'' | '"' | '<' | '>' | '(' | ')' | ',');
    let user_info = |at: usize| {
        let word =
            text[..at].rfind(ends_word).map_or(0, |end| end + text[end..].chars().next().map_or(1, char::len_utf8));
        let scheme = text[word..at].find("://").map(|scheme| word + scheme + 3);
        let start = scheme.unwrap_or(word);
        let info = &text[start..at];
        let is_one = !info.is_empty() && !info.contains('/') && (scheme.is_some() || info.contains(':'));
        (is_one && !text[at..].starts_with("@sha256:")).then_some(start..at)
    };
    text.match_indices('@').filter_map(|(at, _)| user_info(at)).collect()
}

/// What follows `Basic` or `Bearer` in a header.
fn authorizations(text: &str) -> Vec<Range<usize>> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '.' | '~');
    let token = |(at, scheme): (usize, &str)| {
        let start = at + scheme.len();
        let run = text[start..].find(|c| !is_token(c)).map_or(text.len(), |end| start + end);
        let end = text[run..].find(|c| c != '=').map_or(text.len(), |end| run + end);
        // `realm="…"` is what a registry asks with.
        let is_parameter = end > run && text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '"');
        (run - start >= 8 && !is_parameter).then_some(start..end)
    };
    let mut found: Vec<_> =
        ["Basic ", "Bearer "].iter().flat_map(|scheme| text.match_indices(scheme).filter_map(token)).collect();
    found.sort_by_key(|range| range.start);
    found
}

fn runs(text: &str, is_in: impl Fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(&is_in)?;
        at = text[start..].find(|c| !is_in(c)).map_or(text.len(), |end| start + end);
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    /// Never whole in this file, which others search too.
    fn key() -> String {
        format!("-----{} PRIVATE KEY-----\n{LINE}\n-----{} PRIVATE KEY-----", "BEGIN", "END")
    }

    #[test]
    fn no_text_shows_a_private_key() {
        for (text, expected) in [
            (format!("cannot read `{}`", key()), "cannot read `[redacted]`"),
            (format!("cannot read `{}`", key().replace('\n', " ")), "cannot read `[redacted]`"),
            (format!("cannot read `{}`", key().replace('\n', "")), "cannot read `[redacted]`"),
            (format!("cannot read `{LINE}`: No such file"), "cannot read `[redacted]`: No such file"),
            ("key J1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g=".to_owned(), "key [redacted]"),
        ] {
            assert_eq!(redacted(&text), expected);
        }
    }

    #[test]
    fn no_text_shows_a_password() {
        for (text, expected) in [
            ("`user:pw@host.example/x`", "`[redacted]@host.example/x`"),
            ("GET https://me:hunter2@ghcr.io/v2/ failed", "GET https://[redacted]@ghcr.io/v2/ failed"),
            ("https://token@ghcr.io/v2/", "https://[redacted]@ghcr.io/v2/"),
            ("Authorization: Basic bWU6aHVudGVyMg==", "Authorization: Basic [redacted]"),
            ("authorization: Bearer abc.def-ghi", "authorization: Bearer [redacted]"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn leaves_names_paths_digests_and_references_alone() {
        for text in [
            "cannot read `/home/Ada/Projects/Detection/Plugins2024/enricher-shodan/releases/1.2.0/plugin.py`",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "signed as SHA256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "oci-archive:plugin.tar:1.0@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "localhost:5000/team/plugin@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "author: Ada <ada@example.com>",
            "expected: -----BEGIN PRIVATE KEY-----",
            "`WWW-Authenticate: Bearer realm=https://auth.example/token`",
            "`WWW-Authenticate: Basic realm=\"registry\"`",
            "a_test_with_a_long_name_of_many_words_that_nobody_would_take_for_a_key_2024_X",
        ] {
            assert_eq!(redacted(text), text);
            assert!(!resembles_key(text), "{text}");
        }
    }

    #[test]
    fn knows_a_key_in_place_of_a_path() {
        for text in [key(), LINE.to_owned(), "0f".repeat(32), "0F".repeat(64)] {
            assert!(resembles_key(&text), "{text}");
        }
        for text in ["release.key", "/run/secrets/release_key", "RELEASE_KEY", "-", "0f"] {
            assert!(!resembles_key(text), "{text}");
        }
    }
}
