//! `Distribution`: a Python distribution as lists of them name it, and what is known of it.

use std::collections::BTreeSet;

use pep440_rs::{Operator, VersionSpecifiers};

use super::purl::{Purl, PurlType};

/// Most characters of a name, which is more than any index has.
const MAX_NAME_CHARACTERS: usize = 256;

/// A name as Python compares names: in lower case, with one `-` for each run of `-`, `_` and `.` (PEP 503).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    /// Nothing for what is no name (PEP 508).
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let is_name = text.chars().all(is_inside) && is_end(text.chars().next()) && is_end(text.chars().next_back());
        if !is_name || text.len() > MAX_NAME_CHARACTERS {
            return None;
        }
        let parts: Vec<&str> = text.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
        Some(Self(parts.join("-").to_ascii_lowercase()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The algorithm of a hash, in the words of CycloneDX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// The hash of an archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash {
    pub(super) algorithm: Algorithm,
    pub(super) digits: String,
}

impl Hash {
    /// `sha256:…`, as pip and every lock write it. Nothing for another algorithm, and for what has not its digits.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (algorithm, digits) = text.split_once(':')?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        };
        let is_whole = digits.len() == algorithm.digits() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_whole.then(|| Self { algorithm, digits: digits.to_ascii_lowercase() })
    }

    pub(super) fn sha256(digits: String) -> Self {
        Self { algorithm: Algorithm::Sha256, digits }
    }
}

/// The one version that a specifier leaves: `==1.2`, and neither `==1.*` nor `>=1`. Nothing of one that leaves several.
///
/// # Errors
/// For what is no specifier.
pub(super) fn pinned(specifier: &str) -> Result<Option<String>, String> {
    let specifiers: VersionSpecifiers = specifier.parse().map_err(|_| "is no list of versions".to_owned())?;
    let mut pins = specifiers.iter().filter(|one| matches!(one.operator(), Operator::Equal | Operator::ExactEqual));
    Ok(pins.next().map(|pin| pin.version().to_string()))
}

/// What one list says of one distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) name: Name,
    pub(super) version: Option<String>,
    /// What is asked for, as it is written; nothing where a version is merely stated.
    pub(super) requirement: Option<String>,
    pub(super) hashes: BTreeSet<Hash>,
    /// Whether the plugin asks for it itself, or brings it; of what a lock has, nobody knows who asks.
    pub(super) is_direct: bool,
}

impl Distribution {
    pub(super) fn purl(name: &Name, version: Option<&str>) -> String {
        Purl { kind: PurlType::PyPi, name: name.as_str(), version }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_that_python_compares() {
        for (text, expected) in [
            ("requests", Some("requests")),
            ("Ruamel.YAML", Some("ruamel-yaml")),
            ("a__b-._c", Some("a-b-c")),
            ("1", Some("1")),
            ("", None),
            ("-a", None),
            ("a.", None),
            ("./a", None),
            ("a b", None),
            ("é", None),
        ] {
            assert_eq!(Name::of(text).as_ref().map(Name::as_str), expected, "{text}");
        }
        assert!(Name::of(&"a".repeat(MAX_NAME_CHARACTERS)).is_some());
        assert!(Name::of(&"a".repeat(MAX_NAME_CHARACTERS + 1)).is_none());
    }

    #[test]
    fn one_version_is_left_or_none_is_said() {
        for (text, expected) in [
            ("==2.32.3", Some("2.32.3")),
            ("===1.0", Some("1.0")),
            (">=1, ==1.5", Some("1.5")),
            ("==1!2.0+local", Some("1!2.0+local")),
            ("==1.*", None),
            (">=1,<2", None),
            ("~=1.4", None),
            ("", None),
        ] {
            assert_eq!(pinned(text).expect(text).as_deref(), expected, "{text}");
        }
        for text in ["1.0", "==", "=>1", "== one"] {
            assert!(pinned(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_has_the_digits_of_its_algorithm() {
        for (algorithm, digits) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
            let hash = Hash::of(&format!("{algorithm}:{}", "A".repeat(digits))).expect(algorithm);
            assert_eq!(hash.digits, "a".repeat(digits));
            for wrong in [digits - 1, digits + 1] {
                assert_eq!(Hash::of(&format!("{algorithm}:{}", "a".repeat(wrong))), None, "{algorithm} {wrong}");
            }
        }
        for text in ["", "sha256", "md5:0123", "sha256:zz", &format!("sha256:{}", "g".repeat(64))] {
            assert_eq!(Hash::of(text), None, "{text}");
        }
    }
}
