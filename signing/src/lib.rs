#![doc = include_str!("../README.md")]

mod claim;
mod key;
mod key_pair;
mod keyring;
mod pem;
mod sign;
mod signature;
mod statement;
mod verify;

pub use claim::Claim;
pub use key::{Fingerprint, PublicKey, SigningKey};
pub use key_pair::{Overwrite, WrittenPair, write_key_pair};
pub use keyring::{KeyId, Keyring, SkippedKey, TrustedKey};
pub use sign::{SignedStatement, sign};
pub use signature::{SIGNATURE_FILE, Signature};
pub use statement::Statement;
pub use verify::{Outcome, Verified, verify};
