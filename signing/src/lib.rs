#![doc = include_str!("../README.md")]

mod claim;
mod key;
mod keyring;
mod pem;
mod sign;
mod signature;
mod statement;
mod verify;

pub use claim::Claim;
pub use key::{Fingerprint, PublicKey, SigningKey};
pub use keyring::{KeyId, Keyring, Overwrite, SkippedKey, TrustedKey, WrittenPair, write_key_pair};
pub use sign::{SignedStatement, sign};
pub use signature::{SIGNATURE_FILE, Signature};
pub use statement::Statement;
pub use verify::{Outcome, Verified, verify};
