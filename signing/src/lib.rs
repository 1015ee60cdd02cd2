#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod appearance;
mod attestation;
mod bare_key;
mod bytecode;
mod claim;
mod content;
mod coverage;
mod encrypted_key;
mod envelope;
mod file_signature;
mod findings;
mod hidden_key;
mod key;
mod key_form;
mod key_pair;
mod key_repair;
mod key_source;
mod keyring;
mod macos;
mod pem;
mod private_key;
mod promised;
pub mod proof;
mod publishable;
mod resigned;
mod sign;
mod signature;
mod signed_by;
mod signer;
mod stamp;
mod statement;
mod succession;
mod timestamp;
mod tree;
mod tried;
mod verify;
mod wrapping;

pub use appearance::Appearance;
pub use attestation::{
    ArtifactStatement, Attestation, AttestationBundle, AttestationOutcome, AttestationType, BUNDLE_MEDIA_TYPE,
    BUNDLE_MEDIA_TYPES, ClaimedBundle, MAX_ATTESTATION_BYTES, MAX_PREDICATE_BYTES, Predicate, PredicateType,
};
pub use bytecode::{WITHOUT_BYTECODE, is_bytecode_of_source};
pub use claim::{Claim, ClaimedTree};
pub use content::Content;
pub use coverage::{Coverage, Uncovered};
pub use encrypted_key::EncryptedKey;
pub use envelope::{Envelope, Opened, PayloadType};
pub use file_signature::{FILE_SIGNATURE_SUFFIX, FileOutcome, FileStatement, sign_file, verify_file};
pub use findings::{Findings, KeyTried, SignatureTried, TimestampTried, TreeCheck};
pub use key::{Fingerprint, PublicKey, SigningKey, wipe_stack};
pub use key_pair::{Overwrite, WrittenPair, pair_at, require_no_pair, write_encrypted_key_pair, write_key_pair};
pub use key_source::KeySource;
pub use keyring::{
    Circumstances, FileKind, ForeseenFile, HeldKey, JOURNAL, JOURNAL_CHAIN, KeyCoverage, KeyFlaw, KeyId, KeyNotes,
    KeyPlace, Keyring, LinkOut, OWN_DIRECTORY, Origin, OutOfScope, Passed, PlannedEnd, Revocation, Scope,
    SignatureKind, SkippedKey, Standing, Survey, SurveyedFile, Wider, inherited, note_of, wider,
};
pub use private_key::PrivateKey;
pub use publishable::{Proof, Publishable, SignedStatement, UnsignedStatement};
pub use resigned::{Resigned, Resigning};
pub use sign::{Signed, sign};
pub use signature::{MAX_SIGNATURE_FILE_BYTES, SIGNATURE_DIRECTORY, SIGNATURE_FILE, Signature};
pub use signed_by::{EndedSigner, Signer};
pub use signer::{
    Agent, AgentSigner, KeyHolder, NamedKey, Operation, PROTOCOL_VERSION, Pkcs11Uri, ProgramSigner, Reply, Request,
    SIGNER_PATIENCE, sign_message,
};
pub use stamp::{Stamped, stamp};
pub use statement::Statement;
pub use succession::Succession;
pub use timestamp::{
    MAX_AUTHORITIES, MAX_AUTHORITY_CERTIFICATES, MAX_TIMESTAMP_BYTES, MAX_TIMESTAMP_CERTIFICATES, SignedAt,
    TimestampAuthorities, TimestampQuery, TimestampToken, standard_reply,
};
pub use tree::{
    ChangedFile, FILE_LIST, INTEGRITY_KEY, ListState, TreeDifference, TreeFinding, claimed_signer, is_signature_file,
    is_timestamp_file, signature_place, timestamp_place,
};
pub use tried::MAX_SIGNATURES;
pub use verify::{Cause, Outcome, Verified, examine, verify};
