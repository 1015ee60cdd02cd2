//! The last line of defence: whatever a message says, it says no secret.
//!
//! Nobody means to print a key. But an option takes a path, a key is typed in its place, and the message
//! quotes what was typed, into a build's log that everybody reads. So every text for stderr passes here, and every
//! refusal that a result holds.

use std::ops::Range;

use aisoc_manifests::digest::Algorithm;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";
/// Shorter runs of letters and digits are names.
const MIN_RUN: usize = 40;
/// Shorter runs of hexadecimal digits are in every random text.
const MIN_HASH: usize = 8;
/// Shorter parts of a path are in every random text.
const MIN_WORD: usize = 3;
/// How long 32 and 64 bytes are in base64, and a full line of PEM.
const KEY_LENGTHS: [usize; 5] = [43, 44, 64, 86, 88];

/// The text without private keys, tokens and passwords.
pub fn redacted(text: &str) -> String {
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
pub fn resembles_key(text: &str) -> bool {
    let text = text.trim();
    let is_hex = text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_whole = |range: &Range<usize>| range.start == 0;
    let armour = text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY");
    let is_bare = |range: &Range<usize>| is_whole(range) && !is_path(&text[range.clone()]);
    armour || is_hex || aisoc_packaging::secrets_in(text).iter().any(is_whole) || bare_keys(text).iter().any(is_bare)
}

/// Whether a text that is going to be public holds a private key or a token.
pub(crate) fn holds_secret(text: &str) -> bool {
    !aisoc_packaging::secrets_in(text).is_empty()
}

/// The same, and whether it holds an address with a login in it. The user alone of an address of SSH is nobody's secret: it is
/// what forges have everybody log in as.
pub(crate) fn holds_credentials(text: &str) -> bool {
    let is_ssh_user = |info: &Range<usize>| text[..info.start].ends_with("ssh://") && !text[info.clone()].contains(':');
    holds_secret(text) || !authorizations(text).is_empty() || !user_infos(text).iter().all(is_ssh_user)
}

/// Whether nothing between its separators is as long as a key, and the whole is no key either in which `/`
/// is a digit of base64.
fn is_path(run: &str) -> bool {
    let is_long = parts(run).any(|part| part.len() >= MIN_RUN);
    let is_key = KEY_LENGTHS.contains(&run.len()) && !parts(run).any(is_name);
    !is_long && !is_key && !is_seed(run)
}

/// 32 bytes in base64, with the sign that ends them and no path.
fn is_seed(run: &str) -> bool {
    let has = |is_in: fn(u8) -> bool| run.bytes().any(is_in);
    run.find('=') == Some(43)
        && run.len() == 44
        && has(|byte| byte.is_ascii_uppercase())
        && has(|byte| byte.is_ascii_lowercase())
        && has(|byte| byte.is_ascii_digit())
}

/// A line of a key without its armour: base64 in which upper case, lower case and digits alternate as they
/// do in random bytes, and in no path and no digest.
fn bare_keys(text: &str) -> Vec<Range<usize>> {
    runs(text, |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_'))
        .filter(|run| is_random(&text[run.clone()]) || is_seed(&text[run.clone()]))
        .filter(|run| !is_fingerprint(text, run))
        .collect()
}

/// A key's, as OpenSSH writes it: the hash of what is public.
fn is_fingerprint(text: &str, run: &Range<usize>) -> bool {
    text[..run.start].ends_with("SHA256:") && run.len() == 43
}

/// Without the names and the hashes of a path: a path with a commit in it is no key.
fn is_random(run: &str) -> bool {
    let rest: String = parts(run).filter(|part| !is_name(part)).map(without_hashes).collect();
    let class = |c: char| match c {
        'a'..='z' => Some(0),
        'A'..='Z' => Some(1),
        '0'..='9' => Some(2),
        _ => None,
    };
    let classes: Vec<u8> = rest.chars().filter_map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let all = (0..3).all(|class| classes.contains(&class));
    classes.len() >= MIN_RUN && all && changes * 5 >= classes.len() * 2
}

fn parts(run: &str) -> impl Iterator<Item = &str> {
    run.split(['/', '-', '.', '_'])
}

/// A word (`plugins`, `Ada`, `CI`), or a part of a UUID.
fn is_name(part: &str) -> bool {
    let is_all = |is_in: fn(u8) -> bool| part.bytes().all(is_in);
    let is_word = is_all(|byte| byte.is_ascii_alphabetic())
        && (part.bytes().skip(1).all(|byte| byte.is_ascii_lowercase()) || is_all(|byte| byte.is_ascii_uppercase()));
    part.len() >= MIN_WORD && (is_word || is_all(is_lower_hex) || is_all(is_upper_hex))
}

/// Without every stretch of hexadecimal digits of one case that is too long to be there by chance.
fn without_hashes(part: &str) -> String {
    let mut rest = part;
    let mut kept = String::new();
    while let Some(first) = rest.chars().next() {
        let stretch = |is_in: fn(u8) -> bool| rest.bytes().take_while(|byte| is_in(*byte)).count();
        let hash = stretch(is_lower_hex).max(stretch(is_upper_hex));
        if hash >= MIN_HASH {
            rest = &rest[hash..];
        } else {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    kept
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_upper_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
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
        (is_one && !Algorithm::begins(&text[at + 1..])).then_some(start..at)
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
    fn a_fingerprint_of_openssh_is_no_key_and_a_key_behind_another_word_is() {
        let fingerprint = "bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8";
        for text in [format!("SHA256:{fingerprint}"), format!("not `SHA256:{fingerprint} (work)`")] {
            assert_eq!(redacted(&text), text);
        }
        for word in ["", "SHA256:x", "key:", "SHA256: ", "sha256:"] {
            assert!(!redacted(&format!("{word}{fingerprint}")).contains(fingerprint), "{word}");
        }
    }

    #[test]
    fn an_address_with_a_login_is_not_for_everybody() {
        for text in [
            "pkg @ https://user:hunter2@files.example/pkg.whl",
            "pkg@https://token@files.example/pkg.whl",
            "git+ssh://git:hunter2@example.com/x",
            "user:hunter2@host",
            &key(),
        ] {
            assert!(holds_credentials(text), "{text}");
        }
        for text in [
            "pkg @ git+ssh://git@github.com/acme/pkg@v1",
            "pkg @ git+https://github.com/acme/pkg@v1",
            "pkg @ https://files.example/pkg.whl",
            "idna==3.10; python_version > '3.9'",
            "Ada <ada@example.com>",
        ] {
            assert!(!holds_credentials(text), "{text}");
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

    /// The same in every run.
    struct Seeded(u64);

    impl Seeded {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn text(&mut self, alphabet: &str, length: usize) -> String {
            let letter = |_| char::from(alphabet.as_bytes()[(self.next() % alphabet.len() as u64) as usize]);
            (0..length).map(letter).collect()
        }
    }

    const HEX: &str = "0123456789abcdef";
    const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    #[test]
    fn a_path_with_a_hash_or_an_identifier_in_it_is_no_key() {
        let mut random = Seeded(1);
        for _ in 0..500 {
            let (sha1, sha256) = (random.text(HEX, 40), random.text(HEX, 64));
            let uuid = [8, 4, 4, 4, 12].map(|length| random.text(HEX, length)).join("-");
            let upper = uuid.to_uppercase();
            let (short, long) = (random.text(BASE62, 22), random.text(BASE62, 32));
            for text in [
                format!("/srv/CI/{sha1}/plugins"),
                format!("dist/MyPlugin-{sha1}.tar"),
                format!("TEST-{sha1} fixture"),
                format!("/srv/CI/{}/plugins", sha1.to_uppercase()),
                format!("/home/Ada/builds/{sha256}/release"),
                format!("/home/Ada/builds/{uuid}/release"),
                format!("/home/Ada/builds/{upper}/Release_2024/MyPlugin-{upper}.tar"),
                format!("{upper}/{uuid}/{sha1}"),
                format!("/home/Ada/builds/{short}/release"),
                format!("/var/folders/Zz/{long}/T/plugins"),
            ] {
                assert!(!resembles_key(&text), "{text}");
                assert_eq!(redacted(&format!("chmod o-w `{text}`")), format!("chmod o-w `{text}`"));
            }
        }
    }

    #[test]
    fn every_random_key_is_one_whatever_its_characters() {
        let mut random = Seeded(2);
        for _ in 0..500 {
            let line = format!("MC4CAQAwBQYDK2VwBCIEI{}", random.text(BASE64, 43));
            assert!(resembles_key(&line), "{line}");
            assert_eq!(redacted(&format!("cannot read `{line}`")), "cannot read `[redacted]`");
        }
        let seeds: Vec<String> = (0..500).map(|_| random.text(BASE64, 43) + "=").collect();
        // One in a thousand has no digit.
        let missed = seeds.iter().filter(|seed| !resembles_key(seed) || redacted(seed) != "[redacted]").count();
        assert!(missed <= 3, "{missed} of {}", seeds.len());
    }
}
