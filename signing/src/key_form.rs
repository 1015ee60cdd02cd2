//! `Form`: what a text is that should be a key. Known for the words of a refusal; nothing is trusted by it.

use crate::pem::{Block, blocks, contains, has_armor, holds_private_key};
use crate::wrapping::{Wrapping, base64, unquoted, unwrapped};

/// What a file, a variable or a pipe holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing, or blanks.
    Empty,
    /// A PEM block of a private key.
    Private(Algorithm),
    /// A PEM block of a public key.
    Public(Algorithm),
    /// A PEM block of a private key that needs a passphrase.
    Encrypted,
    /// A PEM block that begins or ends, and not both.
    CutOff,
    /// A PEM block whose body cannot be decoded.
    Spoilt,
    /// Several private keys that are not one.
    Several,
    /// A certificate.
    Certificate,
    /// The line that OpenSSH writes for an Ed25519 key.
    SshLine,
    /// A PEM text in something else.
    Wrapped(Wrapping),
    /// A key without its PEM lines.
    Bare(Bare, Encoding),
    /// The name of a file, or of a place in a store of secrets.
    Place,
    /// The name of a variable that nobody has replaced by its value.
    Unexpanded,
    /// A key of another tool, or of another algorithm.
    Foreign(&'static str),
    /// Anything else.
    Unknown,
}

/// What stands there without PEM lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// PKCS#8.
    Private,
    /// `SubjectPublicKeyInfo`.
    Public,
    /// Some other ASN.1, such as a certificate.
    Other,
    /// 32 or 64 bytes, as libraries give a seed, alone and with the public key behind it.
    Bytes,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Binary,
    Base64,
    Hexadecimal,
}

/// Of which algorithm a key is, by the object identifier in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ed25519,
    Other(&'static str),
    Unknown,
}

impl Form {
    pub(crate) fn of(content: &[u8]) -> Self {
        if let Some((wrapping, _)) = unwrapped(content) {
            return Self::Wrapped(wrapping);
        }
        if let Some(block) = blocks(content).next() {
            return Self::of_block(&block);
        }
        if has_armor(content) {
            return Self::CutOff;
        }
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let text = unquoted(text.trim_ascii()).trim_ascii();
        match text {
            [] => Self::Empty,
            _ => Bare::find(content, text).or_else(|| Self::of_text(text)).unwrap_or(Self::Unknown),
        }
    }

    pub(crate) fn of_block(block: &Block<'_>) -> Self {
        let der = block.der();
        let algorithm = || der.as_deref().map(|der| Algorithm::of(der));
        match block.label {
            "PRIVATE KEY" => algorithm().map_or(Self::Spoilt, Self::Private),
            "PUBLIC KEY" => algorithm().map_or(Self::Spoilt, Self::Public),
            "ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Self::Certificate,
            label => Self::Foreign(foreign_block(label)),
        }
    }

    /// What it is in the place where a key of its kind is read, and was not.
    pub(crate) const fn unread(self) -> Self {
        match self {
            Self::Private(Algorithm::Ed25519) | Self::Public(Algorithm::Ed25519) => Self::Spoilt,
            form => form,
        }
    }

    fn of_text(text: &[u8]) -> Option<Self> {
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| text.starts_with(beginning.as_bytes()));
        let known = FOREIGN_TEXTS.iter().find(|(beginnings, _)| begins(beginnings));
        if begins(&["ssh-ed25519 "]) {
            return Some(Self::SshLine);
        }
        if let Some((_, name)) = known {
            return Some(Self::Foreign(name));
        }
        let is_word = !text.iter().any(u8::is_ascii_whitespace);
        let ends = |suffix: &&str| text.ends_with(suffix.as_bytes());
        let is_place = begins(&["/", "./", "../", "~/"]) || contains(text, b"://") || KEY_SUFFIXES.iter().any(ends);
        match is_word {
            true if begins(&["$"]) || matches!(text, [b'%', .., b'%']) => Some(Self::Unexpanded),
            true if is_place => Some(Self::Place),
            _ if contains(text, b"${") => Some(Self::Unexpanded),
            _ => None,
        }
    }

    /// What it is, with its article.
    pub(crate) fn found(self) -> String {
        match self {
            Self::Empty => "nothing".to_owned(),
            Self::Private(algorithm) => format!("the private half of {}", algorithm.key()),
            Self::Public(algorithm) => format!("the public half of {}", algorithm.key()),
            Self::Encrypted => "an encrypted private key".to_owned(),
            Self::CutOff => "a piece of a PEM text, cut off".to_owned(),
            Self::Spoilt => "a PEM text that is damaged".to_owned(),
            Self::Several => "several private keys".to_owned(),
            Self::Certificate => "a certificate".to_owned(),
            Self::SshLine => "a public key in the form of OpenSSH".to_owned(),
            Self::Wrapped(Wrapping::EscapedLines) => r"a PEM text with `\n` in place of its line breaks".to_owned(),
            Self::Wrapped(Wrapping::Base64) => "a PEM text in base64".to_owned(),
            Self::Wrapped(Wrapping::Utf16(_)) => "a PEM text in UTF-16".to_owned(),
            Self::Bare(what, encoding) => format!("{}{}", what.found(), encoding.found()),
            Self::Place => "the name of a file or a place".to_owned(),
            Self::Unexpanded => "the name of a variable, which nothing has replaced by its value".to_owned(),
            Self::Foreign(what) => what.to_owned(),
            Self::Unknown => "something that is no key".to_owned(),
        }
    }
}

