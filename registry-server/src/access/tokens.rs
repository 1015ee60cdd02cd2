//! A file of tokens, for programs: what is kept of each is its SHA-256, so whoever reads the file has none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aisoc_manifests::digest::TokenDigest;
use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::written::{Written, WrittenWrong, is_name};

/// Most tokens.
const MAX_TOKENS: usize = 10_000;
/// Fewest characters of one that is shown: what is shorter could be guessed from what is kept.
pub(super) const MIN_TOKEN_BYTES: usize = 20;

/// Tokens, each by what is kept of it: nothing that is secret is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens(HashMap<TokenDigest, Token>);

#[derive(Debug, PartialEq, Eq)]
struct Token {
    name: Arc<str>,
    expires: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    #[serde(default)]
    tokens: BTreeMap<Spanned<String>, WrittenToken>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    sha256: Spanned<String>,
    #[serde(default)]
    expires_at: Option<Spanned<Datetime>>,
}

impl Tokens {
    /// Reads the file's text.
    pub(super) fn read(text: &str) -> Written<Self> {
        let written: WrittenFile = toml::from_str(text).map_err(|error| WrittenWrong::of_toml(text, &error))?;
        let mut tokens = HashMap::new();
        for (name, token) in written.tokens {
            let named = is_name(name.get_ref()).map_err(|why| WrittenWrong::at_byte(text, name.span().start, why))?;
            let wrong = |at: usize, why: &str| WrittenWrong::at_byte(text, at, format!("the token `{named}`: {why}"));
            let digest = format!("sha256:{}", token.sha256.get_ref()).parse();
            let at = token.sha256.span().start;
            let digest = digest.map_err(|_| wrong(at, "its SHA-256 is 64 lower-case hexadecimal digits"))?;
            let expires = token.expires_at.map(|time| {
                let read = time.get_ref().to_string().parse();
                read.map_err(|_| wrong(time.span().start, "a time has a date and a zone, as 2027-01-31T12:00:00Z"))
            });
            let kept = Token { name: Arc::clone(&named), expires: expires.transpose()? };
            if let Some(other) = tokens.insert(digest, kept) {
                return Err(wrong(at, &format!("it is the same as `{}`", other.name)));
            }
            if tokens.len() > MAX_TOKENS {
                return Err(wrong(at, &format!("there are more than {MAX_TOKENS} tokens")));
            }
        }
        Ok(Self(tokens))
    }

    /// Whose token that is, if it counts at that time.
    pub(super) fn of(&self, shown: &[u8], now: Timestamp) -> Option<&Arc<str>> {
        let token = self.0.get(&TokenDigest::of(shown)).filter(|_| shown.len() >= MIN_TOKEN_BYTES)?;
        token.expires.is_none_or(|expires| now < expires).then_some(&token.name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|token| token.name.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"0123456789abcdef0123";

    fn kept(text: &[u8]) -> String {
        TokenDigest::of(text).to_string().replace("sha256:", "")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_token_counts_until_its_time_is_over() {
        let file = format!("[tokens.ci]\nsha256 = \"{}\"\nexpires_at = 2027-01-31T12:00:00Z\n", kept(TEXT));
        let tokens = Tokens::read(&file).expect("tokens");
        for (time, counts) in
            [("2027-01-31T11:59:59Z", true), ("2027-01-31T12:00:00Z", false), ("2027-01-31T12:00:01Z", false)]
        {
            assert_eq!(tokens.of(TEXT, at(time)).map(AsRef::as_ref), counts.then_some("ci"), "{time}");
        }
        assert_eq!(tokens.of(b"0123456789abcdef0124", at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn what_could_be_guessed_is_no_token() {
        for (length, counts) in [(MIN_TOKEN_BYTES - 1, false), (MIN_TOKEN_BYTES, true), (MIN_TOKEN_BYTES + 1, true)] {
            let text = "x".repeat(length);
            let tokens = Tokens::read(&format!("[tokens.ci]\nsha256 = \"{}\"\n", kept(text.as_bytes())));
            let now = at("2026-01-01T00:00:00Z");
            assert_eq!(tokens.expect("tokens").of(text.as_bytes(), now).is_some(), counts, "{length}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_line_and_column() {
        let digits = kept(TEXT);
        for (text, line, column) in [
            (format!("[tokens.ci]\nsha256 = \"{digits}\"\nscope = \"all\"\n"), 3, 1),
            ("token = 1\n".to_owned(), 1, 1),
            ("[tokens.ci]\n".to_owned(), 1, 1),
            (format!("[tokens.ci]\nsha256 = \"{}\"\n", digits.to_uppercase()), 2, 10),
            ("[tokens.ci]\nsha256 = \"secret\"\n".to_owned(), 2, 10),
            (format!("[tokens.\"a b\"]\nsha256 = \"{digits}\"\n"), 1, 9),
            (format!("[tokens.anonymous]\nsha256 = \"{digits}\"\n"), 1, 9),
            (format!("[tokens.ci]\nsha256 = \"{digits}\"\nexpires_at = 2027-01-31\n"), 3, 14),
            (format!("[tokens.ci]\nsha256 = \"{digits}\"\nexpires_at = \"never\"\n"), 3, 14),
            (format!("[tokens.a]\nsha256 = \"{digits}\"\n[tokens.b]\nsha256 = \"{digits}\"\n"), 4, 10),
            (format!("[tokens.a]\nsha256 = \"{digits}\"\n[tokens.a]\nsha256 = \"{digits}\"\n"), 3, 9),
        ] {
            let wrong = Tokens::read(&text).expect_err(&text);
            assert_eq!((wrong.position.line, wrong.position.column), (line, column), "{text}: {}", wrong.message);
            assert!(!wrong.message.contains("secret") && !wrong.message.contains(&digits), "{}", wrong.message);
        }
    }

    #[test]
    fn as_many_tokens_as_there_may_be() {
        let of =
            |count: usize| (0..count).map(|at| format!("[tokens.t{at}]\nsha256 = \"{at:064x}\"\n")).collect::<String>();
        assert!(Tokens::read(&of(MAX_TOKENS)).is_ok());
        assert!(Tokens::read(&of(MAX_TOKENS + 1)).expect_err("one more").message.contains("more than 10000"));
    }
}
