//! How the bytes of a digest are held and computed: with their algorithm, or by definition without.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

use super::hexadecimal::read_hex;
use super::sealed::Sealed;
use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// How the bytes of a digest are held and computed.
pub trait Form: Copy + Ord + Hash + From<[u8; 32]> + 'static + Sealed {
    /// A hash that has taken some bytes.
    type State: Send + Sync;

    /// A hash that has taken none, of the algorithm that we write.
    fn begin() -> Self::State;

    /// Takes the next bytes.
    fn update(state: &mut Self::State, bytes: &[u8]);

    /// What was computed.
    fn end(state: Self::State) -> Self;

    /// What those texts look like, for whoever wrote another one.
    const GRAMMAR: &'static str;

    /// The bytes of a text: the algorithm, a colon and as many lower-case hexadecimal digits as it gives.
    fn read(text: &str) -> Option<Self>;

    /// By which algorithm.
    fn algorithm(&self) -> Algorithm;

    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// The algorithms that the specification registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// What everybody writes, and what we write.
    Sha256,
    /// Registered too: read, proved and kept under its name, wherever somebody else wrote it.
    Sha512,
}

impl Algorithm {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name that stands before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// What follows the name of a known algorithm and its colon, digits or not: for who looks a digest up by how it
    /// begins, or shows it so.
    pub fn digits(text: &str) -> Option<&str> {
        let (name, digits) = text.split_once(':')?;
        Self::ALL.iter().any(|algorithm| algorithm.name() == name).then_some(digits)
    }

    /// Whether what follows an `@` is meant as a digest: a known algorithm and its colon.
    pub fn begins(text: &str) -> bool {
        Self::digits(text).is_some()
    }
}

/// Of its name and nothing else. What is not registered has no text that could be read, so it is refused and
/// not taken for one of these.
impl FromStr for Algorithm {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{}` is not an algorithm of digests", shown(text, 120)))
                .hint("it is `sha256` or `sha512`")
        })
    }
}

/// The bytes that an algorithm gave, as many as it gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlgorithmAndBytes {
    /// 32 of them.
    Sha256([u8; 32]),
    /// 64 of them.
    Sha512([u8; 64]),
}

/// A hash of either algorithm that has taken some bytes.
#[derive(Debug)]
pub enum State {
    /// Gives 32 bytes.
    Sha256(Sha256),
    /// Gives 64 bytes.
    Sha512(Sha512),
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<[u8; 32]> for AlgorithmAndBytes {
    fn from(bytes: [u8; 32]) -> Self {
        Self::Sha256(bytes)
    }
}

impl Sealed for AlgorithmAndBytes {}

impl Form for AlgorithmAndBytes {
    const GRAMMAR: &'static str =
        "a digest is `sha256:` followed by 64, or `sha512:` followed by 128 lower-case hexadecimal digits";

    type State = State;

    fn begin() -> State {
        State::Sha256(Sha256::new())
    }

    fn update(state: &mut State, bytes: &[u8]) {
        match state {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    fn end(state: State) -> Self {
        match state {
            State::Sha256(hash) => Self::Sha256(hash.finalize().into()),
            State::Sha512(hash) => Self::Sha512(hash.finalize().into()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("sha256", digits) => read_hex(digits).map(Self::Sha256),
            ("sha512", digits) => read_hex(digits).map(Self::Sha512),
            _ => None,
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }
}

/// 32 bytes that SHA-256 gave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Bytes(pub(super) [u8; 32]);

impl From<[u8; 32]> for Sha256Bytes {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Sealed for Sha256Bytes {}

impl Form for Sha256Bytes {
    const GRAMMAR: &'static str = "a digest is `sha256:` followed by 64 lower-case hexadecimal digits";

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

    fn read(text: &str) -> Option<Self> {
        text.strip_prefix("sha256:").and_then(read_hex).map(Self)
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Sha256
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}