impl Bare {
    fn find(content: &[u8], text: &[u8]) -> Option<Form> {
        if let Some(bare) = Self::of(content).filter(|bare| *bare != Self::Bytes || !content.is_ascii()) {
            return Some(Form::Bare(bare, Encoding::Binary));
        }
        if text.iter().all(u8::is_ascii_hexdigit) && text.len().is_multiple_of(2) {
            return Self::of_hexadecimal(text).map(|bare| Form::Bare(bare, Encoding::Hexadecimal));
        }
        let decoded = base64(text)?;
        Self::of(&decoded).map(|bare| Form::Bare(bare, Encoding::Base64))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x30, length, 0x02, 0x01, _, 0x30, ..] if usize::from(*length) + 2 == bytes.len() => Some(Self::Private),
            [0x30, length, 0x30, _, 0x06, ..] if usize::from(*length) + 2 == bytes.len() => Some(Self::Public),
            [0x30, length, ..] if usize::from(*length) + 2 == bytes.len() => Some(Self::Other),
            // Longer than 127 bytes: the length itself takes one or two.
            [0x30, 0x81, length, ..] if usize::from(*length) + 3 == bytes.len() => Some(Self::Other),
            [0x30, 0x82, high, low, ..] if usize::from(*high) * 256 + usize::from(*low) + 4 == bytes.len() => {
                Some(Self::Other)
            }
            _ => matches!(bytes.len(), 32 | 64).then_some(Self::Bytes),
        }
    }

    fn of_hexadecimal(digits: &[u8]) -> Option<Self> {
        match digits.len() {
            64 | 128 => Some(Self::Bytes),
            96.. if digits.starts_with(b"30") => Some(Self::Private),
            88 if digits.starts_with(b"30") => Some(Self::Public),
            _ => None,
        }
    }

    const fn found(self) -> &'static str {
        match self {
            Self::Private => "a private key without its PEM lines",
            Self::Public => "a public key without its PEM lines",
            Self::Other => "ASN.1 that is no Ed25519 key",
            Self::Bytes => "the bare bytes of what may be a private key",
        }
    }
}

impl Encoding {
    const fn found(self) -> &'static str {
        match self {
            Self::Binary => ", in binary (DER)",
            Self::Base64 => ", in base64",
            Self::Hexadecimal => ", in hexadecimal",
        }
    }
}

impl Algorithm {
    /// RFC 8410, RFC 3279 and RFC 5480 name them.
    const KNOWN: [(&'static [u8], Self); 8] = [
        (&[0x06, 0x03, 0x2b, 0x65, 0x70], Self::Ed25519),
        (&[0x06, 0x03, 0x2b, 0x65, 0x71], Self::Other("an Ed448 key")),
        (&[0x06, 0x03, 0x2b, 0x65, 0x6e], Self::Other("an X25519 key, which agrees on secrets and signs nothing")),
        (&[0x06, 0x03, 0x2b, 0x65, 0x6f], Self::Other("an X448 key, which agrees on secrets and signs nothing")),
        (&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], Self::Other("an EC key")),
        (&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], Self::Other("a DSA key")),
        (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], Self::Other("an RSA key")),
        (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], Self::Other("an RSA-PSS key")),
    ];

    /// The identifier stands near the beginning, before the key.
    fn of(der: &[u8]) -> Self {
        let head = &der[..der.len().min(24)];
        let known = Self::KNOWN.iter().find(|(identifier, _)| contains(head, identifier));
        known.map_or(Self::Unknown, |(_, algorithm)| *algorithm)
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Ed25519 => "an Ed25519 key",
            Self::Other(key) => key,
            Self::Unknown => "a key of an algorithm that is not known",
        }
    }
}

/// Whether there is a private key in it, in any form: in a directory of trusted keys none has a place.
pub(crate) fn holds_secret(content: &[u8]) -> bool {
    let holds_marker = |text: &[u8]| SECRET_MARKERS.iter().any(|marker| contains(text, marker.as_bytes()));
    let holds = |text: &[u8]| holds_private_key(text) || holds_marker(text);
    holds(content)
        || unwrapped(content).is_some_and(|(_, text)| holds(&text))
        || matches!(Form::of(content), Form::Bare(Bare::Private, _))
}

const SECRET_MARKERS: [&str; 4] =
    ["AGE-SECRET-KEY-", "PuTTY-User-Key-File-", "untrusted comment: minisign encrypted secret key", "Private-Lines: "];

const KEY_SUFFIXES: [&str; 6] = [".key", ".pem", ".pub", ".der", ".p8", ".pk8"];

/// How the texts of other tools begin.
const FOREIGN_TEXTS: [(&[&str], &str); 6] = [
    (&["ssh-", "ecdsa-sha2-", "sk-"], "a public key of OpenSSH"),
    (&["---- BEGIN SSH2 "], "a public key of SSH2"),
    (&["PuTTY-User-Key-File-"], "a private key of PuTTY"),
    (&["untrusted comment:"], "a key of minisign or signify"),
    (&["AGE-SECRET-KEY-", "age1", "# created:"], "a key of age"),
    (&["{", "["], "a JSON document"),
];

fn foreign_block(label: &str) -> &'static str {
    let has = |word: &str| label.contains(word);
    match label {
        "OPENSSH PRIVATE KEY" => "a private key of OpenSSH",
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate request",
        "PKCS7" | "CMS" => "a PKCS#7 container",
        _ if has("COSIGN") || has("SIGSTORE") => "an encrypted private key of cosign",
        _ if has("PGP") => "a PGP block",
        _ if has("AGE ENCRYPTED") => "a file encrypted by age",
        _ if label.starts_with("RSA ") => "an RSA key",
        _ if label.starts_with("EC ") => "an EC key",
        _ if label.starts_with("DSA ") => "a DSA key",
        _ => "a PEM block of another kind",
    }
}
