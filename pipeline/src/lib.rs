#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod accepted;
mod admitted;
mod afterwards;
mod arrival;
mod at_rest;
mod attest;
mod before;
mod bench;
pub mod bundle;
mod bytecode;
mod collect;
mod contract;
mod copying;
mod cosign;
mod destination;
mod digest;
mod discovered;
pub mod doctor;
pub mod documents;
mod dry_run;
mod event_log;
mod events;
mod fetch;
pub mod fleet;
mod foresight;
mod grants;
mod indexing;
mod inspect;
mod install;
mod intact;
mod judge;
pub mod keys;
mod loadable;
mod occupied;
mod package;
mod package_platforms;
mod packaged;
mod packed;
mod platforms;
mod proofs;
mod provenance;
mod publication;
mod publish;
mod publishable;
mod pull;
mod pushed;
mod put_beside;
mod redact;
mod reference_rules;
mod referring;
mod release;
mod release_documents;
mod resign;
pub mod review;
mod rollback;
mod sbom;
mod search;
mod sent;
mod sign;
mod sign_file;
mod signature_look;
mod signed_set;
mod source;
mod stated;
mod staying;
mod stopping;
mod subject;
mod tags;
mod timestamps;
mod uninstall;
mod upgrade;
mod verify;
mod verify_installed;
mod versions;

pub use admitted::{AdmittedCode, read_admitted_code, read_evidence};
pub use afterwards::Afterwards;
pub use aisoc_discovery::{
    Discovered, Discovery, DropinFile, Failed, Kind, Note, Origin, Source as PluginSource, StatedPlugins, UserPlugins,
};
pub use aisoc_installation::{Leaving, Pins, directory_number, escaped};
pub use aisoc_registry_client::ReplaceTag;
pub use aisoc_signing::Resigning;
pub use arrival::claimed_id;
pub use at_rest::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};
pub use attest::{
    AttestOptions, AttestationSigner, Attested, AttestedBy, KeylessSigning, UnverifiedBundle, attest, read_predicate,
};
pub use before::Replaced;
pub use bench::Bench;
pub use collect::collect_garbage;
pub use contract::{Contract, ContractChecks, ContractMemory, check_contracts, judge_hooks, room};
pub use copying::{Copied, CopiedRoot, CopyOptions, copy_all_tags, copy_artifact};
pub use cosign::{CosignForms, CosignOptions, Cosigned, cosign};
pub use digest::{CanonicalJson, canonical_digest};
pub use discovered::{Noticed, SiteSources, discover_site};
pub use event_log::{EventLog, HostedStep, Occurrence, RegistrationMetadata, RegistryRecord, SigningGrounds};
pub use events::{BlobState, Event, Reporter, Silent};
pub use grants::{Grants, GrantsBefore};
pub use indexing::publishing_index;
pub use inspect::{
    ArtifactSummary, Inspection, LayerSummary, inspect_artifact, inspect_directory, inspect_with_referrers,
};
pub use install::{Change, InstallOptions, Installation, install};
pub use judge::{ForeseenKeys, Judgement, TrustInputs, coverage_accepted_from};
pub use package::{check_package, package};
pub use package_platforms::{Build, PackagedPlatforms, check_platforms, package_platforms};
pub use packaged::Packaged;
pub use proofs::{Demands, OfferedFile, RequiredProof, ShownProof};
pub use provenance::{
    Build as BuildOrigin, CiSystem, Job, PROVENANCE_PREDICATE_TYPE, Predicate, SourceRevision, provenance_of,
};
pub use publication::{PackageOptions, Publication, SignatureRule};
pub use publish::{Published, PushOptions, publish, push};
pub use publishable::PublishableArtifact;
pub use pull::{Pulled, pull};
pub use pushed::Pushed;
pub use redact::{redacted, resembles_key};
pub use reference_rules::{ALLOW_UNPINNED, REGISTRY_ALLOWLIST, ReferenceRules};
pub use referring::{Referrer, ReferrerKind, Referring};
pub use release::{Checkout, ReleaseCopy, SignedRelease};
pub use release_documents::{ReleaseDocuments, ReleaseDocumentsWanted};
pub use resign::{Naming, Resign, ResignOptions, resign};
pub use rollback::{Rollback, RollbackOptions, roll_back};
pub use sbom::{Bom, SBOM_PREDICATE_TYPE, Sbom, UnreadList};
pub use search::{MAX_SEARCH_WORDS, search};
pub use sign::{SignedDirectory, Signing, sign_directory, sign_directory_knowing};
pub use sign_file::{SignedFile, sign_file};
pub use signature_look::SignatureLook;
pub use signed_set::{ExportedSet, NewVersion};
pub use source::{Source, require_no_manifest};
pub use stated::CheckedAgainst;
pub use stopping::{stopped, unless_stopped};
pub use subject::{Subject, installed};
pub use tags::{Tags, tags};
pub use timestamps::{TimestampOrigin, TimestampSource, Timestamper};
pub use uninstall::uninstall;
pub use upgrade::{
    MAX_CANDIDATES, PassedOver, PreReleases, Upgrade, UpgradeChoice, UpgradeOptions, UpgradePurpose, UpgradeStanding,
    UpgradeSubject, choose_upgrade, upgrade_subjects,
};
pub use verify::{Verification, explain_offer, verify_artifact, verify_directory, verify_shipped};
pub use verify_installed::{InstalledVerification, verify_installed};
pub use versions::{PluginVersion, versions};
