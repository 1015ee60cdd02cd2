//! Digests that are SHA-256 by their definition: of files, of lists of them, of what is signed.
//!
//! The formats that hold them (the file list, `tree_sha256`, the signed payload) name no algorithm, so
//! another one needs another format and not another value.

use super::body::DigestOf;
use super::form::Sha256Bytes;
use super::hexadecimal::read_hex;
use super::meaning::Meaning;
use super::named::{CoveredTreeDigest, FileDigest};

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
