//! A proof beyond a key of a directory: sigstore bundles, judged by a trusted root that the operator gave.
//!
//! Nothing is fetched: whoever signed has put into the bundle what shows that he signed, and when. The certificate leads
//! to an authority of the root, the log of the root holds the signature, and a time that the log or a timestamp authority
//! vouches for lies within the certificate's life (github.com/sigstore/protobuf-specs, `docs/`; RFC 3161, RFC 6962).
//!
//! `sigstore-verify` judges that. It stands behind this room, pinned to one version, and none of what it can be asked to
//! leave out can be asked of this room. Before it is asked, `bundle` refuses what it would pass over.

mod artifact_signer;
mod bundle;
mod cosigned;
mod identity;
mod key;
mod provider;
mod refusal;
mod root;
mod signing_payload;
mod tagged;
mod timestamp;
mod understood;
mod verify;

pub use artifact_signer::ArtifactSigner;
pub use bundle::{
    Bundle, BundleKind, MAX_BUNDLE_BYTES, MAX_LOG_ENTRIES, MAX_PROOF_HASHES, MAX_SUBJECTS, MAX_TIMESTAMPS,
};
pub use cosigned::{COSIGN_PREDICATE_TYPE, CosignSignature};
pub use identity::{Constraint, Identity, MAX_IDENTITY_BYTES, Pattern};
pub use key::{Logged, MAX_PROOF_KEY_BYTES, ProofKey, verify_bundle_by_key};
pub use provider::RsaVerifiers;
pub(crate) use provider::{by_p256, by_p384, install};
pub use root::{MAX_TRUSTED_ROOT_BYTES, TrustedRoot};
pub use signing_payload::MAX_SIMPLE_SIGNING_BYTES;
pub use tagged::{
    COSIGN_SIGNATURE, DSSE_MEDIA_TYPE, SIMPLE_SIGNING_MEDIA_TYPE, TaggedLayer, TaggedSignature, verify_tagged_by_key,
};
pub use verify::{ProofSigner, Proven, Subject, verify_bundle};
