#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod at_rest;
mod bench;
mod bytecode;
mod collect;
mod digest;
pub mod documents;
mod events;
mod fetch;
mod inspect;
mod install;
mod intact;
mod judge;
mod publication;
mod publish;
mod pull;
mod release;
mod rollback;
mod sign;
mod signature_look;
mod source;
mod uninstall;
mod verify;
mod version_order;
mod versions;

pub use aisoc_registry_client::ReplaceTag;
pub use at_rest::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};
pub use bench::Bench;
pub use collect::collect_garbage;
pub use digest::{CanonicalJson, canonical_digest};
pub use events::{Event, Reporter, Silent, Transfer};
pub use inspect::{ArtifactSummary, Inspection, LayerSummary, inspect_artifact, inspect_directory};
pub use install::{Change, InstallOptions, Installation, install};
pub use judge::{Judgement, TrustInputs};
pub use publication::{PackageOptions, Publication, PublishableArtifact, SignatureRule};
pub use publish::{Packaged, PushOptions, Pushed, check_package, package, publish, push};
pub use pull::{Pulled, pull};
pub use release::{Checkout, ReleaseCopy, SignedRelease};
pub use rollback::{Rollback, RollbackOptions, roll_back};
pub use sign::{SignedDirectory, Signing, sign_directory, sign_directory_knowing};
pub use signature_look::SignatureLook;
pub use source::Source;
pub use uninstall::uninstall;
pub use verify::{Verification, verify_artifact, verify_directory, verify_shipped};
pub use versions::{PluginVersion, versions};
