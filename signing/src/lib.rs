#![doc = include_str!("../README.md")]

mod claim;
mod coverage;
mod findings;
mod key;
mod key_notes;
mod key_pair;
mod keyring;
mod pem;
mod sign;
mod signature;
mod stamp;
mod statement;
mod tree;
mod verify;

pub use claim::{Claim, ClaimedTree};
pub use coverage::{Coverage, Uncovered};
pub use findings::{Findings, KeyTried, SignatureTried, TreeCheck};
pub use key::{Fingerprint, PublicKey, SigningKey, wipe_stack};
pub use key_notes::{KeyNotes, Standing};
pub use key_pair::{Overwrite, WrittenPair, write_key_pair};
pub use keyring::{KeyId, Keyring, SkippedKey, TrustedKey};
pub use sign::{SignedStatement, sign};
pub use signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE, Signature};
pub use stamp::stamp;
pub use statement::Statement;
pub use tree::{
    ChangedFile, FILE_LIST, INTEGRITY_KEY, Integrity, ListState, TreeDifference, TreeFinding, claimed_signer,
    covered_digest, covered_list, is_signature_file,
};
pub use verify::{Cause, MAX_SIGNATURES, Outcome, Signer, Verified, examine, verify};
