#![doc = include_str!("../README.md")]

mod at_rest;
mod bench;
mod digest;
pub mod documents;
mod events;
mod fetch;
mod inspect;
mod install;
mod publish;
mod pull;
mod rollback;
mod sign;
mod signature_look;
mod source;
mod verify;

pub use at_rest::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};
pub use bench::Bench;
pub use digest::{CanonicalJson, canonical_digest};
pub use events::{Event, Reporter, Silent, Transfer};
pub use inspect::{ArtifactSummary, Inspection, LayerSummary, inspect_artifact, inspect_directory};
pub use install::{Change, InstallOptions, Installation, Judgement, install};
pub use publish::{PackageOptions, Packaged, PushOptions, Pushed, ReplaceTag, check_package, package, publish, push};
pub use pull::{Pulled, pull};
pub use rollback::{Rollback, RollbackOptions, roll_back};
pub use sign::{SignedDirectory, Signing, sign_directory, sign_directory_knowing};
pub use signature_look::SignatureLook;
pub use source::Source;
pub use verify::{TrustInputs, Verification, verify_artifact, verify_directory, verify_shipped};
