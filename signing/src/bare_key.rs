//! `Bare`: a key without PEM lines around it, known by its first bytes and its length.

use zeroize::Zeroizing;

use crate::pem::contains;

/// What stands there without PEM lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// PKCS#8 of an Ed25519 key, of either version.
    Private,
    /// A private key of another algorithm or in another container, or an encrypted one.
    OtherPrivate,
    /// `SubjectPublicKeyInfo` of an Ed25519 key.
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

impl Bare {
    /// What all of `bytes` is; `None` when it is neither ASN.1 nor as long as a seed.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let Some(inner) = sequence(bytes) else { return matches!(bytes.len(), 32 | 64).then_some(Self::Bytes) };
        Some(match inner {
            // RFC 5958: version, algorithm and seed.
            [0x02, 0x01, 0x00 | 0x01, rest @ ..] if rest.starts_with(&ED25519_SEED) && rest.len() >= 43 => {
                Self::Private
            }
            // RFC 5280: algorithm and key.
            [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, ..] if inner.len() == 42 => Self::Public,
            // PKCS#8, PKCS#1, SEC 1 and PKCS#12 begin with a small version; a public key has none.
            [0x02, 0x01, 0x00..=0x03, 0x30 | 0x02 | 0x04, ..] => Self::OtherPrivate,
            [0x30, ..] if is_encrypted(inner) => Self::OtherPrivate,
            // A seed may begin as a sequence does.
            _ if matches!(bytes.len(), 32 | 64) => Self::Bytes,
            _ => Self::Other,
        })
    }

    /// What it is, with its article.
    pub(crate) const fn found(self) -> &'static str {
        match self {
            Self::Private => "a private key without its PEM lines",
            Self::OtherPrivate => "a private key of another kind, without its PEM lines",
            Self::Public => "a public key without its PEM lines",
            Self::Other => "ASN.1 that is no Ed25519 key",
            Self::Bytes => "the bare bytes of what may be a private key",
        }
    }
}

/// What precedes the seed behind the version: the algorithm, and the two octet strings around it (RFC 8410).
const ED25519_SEED: [u8; 11] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What is in the DER sequence that is all of `bytes`.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (length, inner) = match bytes {
        [0x30, length @ 0..=0x7f, inner @ ..] => (usize::from(*length), inner),
        [0x30, 0x81, length, inner @ ..] => (usize::from(*length), inner),
        [0x30, 0x82, high, low, inner @ ..] => (usize::from(*high) * 256 + usize::from(*low), inner),
        _ => return None,
    };
    (inner.len() == length).then_some(inner)
}

/// Whether it begins with the identifier of an encryption by password: of PKCS#5 or of PKCS#12.
fn is_encrypted(inner: &[u8]) -> bool {
    const PKCS: [u8; 6] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d];
    let head = &inner[..inner.len().min(24)];
    [[0x01, 0x05], [0x01, 0x0c]].iter().any(|arc| contains(head, &[&PKCS[..], arc].concat()))
}

/// What `digits` are, two for a byte.
pub(crate) fn hexadecimal(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
    }
    Some(bytes)
}

impl Encoding {
    /// How `what` is written, behind what it is.
    pub(crate) const fn found(self, what: Bare) -> &'static str {
        match (self, what) {
            (Self::Binary, Bare::Bytes) => ", a raw seed",
            (Self::Binary, _) => ", in binary (DER)",
            (Self::Base64, _) => ", in base64",
            (Self::Hexadecimal, _) => ", in hexadecimal",
        }
    }
}
