//! `Challenge`: what a registry asks for in `WWW-Authenticate`, read strictly.
//!
//! The header decides where a password is sent. Several challenges may share one line, and only quotes tell
//! a comma inside a value from one between two challenges; a reader that splits at commas can be made to see
//! a realm that is none.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Longest header that is read, and most challenges in it: a registry sends one of a few hundred
/// bytes.
const MAX_BYTES: usize = 8 << 10;
const MAX_CHALLENGES: usize = 8;

/// A way to prove who we are that the registry accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a token that `realm` hands out.
    Bearer { realm: String, service: Option<String> },
    /// With a user name and a password.
    Basic,
}

impl Challenge {
    /// The best challenge of an answer: a token is better than a password, which would be sent with
    /// every request.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut found = Vec::new();
        for value in headers.get_all(WWW_AUTHENTICATE).iter().take(MAX_CHALLENGES) {
            if value.len() <= MAX_BYTES
                && let Ok(text) = value.to_str()
            {
                found.extend(parse(text));
            }
        }
        let bearer = found.iter().position(|challenge| matches!(challenge, Self::Bearer { .. })).unwrap_or(0);
        (!found.is_empty()).then(|| found.swap_remove(bearer))
    }
}

/// All challenges of one header. What does not follow the grammar (RFC 9110, 11.6.1) ends the
/// reading: guessing where a quoted string ends is how a realm gets replaced.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while found.len() < MAX_CHALLENGES && !rest.is_empty() {
        let (scheme, after) = split_token(rest);
        if scheme.is_empty() {
            break;
        }
        let Some((parameters, after)) = parameters(without_token68(after.trim_start_matches(' '))) else {
            break;
        };
        rest = after.trim_start_matches([' ', '\t', ',']);
        let named = |name: &str| {
            let mut values = parameters.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            // A parameter that stands twice has two readings (RFC 9110, 11.2: each once per challenge).
            values.next().filter(|_| values.next().is_none()).map(|(_, value)| value.clone())
        };
        // Other schemes are read over, where they follow the grammar. Basic's realm is a text for people.
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = named("realm")
        {
            found.push(Challenge::Bearer { realm, service: named("service") });
        }
    }
    found
}

/// What follows the one value without a name that some schemes have instead of parameters (`token68`,
/// RFC 9110, 11.2): it ends with `=` signs, if with anything, where a parameter would go on.
fn without_token68(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/".contains(c))).unwrap_or(text.len());
    let after = text[end..].trim_start_matches('=').trim_start_matches([' ', '\t']);
    // `key=value` goes on behind one `=`; the name of the next scheme behind a blank and none.
    let is_whole = end > 0 && text[end..].starts_with(['=', ',']) || end == text.len();
    if is_whole && (after.is_empty() || after.starts_with(',')) { after } else { text }
}

/// `key="value", key=token, …` up to the next scheme or the end.
fn parameters(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        let (key, after) = split_token(text);
        // Blanks may stand on both sides of the `=` (RFC 9110, 11.2: BWS).
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=').filter(|_| !key.is_empty()) else {
            // Not a parameter: the next challenge begins here.
            return Some((found, text));
        };
        let value = value.trim_start_matches([' ', '\t']);
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let (token, after) = split_token(value);
                (token.to_owned(), after)
            }
        };
        found.push((key.to_owned(), value));
        let after = after.trim_start_matches([' ', '\t']);
        match after.strip_prefix(',') {
            Some(next) => text = next.trim_start_matches([' ', '\t', ',']),
            // The end, or something that no grammar has between two parameters.
            None if after.is_empty() => return Some((found, "")),
            None => return None,
        }
    }
}

/// A token and what follows it (RFC 9110, 5.6.2).
fn split_token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
    text.split_at(end.unwrap_or(text.len()))
}

/// What stands up to the closing quote, and what follows it (RFC 9110, 5.6.4). Without one there is nothing:
/// a header that was cut would give a realm that was cut.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other if other.is_control() => return None,
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) }
    }

    #[test]
    fn reads_what_registries_send() {
        for (text, expected) in [
            ("Basic realm=\"Registry Realm\"", vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:a/b:pull\"",
                vec![bearer("https://ghcr.io/token", Some("ghcr.io"))],
            ),
            ("Bearer realm = \"https://x\" , service\t=\ty", vec![bearer("https://x", Some("y"))]),
            ("Bearer realm=\"https://x/t?a=\\\"1,2\\\"\"", vec![bearer("https://x/t?a=\"1,2\"", None)]),
            (
                "Negotiate, Basic realm=\"x\", Bearer realm=\"https://x\"",
                vec![Challenge::Basic, bearer("https://x", None)],
            ),
            ("Negotiate abc==, Basic realm=\"x\"", vec![Challenge::Basic]),
            ("Negotiate YII/+~==", vec![]),
            ("Basic realm=\"x\", Negotiate a/b=", vec![Challenge::Basic]),
            ("Bearer abc, realm=\"https://x\"", vec![]),
            ("Basic realm=\"x\", Bearer realm=\"https://x\"", vec![Challenge::Basic, bearer("https://x", None)]),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn does_not_guess() {
        for text in [
            "Bearer realm=\"https://x",
            "Bearer service=\"x\"",
            "Bearer realm=\"https://a\",realm=\"https://b\"",
            "Bearer realm=\"https://a\" realm=\"https://b\"",
            "=x",
            "",
        ] {
            assert_eq!(parse(text), [], "{text}");
        }
    }

    #[test]
    fn prefers_a_token_and_is_bounded() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"x\"".parse().expect("value"));
        headers.append(WWW_AUTHENTICATE, "Bearer realm=\"https://x\"".parse().expect("value"));
        assert_eq!(Challenge::read(&headers), Some(bearer("https://x", None)));
        let long = format!("Bearer realm=\"https://{}\"", "x".repeat(MAX_BYTES));
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, long.parse().expect("value"))]);
        assert_eq!(Challenge::read(&headers), None);
    }
}
