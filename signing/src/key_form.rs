//! `Form`: what a text is that should be a key. Known for the words of a refusal; nothing is trusted by it.

use crate::bare_key::{Bare, Encoding, hexadecimal};
use crate::pem::{Block, blocks, contains, has_armor};
use crate::wrapping::{base64, unquoted};

/// What a file, a variable or a pipe holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing, or blanks.
    Empty,
    /// A PEM block of a private key.
    Private(Algorithm),
    /// A PEM block of a public key.
    Public(Algorithm),
    /// A PEM block of a private key that needs a passphrase, and by a method that is not known.
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
    /// A key without its PEM lines.
    Bare(Bare, Encoding),
    /// The name of a file or of a place in a store of secrets, and whether it is a path as it stands there.
    Place { is_path: bool },
    /// The name of a variable that nobody has replaced by its value.
    Unexpanded,
    /// A key of another tool, or of another algorithm.
    Foreign(&'static str),
    /// Anything else.
    Unknown,
}

/// Of which algorithm a key is, by the object identifier in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Ed25519,
    Other(&'static str),
    Unknown,
}

impl Form {
    /// What a text is that is wrapped in nothing.
    pub(crate) fn of(content: &[u8]) -> Self {
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
            _ => Self::bare(content, text).or_else(|| Self::of_text(content, text)).unwrap_or(Self::Unknown),
        }
    }

    pub(crate) fn of_block(block: &Block<'_>) -> Self {
        let der = block.der();
        let readable =
            |form: fn(Algorithm) -> Self| der.as_deref().map_or(Self::Spoilt, |der| form(Algorithm::of(der)));
        match block.label {
            "PRIVATE KEY" => readable(Self::Private),
            "PUBLIC KEY" => readable(Self::Public),
            "ENCRYPTED PRIVATE KEY" => readable(|_| Self::Encrypted),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => readable(|_| Self::Certificate),
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

    fn bare(content: &[u8], text: &[u8]) -> Option<Self> {
        // A text that happens to be as long as a key is none.
        let find = |bytes: &[u8]| Bare::of(bytes).filter(|bare| *bare != Bare::Bytes || !bytes.is_ascii());
        if let Some(bare) = find(content) {
            return Some(Self::Bare(bare, Encoding::Binary));
        }
        if let Some(bytes) = hexadecimal(text) {
            return Bare::of(&bytes).map(|bare| Self::Bare(bare, Encoding::Hexadecimal));
        }
        find(&base64(text)?).map(|bare| Self::Bare(bare, Encoding::Base64))
    }

    fn of_text(content: &[u8], text: &[u8]) -> Option<Self> {
        let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| text.starts_with(beginning.as_bytes()));
        if is_ssh_line(text) {
            return Some(Self::SshLine);
        }
        if let Some((_, name)) = FOREIGN_TEXTS.iter().find(|(beginnings, _)| begins(beginnings)) {
            return Some(Self::Foreign(name));
        }
        match !text.iter().any(u8::is_ascii_whitespace) {
            true if begins(&["$"]) || matches!(text, [b'%', .., b'%']) => Some(Self::Unexpanded),
            true if is_place(text) => {
                // A shell takes `~` for a directory only where it stands itself, and line breaks off an end.
                let is_whole = content.strip_prefix(text).is_some_and(|rest| rest.iter().all(|byte| *byte == b'\n'));
                Some(Self::Place { is_path: is_whole && !begins(&["~"]) && !contains(text, b"://") })
            }
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
            Self::Encrypted => "a private key that is encrypted in a way that is not read".to_owned(),
            Self::CutOff => "a piece of a PEM text, cut off".to_owned(),
            Self::Spoilt => "a PEM text that is damaged".to_owned(),
            Self::Several => "several private keys".to_owned(),
            Self::Certificate => "a certificate".to_owned(),
            Self::SshLine => "a public key in the form of OpenSSH".to_owned(),
            Self::Bare(what, encoding) => format!("{}{}", what.found(), encoding.found(what)),
            Self::Place { .. } => "the name of a file or a place".to_owned(),
            Self::Unexpanded => "the name of a variable, which nothing has replaced by its value".to_owned(),
            Self::Foreign(what) => what.to_owned(),
            Self::Unknown => "something that is no key".to_owned(),
        }
    }
}

/// Whether it is the line of an Ed25519 key, whole: RFC 8709, section 4.
fn is_ssh_line(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let blob = (words.next() == Some(b"ssh-ed25519")).then(|| words.next().and_then(base64)).flatten();
    blob.is_some_and(|blob| blob.len() == 51 && blob.starts_with(b"\0\0\0\x0bssh-ed25519\0\0\0\x20"))
}

fn is_place(text: &[u8]) -> bool {
    const BEGINNINGS: [&str; 4] = ["/", "./", "../", "~"];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning.as_bytes()))
        || KEY_SUFFIXES.iter().any(|suffix| text.ends_with(suffix.as_bytes()))
        || contains(text, b"://")
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
    pub(crate) fn of(der: &[u8]) -> Self {
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
