//! Attestations: what somebody says of an artifact, under their key. How it was made, what is in it, which of its known
//! weaknesses matter.
//!
//! The form is that of in-toto, a statement v1 of one subject, the artifact's manifest (in-toto/attestation,
//! `spec/v1/statement.md`). It is signed as every other statement is, in DSSE v1 under the word of its own type, and
//! stands in a bundle of sigstore, v0.3, with the fingerprint of the key for a hint, so that tools of others find it
//! where they look for one.

mod builder;
mod bundle;
mod claimed;
mod predicate;
mod predicate_type;
mod refusal;
mod statement;
mod unambiguous;

pub(crate) use self::builder::stated_builder;
pub use self::bundle::{Attestation, AttestationBundle, AttestationOutcome, BUNDLE_MEDIA_TYPE, MAX_ATTESTATION_BYTES};
pub use self::claimed::{BUNDLE_MEDIA_TYPES, ClaimedBundle};
pub use self::predicate::{MAX_PREDICATE_BYTES, Predicate};
pub use self::predicate_type::{AttestationType, PredicateType};
pub use self::statement::ArtifactStatement;
pub(crate) use self::unambiguous::Unambiguous;
