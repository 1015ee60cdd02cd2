//! What commands show, as documents: one type per thing, for the command line, and for whatever else will
//! answer in JSON. Text for people is made from them by the edge.
//!
//! A document is plain data: words, numbers and lists of them, in the order in which JSON shows them. It holds
//! nothing that would have to be escaped or cut first, for that depends on who reads it.

mod accepted;
mod artifact;
mod attestation;
mod author;
mod capability;
mod changed_key;
mod clock;
mod collection;
mod doctor;
mod explanation;
mod fleet;
mod garbage;
mod hooks;
mod hosted;
mod inspection;
mod installation;
mod installed;
mod journal;
mod key_lint;
mod keys;
mod keyset;
mod listing;
mod logins;
mod manifest;
mod objection;
mod policy;
mod predicate;
mod progress;
mod publishing;
mod reason;
mod registries;
mod release;
mod report;
mod resigned;
mod review;
mod rotation;
mod schema;
mod searched;
mod serving;
mod setting;
mod succession;
mod tokens;
mod tool;
mod trust_policy;
mod upgrade;
mod usage;
mod verdict;

pub use accepted::{
    AcceptedPlugin, AcceptedPlugins, DiscoveredPlugin, DiscoveredPlugins, LockDrift, LockVerdict, PluginsLock,
    RevokedPlugin, UnjournaledChange, UnreadablePlugin,
};
pub use artifact::{
    AllowedSecret, BundledPlugins, CopiedArtifact, CopiedArtifacts, PackedArtifact, PackedPlatform, PlatformArtifact,
    PluginInBundle, PulledArtifact, PushedArtifact,
};
pub use attestation::{AttestedArtifact, CosignedArtifact};
pub use author::{CanonicalDigest, KeyPair, NewPlugin, SignedPlugin, SigningResult};
pub use capability::{CapabilityList, KnownCapability};
pub use changed_key::{ChangedKey, FinishedChange, SuccessorOfKey};
pub use clock::SiteClock;
pub use collection::{CollectedRegistry, CollectedRepository};
pub use doctor::{SandboxExamination, SandboxLayer, SiteExamination, SiteFinding};
pub use explanation::{
    ChangedFile, Check, ExplainedDecision, ExplainedGate, Explanation, FileState, Key, SignatureFile, TimestampFile,
    UncoveredFile,
};
pub use fleet::{ChangedEntry, ExtraPlugin, PulledPluginSet, PushedPluginSet, SyncedPlugin, SyncedPlugins};
pub use garbage::{CollectedGarbage, RemovedGarbage};
pub use hooks::{
    CalledHandler, FiredHook, HookList, HostedHook, HostedHooks, KnownHook, RegisteredHandler, RegisteredHealth,
    RegisteredPlugin,
};
pub use hosted::{
    BroughtIn, BroughtPlugin, CalledPlugin, HostedManifest, HostedPlugin, HostedPlugins, RefusedRequest, ServedHost,
    UnloadedPlugin, WatchedEvent,
};
pub use inspection::{
    ClaimedManifest, InspectedArtifact, InspectedFile, InspectedLayer, InspectedPlugin, InspectedReferrer,
};
pub use installation::{InstalledPlugin, RolledBackPlugin, SignatureJudgement, UninstalledPlugin};
pub use installed::{InstalledPlugins, NotInstalled, NotUninstalled, UninstalledPlugins};
pub use journal::{AuditPage, JournalColumns, JournalEntries, JournalEntry, VerifiedJournal, VerifiedJournals};
pub use key_lint::{DueKey, FingerprintedKey, KeyCalendar, KeyFinding, KeyFingerprints, KeyLint};
pub use keys::{
    DependentItem, ImpactCounts, KeyFingerprint, KeyImpact, KeyList, KeyNote, ListedKey, NotJudged, ShownKey,
    UnusedKey, VerifiedPlugin,
};
pub use keyset::{ExportedKeySet, LeftKey, SyncedKey, SyncedKeySet, WaitingKey};
pub use listing::{ListedPlugin, PluginList, PluginVerdict, PluginVerdicts, PluginVersion, VerdictCounts};
pub use logins::{
    ExplainedRegistryLogin, ForgottenRegistryLogin, KeptRegistryLogin, LoginSource, LoginSourcePart, RegistryIdentity,
    RegistryLogin, WrittenMirror, WrittenRegistrySettings,
};
pub use manifest::{LoadedPlugin, ManifestProblem, ValidManifest};
pub use objection::Objection;
pub use policy::{
    CompiledCapabilities, CompiledHooks, CompiledLifecycle, CompiledObserver, CompiledPlugin, CompiledPlugins,
    CompiledWrapper, DeniedBelow, EffectivePolicy, ExplainedCommand, PolicyAxis, ShownDenial, ShownRule,
    StrictModeState, TestedCase, TestedPolicy, ValidPolicy,
};
pub use predicate::{PluginProvenance, PluginSbom, UnreadListOfPlugin};
pub use progress::{ProgressEvent, ProgressState};
pub use publishing::{IndexedPlugin, PublishingIndex};
pub use reason::{ReasonCode, ReasonCodes, WarningCode};
pub use registries::{DeletedArtifact, RepositoryList, TagList};
pub use release::{AttestationOfRelease, KeyFiles, ReleasedPlugin};
pub use report::{DeniedChild, DispatchDetail, ErrorDetail, Report, ReportedError, ReportedWarning};
pub use resigned::{NotResigned, ResignedArtifact, ResignedArtifacts};
pub use review::{
    AskedCapability, ChangedField, ComparedPlugin, ComparedVersion, DescribedPlugin, FileChanges, NameChanges,
    PluginChanges, ReplacedFile, ReviewItem, SignerChanges,
};
pub use rotation::{KeyRotation, KeyRotationChange, KeyRotationDependent, KeyRotationStep, RotatedKey};
pub use schema::{Document, PublishedSchema, PublishedSchemas, document_schema, progress_schema, report_schema};
pub use searched::{FoundPlugin, FoundPlugins};
pub use serving::ServedRegistry;
pub use setting::{SettingList, ShownSetting};
pub use succession::{AcceptedKey, EndorsedKey, EndorserNotCounted, EndorsingKey};
pub use tokens::{ApiToken, CreatedToken, RevokedToken, TokenGrant, TokenList};
pub use tool::{CommandList, CompletionScript, ListedCommand, ManualPage, ManualPages, ToolVersion};
pub use trust_policy::{
    ExplainedTrust, ShownTrustKeys, ShownTrustProof, ShownTrustRule, TestedTrust, TestedTrustCase, TrustRuleList,
};
pub use upgrade::{NotUpgraded, OutdatedPlugin, OutdatedPlugins, PassedOverVersion, UpgradedPlugin, UpgradedPlugins};
pub use usage::{PublisherUsage, UsedAccessor, UsedPlugin};
pub use verdict::{DocumentedProof, Signer, SourceVerdict};

/// Version of every JSON document that aisoc prints. Raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 2;
