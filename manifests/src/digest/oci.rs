//! Digests of the OCI specification: they carry their algorithm, and two algorithms cannot be compared.
//!
//! Source: OCI image specification 1.1, `descriptor.md`, "Digests".

use sha2::{Digest as _, Sha256, Sha512};

use super::body::{DigestOf, Hasher};
use super::form::{Algorithm, AlgorithmAndBytes, Form as _, State};
use super::meaning::{Meaning, Stored};
use super::named::Digest;
use crate::fault::{Fault, Reason, Result};

/// What two digests say about the contents that they name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// It is the same content.
    Same,
    /// It is other content.
    Different,
    /// Nothing: they are of two algorithms. Never a proof that something changed, and never that it did not.
    Unknown,
}

impl<M: Meaning<Form = AlgorithmAndBytes>> DigestOf<M> {
    /// By which algorithm it is.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// Hashes with that algorithm.
    pub fn hasher_of(algorithm: Algorithm) -> Hasher<M> {
        Hasher(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The digest of `bytes`, which are all bytes of what `M` says, by that algorithm.
    pub fn of_by(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Self::hasher_of(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Hashes with the algorithm of this digest, to prove it: what gives another one is other content.
    pub fn own_hasher(&self) -> Hasher<M> {
        Self::hasher_of(self.algorithm())
    }

    /// What the two say about their contents. `==` asks whether they are one name, which is less.
    pub fn agreement(&self, other: &Self) -> Agreement {
        match (self == other, self.algorithm() == other.algorithm()) {
            (true, _) => Agreement::Same,
            (false, true) => Agreement::Different,
            (false, false) => Agreement::Unknown,
        }
    }

    /// Refuses for `reason` whatever is not known to be the content of this digest, `message` being what
    /// is said of other content.
    ///
    /// # Errors
    /// `reason`, with both digests.
    pub fn require(&self, found: &Self, reason: Reason, message: impl Into<String>) -> Result<()> {
        let fault = match self.agreement(found) {
            Agreement::Same => return Ok(()),
            Agreement::Different => Fault::new(reason, message),
            Agreement::Unknown => {
                Fault::new(reason, "two digests of different algorithms do not say whether the content is the same")
            }
        };
        Err(fault.expected(self.to_string(), found.to_string()))
    }
}

impl<M: Stored> DigestOf<M> {
    /// The name under which registries and layouts keep it.
    pub fn blob(&self) -> Digest {
        DigestOf(self.0)
    }

    /// The blob of that name, taken for what `M` says: only who read it in a place of that meaning may.
    pub(crate) fn named(blob: Digest) -> Self {
        Self(blob.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::named::ArtifactDigest;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> ArtifactDigest {
        ArtifactDigest::of_by(algorithm, bytes)
    }

    #[test]
    fn an_algorithm_stands_before_its_digits() {
        // FIPS 180-2, appendix C.1.
        let digest = of(Algorithm::Sha512, b"abc");
        assert!(digest.to_string().starts_with("sha512:ddaf35a193617abacc417349ae204131"), "{digest}");
        assert_eq!((digest.hex().len(), digest.algorithm()), (128, Algorithm::Sha512));
        assert_eq!(
            (of(Algorithm::Sha256, b"abc").hex().len(), of(Algorithm::Sha256, b"abc")),
            (64, ArtifactDigest::of(b"abc"))
        );
    }

    #[test]
    fn two_algorithms_are_unknown_and_never_different() {
        let (short, long) = (of(Algorithm::Sha256, b"x"), of(Algorithm::Sha512, b"x"));
        for (one, other, expected) in [
            (short, short, Agreement::Same),
            (long, long, Agreement::Same),
            (short, of(Algorithm::Sha256, b"y"), Agreement::Different),
            (long, of(Algorithm::Sha512, b"y"), Agreement::Different),
            (short, long, Agreement::Unknown),
            (short, of(Algorithm::Sha512, b"y"), Agreement::Unknown),
        ] {
            assert_eq!((one.agreement(&other), other.agreement(&one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn what_is_required_is_refused_unless_it_is_known_to_be_the_same() {
        let (short, long) = (of(Algorithm::Sha256, b"x"), of(Algorithm::Sha512, b"x"));
        let refusal = |found: &ArtifactDigest| short.require(found, Reason::DigestMismatch, "it is another");
        assert!(refusal(&short).is_ok());
        for (found, message) in [(of(Algorithm::Sha256, b"y"), "it is another"), (long, "two digests of different")] {
            let fault = refusal(&found).expect_err("not the same");
            assert!(fault.message().starts_with(message), "{fault:?}");
            let both = fault.difference().expect("both digests");
            assert_eq!((both.expected.clone(), both.found.clone()), (short.to_string(), found.to_string()));
            assert_eq!(fault.reason(), Reason::DigestMismatch);
        }
    }

    #[test]
    fn a_digest_is_proved_by_its_own_algorithm() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = of(algorithm, b"x");
            let mut hasher = digest.own_hasher();
            hasher.update(b"x");
            assert_eq!(hasher.finish(), digest);
            assert_eq!(digest.blob().to_string(), digest.to_string());
        }
    }
}
