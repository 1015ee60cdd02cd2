//! How the bytes of a digest are held and computed: with their algorithm, or by definition without.

use std::fmt;
use std::hash::Hash;

use sha2::{Digest as _, Sha256, Sha512};

use super::sealed::Sealed;

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

    /// By which algorithm.
    fn algorithm(&self) -> Algorithm;

    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// The algorithms that the specification registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// What everybody writes, and what is read.
    Sha256,
    /// Registered too. No text of it is read yet.
    Sha512,
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
        f.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        })
    }
}

impl From<[u8; 32]> for AlgorithmAndBytes {
    fn from(bytes: [u8; 32]) -> Self {
        Self::Sha256(bytes)
    }
}

impl Sealed for AlgorithmAndBytes {}

impl Form for AlgorithmAndBytes {
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
