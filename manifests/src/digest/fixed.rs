//! Digests that are SHA-256 by their definition: of files, of lists of them, of what is signed.
//!
//! The formats that hold them (the file list, `tree_sha256`, the signed payload) name no algorithm, so
//! another one needs another format and not another value.

use sha2::{Digest as _, Sha256};

use super::meaning::{Form, Meaning, sealed::Sealed};
use super::oci::Algorithm;
use super::{CoveredTreeDigest, DigestOf, FileDigest};

/// 32 bytes that SHA-256 gave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Bytes([u8; 32]);

impl<M: Meaning<Form = Sha256Bytes>> DigestOf<M> {
    /// The digest that a format of ours writes without its algorithm: 64 lower-case hexadecimal digits,
    /// and nothing else.
    pub fn from_hex(digits: &str) -> Option<Self> {
        read_hex(digits).map(|bytes| Self(bytes.into()))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl CoveredTreeDigest {
    /// Whether a file with that digest is the list that this one is of. It decides when a list is too
    /// long to be at hand; the only place where two meanings meet, for the list is a file as well.
    pub fn is_of(self, list: FileDigest) -> bool {
        self.0 == list.0
    }
}

/// The bytes of 64 lower-case hexadecimal digits: what [`hex`](super::hex) wrote of them.
pub fn read_hex(digits: &str) -> Option<[u8; 32]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits = digits.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl From<[u8; 32]> for Sha256Bytes {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Sealed for Sha256Bytes {}

impl Form for Sha256Bytes {
    type State = Sha256;

    fn begin() -> Sha256 {
        Sha256::new()
    }

    fn update(state: &mut Sha256, bytes: &[u8]) {
        state.update(bytes);
    }

    fn end(state: Sha256) -> Self {
        Self(state.finalize().into())
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Sha256
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_64_and_lower_case() {
        let digits = "0123456789abcdef".repeat(4);
        let digest = FileDigest::from_hex(&digits).expect("64 digits");
        assert_eq!((digest.hex(), digest.as_bytes()[..2].to_vec()), (digits.clone(), vec![0x01, 0x23]));
        for other in [&digits[1..], &format!("{digits}0"), &digits.to_uppercase(), &digits.replace('0', "g"), ""] {
            assert_eq!(FileDigest::from_hex(other), None, "{other}");
        }
        assert_eq!(FileDigest::from_hex(&format!("sha256:{digits}")), None);
    }

    #[test]
    fn a_list_is_known_by_the_digest_of_its_file() {
        let stated = CoveredTreeDigest::of(b"list");
        assert!(stated.is_of(FileDigest::of(b"list")) && !stated.is_of(FileDigest::of(b"lists")));
    }
}
