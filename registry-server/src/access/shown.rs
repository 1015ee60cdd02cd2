//! What a request shows of who asks (RFC 9110, 11.6.2), before anything of it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use zeroize::Zeroizing;

/// What a request shows. What is secret in it is forgotten when it is dropped.
pub(super) enum Shown {
    Nothing,
    /// A name, and what is to prove it (RFC 7617).
    Password {
        name: String,
        secret: Zeroizing<Vec<u8>>,
    },
    /// A token alone, which says whose it is (RFC 6750).
    Token(Zeroizing<Vec<u8>>),
    /// Something that proves nothing here.
    Other,
}

impl Shown {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let header = match (shown.next(), shown.next()) {
            (None, _) => return Self::Nothing,
            (Some(header), None) => header.as_bytes(),
            // Which of them counts, two readers could read differently.
            (Some(_), Some(_)) => return Self::Other,
        };
        let Some(space) = header.iter().position(|byte| *byte == b' ') else { return Self::Other };
        let (scheme, rest) = header.split_at(space);
        let rest = rest.trim_ascii();
        match scheme {
            _ if scheme.eq_ignore_ascii_case(b"basic") => Self::of_basic(rest).unwrap_or(Self::Other),
            _ if scheme.eq_ignore_ascii_case(b"bearer") => Self::Token(Zeroizing::new(rest.to_vec())),
            _ => Self::Other,
        }
    }

    fn of_basic(text: &[u8]) -> Option<Self> {
        let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        Some(Self::Password { name, secret: Zeroizing::new(decoded[colon + 1..].to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name:secret`, `token secret`, or a word.
    fn read(header: &str) -> String {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().expect("a header"))]);
        match Shown::of(&headers) {
            Shown::Nothing => "nothing".to_owned(),
            Shown::Other => "other".to_owned(),
            Shown::Password { name, secret } => format!("{name}:{}", String::from_utf8_lossy(&secret)),
            Shown::Token(secret) => format!("token {}", String::from_utf8_lossy(&secret)),
        }
    }

    #[test]
    fn reads_what_clients_send() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(matches!(Shown::of(&HeaderMap::new()), Shown::Nothing));
        for (header, expected) in [
            (basic("ada:secret"), "ada:secret"),
            (basic("ada:a:b"), "ada:a:b"),
            (basic("ada:"), "ada:"),
            (basic(":x"), ":x"),
            (basic("ada:secret").replace("Basic", "BASIC"), "ada:secret"),
            (basic("ada"), "other"),
            ("Basic !!".to_owned(), "other"),
            ("Basic".to_owned(), "other"),
            (String::new(), "other"),
            ("Digest x".to_owned(), "other"),
            ("Bearer abc".to_owned(), "token abc"),
        ] {
            assert_eq!(read(&header), expected, "{header}");
        }
        let two = [(AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer b")];
        let two = two.map(|(name, value)| (name, value.parse().expect("a header")));
        let mut headers = HeaderMap::new();
        for (name, value) in two {
            headers.append(name, value);
        }
        assert!(matches!(Shown::of(&headers), Shown::Other));
    }
}
