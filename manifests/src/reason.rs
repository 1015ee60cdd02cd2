//! The registry of reason codes: one row per way in which aisoc says no or gives up.
//!
//! The same words stand in `error[code]`, in `--json`, and in the generated page `docs/reasons.md`.
//! A code keeps its meaning for ever; a code that nothing can raise is a bug (there is a test). It is one file, and long,
//! because it is read as the list that it is.

use std::fmt;

/// Whose turn it is. Decides the exit code; "no" and "could not tell" never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The operation failed on what was given: invalid plugin, local I/O, not found, conflict.
    Failed,
    /// The command line is wrong, or names something that may not be named.
    Usage,
    /// Trust says no: signature, key, digest.
    Refused,
    /// Could not decide: registry or network unavailable; a retry may help.
    Unavailable,
    /// A bug in aisoc.
    Internal,
    /// Confirmation is required and there is no terminal to ask on.
    Unconfirmed,
    /// Stopped by Ctrl-C or SIGTERM, with everything undone.
    Interrupted,
}

impl Class {
    /// The process exit code of this class.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::Internal => 5,
            Self::Unconfirmed => 10,
            Self::Interrupted => 130,
        }
    }

    /// Every class, in the order of the exit codes.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Unavailable,
        Self::Internal,
        Self::Unconfirmed,
        Self::Interrupted,
    ];

    /// What it means for whoever started the command, in one sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failed => {
                "It failed on what was given: an invalid plugin, a file that is missing, credentials that are refused."
            }
            Self::Usage => "The command line is wrong, or names something that may not be named.",
            Self::Refused => "Trust says no: a signature, a key or a digest.",
            Self::Unavailable => {
                "It could not be decided: a registry or a lock is not available, or a download is damaged; a retry may help."
            }
            Self::Internal => "A bug in aisoc.",
            Self::Unconfirmed => "A confirmation is required, and there is no terminal to ask on.",
            Self::Interrupted => "Stopped by Ctrl-C or SIGTERM; what had begun was undone.",
        }
    }

    /// The class in one word, as the JSON envelope's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Unconfirmed => "unconfirmed",
            Self::Interrupted => "interrupted",
        }
    }
}

macro_rules! reasons {
    ($($variant:ident $code:literal $class:ident $meaning:literal $remedy:literal)*) => {
        /// Why something was refused or failed. See `aisoc reasons CODE`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }

            /// Whose turn it is.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }
        }
    };
}

reasons! {
    Usage "usage" Usage
        "The command line is not one that aisoc understands."
        "run the command with `--help`"
    ConfirmationRequired "confirmation_required" Unconfirmed
        "The command removes or replaces something and nobody was there to say yes."
        "repeat it with `--yes`"
    // --- manifest
    ManifestMissing "manifest_missing" Failed
        "There is neither a plugin.yaml nor an aisoc-plugin.json where one is needed."
        "run the command on the directory that holds plugin.yaml, or make one with `aisoc plugin new NAME --type TYPE`"
    ManifestInvalid "manifest_invalid" Failed
        "The manifest cannot be read the way the host reads it."
        "correct the manifest, then run `aisoc plugin validate`"
    ManifestNotCanonical "manifest_not_canonical" Failed
        "The manifest can be read, but holds a value that has no canonical form (a date, bytes, a set, mixed key types), so it cannot be signed."
        "put the value in quotes"
    ManifestFieldMissing "manifest_field_missing" Failed
        "One of id, name, version, plugin_type is absent or empty."
        "add the field to the manifest"
    InvalidPluginId "invalid_plugin_id" Failed
        "The plugin id is not a safe name."
        "use 2 to 64 characters: lower-case letters, digits, `-` and `_`, beginning with a letter or digit"
    InvalidPluginType "invalid_plugin_type" Failed
        "plugin_type is none of the known types."
        "use one of action, connector, detection, enricher, responder, widget"
    InvalidVersion "invalid_version" Failed
        "The version is not a quoted MAJOR.MINOR.PATCH."
        "write it as a quoted string such as \"1.2.0\""
    FieldType "field_type" Failed
        "A manifest field has a value of the wrong type."
        "see `aisoc help plugin-yaml` for the fields and their types"
    EntryPointInvalid "entry_point_invalid" Failed
        "The entry point does not name a file of the plugin that the host can load."
        "point entry_point at a file inside the plugin directory"
    UnknownCapability "unknown_capability" Failed
        "A dotted entry of `capabilities` is not one of the thirteen capabilities a host can grant."
        "use a capability from `aisoc capabilities`, or remove the entry"
    DependencyMissing "dependency_missing" Failed
        "A plugin depends on another one that is not there."
        "install what is missing, or remove what depends on it"
    DependencyCycle "dependency_cycle" Failed
        "Plugins depend on each other in a circle, so none of them can be loaded first."
        "ask the publishers which of the dependencies is not needed"
    ManifestAmbiguous "manifest_ambiguous" Failed
        "There is more than one manifest, and readers disagree on which one counts."
        "keep plugin.yaml and delete aisoc-plugin.json"
    DuplicateKey "manifest_duplicate_key" Failed
        "The same key stands twice in one mapping; readers disagree on which one counts."
        "delete one of them"
    AmbiguousScalar "manifest_ambiguous_scalar" Failed
        "An unquoted value means one thing in YAML 1.1, which the host reads, and another in YAML 1.2."
        "quote it to mean the text, or write true, false, null or a plain decimal number"
    NumberForm "manifest_number" Failed
        "A number is outside what every reader reproduces exactly."
        "quote it, or write it as a decimal integer below 2^53"
    KeyType "manifest_key_type" Failed
        "A mapping key is not a string."
        "quote the key"
    ValueType "manifest_type" Failed
        "A value has a type that cannot be signed, such as a date."
        "quote it"
    MergeKey "manifest_merge_key" Failed
        "The merge key `<<` is read by some YAML readers and kept as text by others."
        "write the merged keys out"
    Alias "manifest_alias" Failed
        "Anchors and aliases are read differently by different readers, and can expand without bound."
        "write the value out where it is used"
    Tag "manifest_tag" Failed
        "An explicit tag changes the type of a value in some readers only."
        "remove the tag"
    ForbiddenCharacter "manifest_forbidden_character" Failed
        "A character ends a line, or is forbidden, in some YAML readers only."
        "write it as an escape inside double quotes, or remove it"
    Directive "manifest_directive" Failed
        "A YAML directive changes how some readers read the rest."
        "remove the line that begins with `%`"
    TooDeep "manifest_too_deep" Failed
        "The manifest is nested deeper than any manifest needs."
        "flatten it"
    TooLarge "manifest_too_large" Failed
        "The manifest is larger than any manifest needs."
        "move data out of the manifest into a file of the plugin"
    UnsignedKey "manifest_unsigned_key" Failed
        "The top-level keys `trust` and `signature` are left out of what is signed, so nobody can rely on them."
        "remove the key"
    StrictJson "manifest_json_strict" Failed
        "The JSON manifest holds something that strict JSON readers refuse."
        "write it as RFC 8259 JSON with unique keys"
    // --- proofs beyond a key
    TrustedRootInvalid "trusted_root_invalid" Failed
        "The file of a trusted root of sigstore cannot be used: it is no trusted root, or names no authority or no log."
        "get `trusted_root.json` of the instance whose proofs you trust, from whoever runs it, and name it with `--trusted-root`"
    ProofKeyInvalid "proof_key_invalid" Failed
        "A public key by which others' artifacts are judged cannot be used: it is none, or of a kind that is not taken."
        "have one block `PUBLIC KEY` of PEM in the file: ECDSA over P-256 or P-384, Ed25519, or RSA"
    ProofMissing "proof_missing" Refused
        "A proof beyond a key is required, and nothing that refers to the artifact is one of that kind."
        "have whoever published the artifact attach one; a registry that does not list what refers to an artifact hides it: name a bundle that is in a file with `--bundle FILE`"
    ProofUnsupported "proof_unsupported" Refused
        "What refers to the artifact is a proof of a kind that is not judged here, such as a signature of notation, or one by a certificate under a tag of cosign."
        "have whoever published the artifact attach a bundle of sigstore"
    ProofMalformed "proof_malformed" Refused
        "A proof beyond a key is not one: it is no bundle of sigstore, or holds something that is not understood or that nothing binds."
        "have whoever published the artifact attach the bundle again, as their tool made it"
    ProofOtherArtifact "proof_other_artifact" Refused
        "A proof is of another artifact."
        "name the artifact that the proof is of, or have its publisher sign this one"
    ProofSignatureInvalid "proof_signature_invalid" Refused
        "The signature of a proof is not by the key that it names, or not over what it holds."
        "have whoever published the artifact sign it again"
    ProofCertificateRefused "proof_certificate_refused" Refused
        "The certificate of a proof does not lead to an authority of the trusted root, was not valid when it signed, or stands in no log of certificates."
        "check that the trusted root is that of the instance by which the artifact was signed"
    ProofLogRefused "proof_log_refused" Refused
        "No log of the trusted root shows that it holds the signature of a proof."
        "check that the trusted root is that of the instance by which the artifact was signed"
    ProofTimestampRefused "proof_timestamp_refused" Refused
        "Nobody whom the trusted root names vouches for when a proof was signed."
        "have whoever published the artifact sign it again, with a timestamp of an authority of the trusted root"
    ProofIdentityRefused "proof_identity_refused" Refused
        "A proof was signed by somebody else than was asked for."
        "ask the publisher by which workflow or account the artifact is signed, and name that"
    ProofBuilderRefused "proof_builder_refused" Refused
        "Provenance names another builder than is required."
        "ask the publisher where the artifact is built, and have it built where your site allows"
    // --- what a site requires of which plugin
    TrustPolicyInvalid "trust_policy_invalid" Failed
        "The file of trust rules cannot be used, and nothing is let in without it: it is no TOML, or holds something that is not understood."
        "correct what the message names: `aisoc help trust` shows a file of rules"
    NoTrustRule "no_trust_rule" Refused
        "No trust rule is about the plugin, and what no rule is about is not let in."
        "see which rules there are, and whom they are about: `aisoc trust policy show`"
    TrustCasesInvalid "trust_cases_invalid" Failed
        "The file says nothing that trust rules could be tested with."
        "correct what the message names: `aisoc help trust` shows a file of cases"
    TrustPolicyDiffers "trust_policy_differs" Failed
        "The trust rules let a plugin in or refuse it otherwise than their test expects."
        "see which rules are about it: `aisoc trust policy explain PLUGIN`; then correct the rules, or the test"
    // --- signing without a key that stays
    IdentityTokenInvalid "identity_token_invalid" Failed
        "There is no identity token to sign by, or one that does not count: it is no token, its time is over, or it is for somebody else."
        "have the job ask for one: `permissions: id-token: write` on GitHub Actions, `id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore` on GitLab, or a file, `--identity-token-file FILE`"
    SigningServiceUnavailable "signing_service_unavailable" Unavailable
        "A service by which is signed without a key, an issuer of tokens, Fulcio, Rekor or a timestamp authority, cannot be reached, does not answer in time, or is out of order; nothing was published."
        "try again; the same command signs anew"
    SigningServiceRefused "signing_service_refused" Failed
        "A service by which is signed without a key refuses what it is asked, leads elsewhere, or is not trusted over TLS; nothing was published."
        "check the URL that is named, and ask whoever runs the service what it takes"
    SigningServiceMismatch "signing_service_mismatch" Refused
        "A service by which is signed without a key answered something else than it was asked for: another key, identity, signature or nonce, or nothing that can be read; nothing was published."
        "check the URL that is named, and tell whoever runs the service: what it gave is of no use to anybody"
    // --- keys and signatures
    KeyInvalid "key_invalid" Failed
        "A key cannot be read as one: the signing key is missing, damaged, of another algorithm or no private key, or a trusted key file holds no public key."
        "make one with `aisoc plugin keygen --out PREFIX`"
    PrivateKeyExposed "private_key_exposed" Failed
        "The file of a private key, or of its passphrase, belongs to another user, or can be read or written by others."
        "close it with `chmod 600 FILE`; make a new key if somebody may have read it"
    PassphraseInvalid "passphrase_invalid" Failed
        "The passphrase of a private key cannot be had, or is not the one that opens it."
        "give it with `--passphrase env:VARIABLE`, `--passphrase fd:N` or `--passphrase file:PATH`, or at a terminal"
    KeyNoteInvalid "key_note_invalid" Failed
        "A note beside the trusted keys cannot be read, or is about no key that can: what it limits or revokes is not known."
        "correct the file that is named, or put it back as it was"
    KeyExists "key_exists" Failed
        "A key file of that name exists, and a lost private key cannot be made again."
        "choose another `--out` prefix, or repeat with `--force`"
    KeyNotFound "key_not_found" Failed
        "There is no key of that name or fingerprint in the trusted keys directory."
        "see which there are: `aisoc keys list`"
    KeysFaulty "keys_faulty" Failed
        "`aisoc keys lint` has found an error in a directory of keys, or with `--strict` a warning."
        "do what stands below each finding, then run it again"
    SiteFaulty "site_faulty" Failed
        "`aisoc doctor` has found an error on a site, or with `--strict` a warning."
        "do what stands below each finding, then run it again"
    SignerUnavailable "signer_unavailable" Unavailable
        "Whoever holds the private key, an agent, a program or a token, could not be reached or did not answer in time."
        "see whether it runs and what it waits for, then try again"
    SignerFailed "signer_failed" Failed
        "Whoever holds the private key, an agent, a program or a token, does not sign: it refuses, holds no such key, or answers with something else."
        "see `aisoc help signing-keys` for what is expected of it"
    SignerMismatch "signer_mismatch" Refused
        "Whoever holds the private key gave a signature that the public key it names does not verify; nothing was written."
        "find out which key it signs with, and whether it is the one that you mean"
    WeakKey "weak_key" Refused
        "A public key is a point for which anybody can make signatures."
        "delete the key file and find out who put it there"
    Unsigned "unsigned" Refused
        "There is no plugin.sig, and a host in strict mode, or publishing, asks for one."
        "ask the publisher for a signed build, or sign it with `aisoc plugin sign --plugin-dir DIR --private-key KEY`"
    TimestampInvalid "timestamp_invalid" Refused
        "A timestamp beside a signature is none: it is malformed, was not granted, is about another signature or has none beside it."
        "ask the authority again, for the signature that stands there now: `aisoc plugin sign DIR --private-key FILE --timestamp URL`"
    SignatureMalformed "signature_malformed" Refused
        "plugin.sig is neither 64 raw bytes nor their hexadecimal form."
        "fetch the plugin again from its publisher"
    SignatureInvalid "signature_invalid" Refused
        "No trusted key verifies the signature: the plugin was changed after signing, or was signed by somebody else."
        "if the publisher has a new key, add its public half to the trusted keys directory; otherwise fetch the plugin again"
    UntrustedKey "untrusted_key" Refused
        "The plugin names its signer, and that key is not in the trusted keys directory."
        "compare the fingerprint with the publisher's, then put the publisher's NAME.pem into the trusted keys directory"
    KeyRevoked "key_revoked" Refused
        "Only a key that was revoked verifies the signature."
        "ask the publisher for a build that is signed with the new key"
    KeyNotYetValid "key_not_yet_valid" Refused
        "Only a key that does not count yet verifies the signature."
        "wait until then, or ask the publisher for a build that is signed with a current key"
    KeyExpired "key_expired" Refused
        "Only a key whose time is over verifies the signature."
        "ask the publisher for a build that is signed with a current key"
    KeyOutOfScope "key_out_of_scope" Refused
        "Only a key verifies the signature that is limited to other plugins, other repositories, or other things than plugins."
        "look up in NAME.json beside the key what it is limited to; then ask the publisher for a build that is signed with the key that is meant for it"
    KeyNeeded "key_needed" Refused
        "What is installed or published depends on the keys: without them it would be refused, or would be let in with nobody who vouches for it."
        "have it signed with another trusted key first: `aisoc plugin resign REF --private-key NEW --add --trusted-keys KEYS --replace-tag`, and install that"
    SignersTooFew "signers_too_few" Refused
        "Fewer distinct trusted keys signed the plugin, or the set of keys, than are required."
        "ask the missing signers to run `aisoc plugin sign --add --plugin-dir DIR --private-key KEY`"
    KeysetInvalid "keyset_invalid" Failed
        "What was named is no set of keys, or one that cannot be understood."
        "ask who signs the set for it; `aisoc keys export` writes sets that can be"
    KeysetMismatch "keyset_mismatch" Refused
        "A set of keys is another one than the set that is followed here."
        "look up which set this site follows in KEYS/.aisoc/sync.json, and where that one is published"
    KeysetExpired "keyset_expired" Refused
        "A set of keys has expired: a newer one, with a revocation, may be withheld."
        "ask who signs the set for a newer version, and find out why this one is still served"
    KeysetRollback "keyset_rollback" Refused
        "A set of keys is older than the one that was applied here, or another one of the same version."
        "find out why the older one is served; who signs the set publishes a new version to go back"
    KeysetLockout "keyset_lockout" Refused
        "With a set of keys nothing would be verified any more, or no further set could be applied."
        "ask who signs the set for one with a key that counts; a key in the wrong hands is revoked here by `aisoc keys revoke ID --force --reason TEXT`"
    CoverageMismatch "coverage_mismatch" Refused
        "The signed manifest states which files the plugin has, and these are others: changed, added or missing."
        "fetch the plugin again from its publisher"
    CoveragePartial "coverage_partial" Refused
        "The signature covers the manifest and `*.py` only, and other files could run or be loaded."
        "ask the publisher to sign the whole tree: `aisoc plugin sign --plugin-dir DIR --private-key KEY`"
    CoverageDowngrade "coverage_downgrade" Refused
        "A wider signature of this plugin was verified on this site before, and this one covers less."
        "ask the publisher to sign the whole tree: `aisoc plugin sign --plugin-dir DIR --private-key KEY`"
    VersionDowngrade "version_downgrade" Refused
        "An older version of the plugin than the installed one was asked for, or one of which nobody can tell whether it is older."
        "install the newest version, or go back to a version that was kept: `aisoc plugin rollback ID`"
    SignerChanged "signer_changed" Refused
        "None of the keys that verify the plugin has signed what is installed of it, or who has signed that is not known."
        "ask the publisher whether the new key is theirs, or for a build that both keys have signed"
    UntrustedPublisher "untrusted_publisher" Refused
        "The plugin is signed well, and by nobody whose plugins this site takes (AISOC_PLUGIN_TRUSTED_PUBLISHERS, AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS)."
        "compare the fingerprint with the publisher's; then name the key in AISOC_PLUGIN_TRUSTED_PUBLISHERS"
    UnsignedNotAcknowledged "unsigned_not_acknowledged" Usage
        "The trust mode would let in what nobody vouches for, and AISOC_PLUGIN_UNSIGNED_ACK does not say that this is known."
        "unset PLUGIN_TRUST_MODE, which makes it strict"
    CapabilityDenied "capability_denied" Refused
        "The plugin asks for a capability that this site lets no plugin ask for (AISOC_PLUGIN_DENY_CAPABILITIES)."
        "ask the publisher for a build that does without, or whoever runs this site why it is denied"
    CapabilitiesNotAccepted "capabilities_not_accepted" Refused
        "The plugin asks for more of the host than what it would replace was accepted with, or what that was cannot be read."
        "read what each permits, `aisoc capabilities`, then repeat the command with `--accept-capabilities` and the names of all that are new"
    IntegrityUnknown "integrity_unknown" Refused
        "The manifest's key `integrity` is not of a form that this version can check."
        "use a version of aisoc that knows the scheme, or have the publisher sign again with `aisoc plugin sign DIR --private-key KEY`"
    StatementInvalid "statement_invalid" Failed
        "A signed statement about keys, an endorsement or a set of keys, is not of the form that such a statement has."
        "ask whoever made it for the file again; \"Signed statements\" in `aisoc help signing-format` has its form"
    AttestationInvalid "attestation_invalid" Failed
        "An attestation, or the predicate that one is to be made of, is not of the form that it must have."
        "give one JSON document of the type that `--type` names; \"Attestations\" in `aisoc help artifact-format` has the form"
    StatementExpired "statement_expired" Refused
        "The time of a signed statement about keys is over."
        "ask whoever made it for a new one"
    EndorsementReplayed "endorsement_replayed" Refused
        "A key is endorsed that was here before and was taken away: the endorsement knows nothing of that."
        "see who took the key away and why: `aisoc keys journal show`"
    EndorsementConflict "endorsement_conflict" Refused
        "A key has named a successor, and another one that it has named before counts here."
        "ask the owner of the keys which of the two is theirs, on another way than the endorsement came"
    NoTrustedKeys "no_trusted_keys" Refused
        "There is no usable Ed25519 public key to verify the signature with."
        "put the publisher's public key (NAME.pem) into the trusted keys directory"
    DigestMismatch "digest_mismatch" Refused
        "The artifact is not the one that was required."
        "find out what changed before you require another digest"
    JournalBroken "journal_broken" Refused
        "A journal is not as it was written: a line was removed, changed, inserted, moved or cut off, there or in its chain."
        "keep its files as they are and find out who changed them; \"When it is broken\" in `aisoc help journal` says how to go on"
    JournalInvalid "journal_invalid" Failed
        "A line that was written into a journal by hand is none, or a journal is larger than any."
        "correct the line that is named before the next change binds it; `aisoc help journal` has the columns"
    // --- what this site has accepted
    LocksetInvalid "lockset_invalid" Failed
        "What was named is no set of plugins, or one that cannot be understood."
        "ask who signs the set for it; `aisoc plugins lock push` writes sets that can be"
    LocksetMismatch "lockset_mismatch" Refused
        "A set of plugins is another one than the set that is followed here."
        "look up which set this site follows in plugins.lock.sync, and where that one is published"
    LocksetExpired "lockset_expired" Refused
        "A set of plugins has expired: a newer one, without a plugin that is accepted no more, may be withheld."
        "ask who signs the set for a newer version, and find out why this one is still served"
    LocksetRollback "lockset_rollback" Refused
        "A set of plugins is older than the one that was applied here, or another one of the same version."
        "find out why the older one is served; who signs the set publishes a new version to go back"
    LockInvalid "lock_invalid" Usage
        "plugins.lock is none: it cannot be read, holds a key or a value that no lock has, or is larger than any."
        "correct what is named, or put the lock back as it was; `aisoc help lock` has its form"
    LockSchemaUnsupported "lock_schema_unsupported" Usage
        "plugins.lock is of a newer schema version than this version of aisoc knows, so nobody can tell what it accepts."
        "use a version of aisoc that knows it, or have the lock written again by this one"
    LockMissing "lock_missing" Usage
        "There is no plugins.lock where one is needed."
        "name it with `--plugins-lock PATH`, or make one: `aisoc plugins lock`"
    MissingFromInstall "missing_from_install" Refused
        "plugins.lock accepts a plugin that is not installed."
        "install it, or take it out of the lock: `aisoc plugins untrust ID --reason TEXT`"
    MissingFromLock "missing_from_lock" Refused
        "A plugin is installed or asked for that plugins.lock does not accept."
        "look at it, then accept it: `aisoc plugins trust ID --reason TEXT`; or remove it"
    VersionMismatch "version_mismatch" Refused
        "Another version of a plugin is installed or asked for than plugins.lock accepts."
        "install the version that was accepted, or look at the new one, then accept it: `aisoc plugins trust ID --reason TEXT`"
    HashMismatch "hash_mismatch" Refused
        "The content of a plugin is not the one that plugins.lock accepts."
        "find out what changed; then install what was accepted, or accept what is there: `aisoc plugins trust ID --reason TEXT`"
    EntryPointMismatch "entry_point_mismatch" Refused
        "A plugin would be loaded from another module or class than plugins.lock accepts."
        "find out what changed; then install what was accepted, or accept what is there: `aisoc plugins trust ID --reason TEXT`"
    // --- references, registries, artifacts
    InvalidReference "invalid_ref" Usage
        "The reference is not `host[:port]/repository[:tag][@digest]`, `oci:PATH[:TAG]` or `oci-archive:FILE[:TAG]`."
        "write it as host[:port]/repository:tag, for example localhost:5000/team/plugin:1.2.0"
    ForbiddenRegistry "forbidden_registry" Usage
        "The host is a cloud metadata service, or a spelling of its address."
        "name the registry by its own host name"
    RegistryNotAllowed "registry_not_allowed" Usage
        "The registry of the reference is none of those that plugins are installed from here (AISOC_PLUGIN_REGISTRY_ALLOWLIST)."
        "install it from a registry that is on the list"
    UnpinnedReference "unpinned_ref" Usage
        "The reference names a tag, which may name something else tomorrow, and AISOC_PLUGIN_ALLOW_UNPINNED asks for a digest."
        "name the digest as well: REPOSITORY@sha256:DIGITS, or `--require-digest`"
    RegistryUnavailable "registry_unavailable" Unavailable
        "The registry could not be reached, or answered with a server error."
        "check the host name and the network, then try again"
    RegistryTls "registry_tls" Failed
        "TLS could not be agreed on: the certificate is not one that this machine takes, or the other side speaks no TLS, or another one."
        "check host and port; a private authority is given with `--ca-file FILE`"
    ProxyUnavailable "proxy_unavailable" Unavailable
        "The proxy that the environment names could not be reached, or opened no way to the registry."
        "check the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, then try again"
    ProxyDenied "proxy_denied" Failed
        "The proxy that the environment names asked for a login, or refused the one that it was given."
        "write the user, a `:`, the password and an `@` before the host in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
    RegistryProtocol "registry_protocol" Unavailable
        "What answered does not speak the OCI distribution protocol."
        "check that the reference names a registry, then try again"
    RegistryRefused "registry_refused" Failed
        "The registry says no to this request, and says it again when it is repeated."
        "read what the registry answered; what it refuses here, its operator can explain"
    RedirectRefused "redirect_refused" Failed
        "The registry leads to a place where aisoc does not follow: without TLS, inside this network, or another host."
        "tell the operator of the registry where it leads"
    RegistryDenied "registry_denied" Failed
        "The registry refused the credentials, or asked for some and there were none."
        "log in with `aisoc registry login HOST -u USER --password-stdin`, then try again"
    ReferenceNotFound "reference_not_found" Failed
        "The registry has no such repository, tag or digest."
        "check the spelling of the reference"
    TagExists "tag_exists" Failed
        "The tag already names another digest."
        "publish under a new tag, or repeat with `--replace-tag`"
    PullFailed "pull_failed" Refused
        "What was sent, or is in the layout, is not what its digest names."
        "try again; if it repeats, the registry or a cache in between is damaged"
    DownloadDamaged "download_damaged" Unavailable
        "The registry sent fewer or more bytes than the manifest promised, or half a manifest; no digest was compared."
        "try again; if it repeats, the registry or a cache in between is damaged"
    PushVerification "push_verification" Unavailable
        "The registry accepted the artifact, but gave back something else."
        "push again; if it repeats, the registry is damaged"
    NotAPluginArtifact "not_a_plugin_artifact" Failed
        "The reference names something that is not a plugin."
        "check the reference; plugins have the artifact type application/vnd.aisoc.plugin.v1"
    PlatformMissing "platform_missing" Failed
        "An image index holds an artifact for each of several platforms, and none for the one that is wanted, or several for it."
        "ask the publisher for a build for that platform; an artifact for another one is named with `--platform OS/ARCHITECTURE`"
    UnsafeArchive "unsafe_archive" Failed
        "The archive holds an entry that no plugin needs and attackers use."
        "have the publisher package it again with `aisoc plugin package DIR --out NAME.tar`"
    AmbiguousLayout "ambiguous_layout" Failed
        "The artifact holds several plugins, or none."
        "have the publisher ship one plugin per artifact"
    LayoutInvalid "layout_invalid" Failed
        "The directory or archive is not an OCI image layout that can be read safely."
        "make it again with `aisoc plugin package --out PATH`"
    BundleInvalid "bundle_invalid" Failed
        "The file is no bundle of plugins, or lists what no bundle holds."
        "have it made again by `aisoc bundle export`: `aisoc bundle export --help`"
    IndexInvalid "index_invalid" Failed
        "The file is no publishing index."
        "make it again with `aisoc plugin index REF… > index.json`"
    // --- what is compiled into the command, and the policy over it
    DuplicatePluginName "duplicate_plugin_name" Usage
        "Two plugins have one name."
        "whoever builds this command leaves one of the two out, or gives it another name"
    PluginNamePanic "plugin_name_panic" Usage
        "A plugin panicked when it was asked for its name."
        "whoever builds this command corrects the plugin or leaves it out: nothing runs until then"
    InvalidPluginName "invalid_plugin_name" Usage
        "The name of a plugin is none."
        "whoever builds this command gives the plugin a name that matches ^[a-z0-9][a-z0-9-]*$"
    CapabilitiesPanic "capabilities_panic" Usage
        "A plugin panicked when it was asked what it can do."
        "whoever builds this command corrects the plugin or leaves it out: nothing runs until then"
    InvalidCapability "invalid_capability" Usage
        "What a plugin says of itself cannot be understood."
        "whoever builds this command corrects the plugin or leaves it out: nothing runs until then"
    RestrictsMismatch "restricts_mismatch" Usage
        "A plugin that restricts says otherwise, or would let commands run without it."
        "whoever builds this command lets the plugin say `restricts` and `FailClosed`, and hand over its rule"
    CapabilityUnmet "capability_unmet" Usage
        "A plugin asks for another version of the command."
        "use a build of this command in the version that the plugin asks for, or the plugin of this version"
    InstallPanic "install_panic" Usage
        "A plugin panicked while it was installed."
        "whoever builds this command corrects the plugin or leaves it out: nothing runs until then"
    InstallFailed "install_failed" Usage
        "A plugin could not be installed."
        "whoever builds this command corrects the plugin or leaves it out: nothing runs until then"
    InvalidHookName "invalid_hook_name" Usage
        "The name of a hook is none."
        "whoever builds this command gives the hook a name that matches ^[a-z0-9][a-z0-9-]*$"
    DuplicateHookName "duplicate_hook_name" Usage
        "Two hooks of a plugin have one name."
        "whoever builds this command gives one of the two hooks another name"
    InvalidHookRegistration "invalid_hook_registration" Usage
        "A hook does not say for which commands it is, or there are more wrappers than may be."
        "whoever builds this command gives the hook a selector, `Selector::all()` for every command, or takes wrappers away"
    InvalidRule "invalid_rule" Usage
        "The rule of a plugin is none: nothing runs, because what it was to restrict would run too."
        "whoever builds this command corrects the rule that the message names"
    DoubleRestrict "double_restrict" Usage
        "A plugin has handed over two rules: nothing runs, because nobody knows which of them was meant."
        "whoever builds this command makes one rule of the two"
    MultipleRestrictPlugins "multiple_restrict_plugins" Usage
        "More than one plugin has handed over a rule."
        "whoever builds this command keeps one of the plugins that restrict: there is one rule"
    LifecycleFailed "lifecycle_failed" Usage
        "A plugin could not start."
        "do what the cause asks for; nothing runs until the plugin can start"
    LifecyclePanic "lifecycle_panic" Usage
        "A plugin panicked when it was to start."
        "report it to whoever builds this command, with the command and its output"
    RiskInvalid "risk_invalid" Usage
        "The risk of the command is no level."
        "whoever builds this command corrects the risk that the command is annotated with"
    RiskNotAnnotated "risk_not_annotated" Usage
        "The command does not say what harm it can do."
        "whoever builds this command annotates it with its risk"
    CommandDenylisted "command_denylisted" Usage
        "A pattern denies the command."
        "see what is let through, and by whom: `aisoc config policy show`"
    DomainNotAllowed "domain_not_allowed" Usage
        "No pattern allows the command."
        "see what is let through, and by whom: `aisoc config policy show`"
    WriteNotAllowed "write_not_allowed" Usage
        "The command changes more than may be changed."
        "see what is let through, and by whom: `aisoc config policy show`"
    RiskTooHigh "risk_too_high" Usage
        "The command can do more harm than it may."
        "see what is let through, and by whom: `aisoc config policy show`"
    IdentityMismatch "identity_mismatch" Usage
        "The command is for none of those whom the policy lets through."
        "see what is let through, and by whom: `aisoc config policy show`"
    IdentityNotSupported "identity_not_supported" Usage
        "The command is not for the identity of this site."
        "let somebody give it whom it is for: this site is bound to another identity, as `aisoc config policy show` says"
    AggregateAllDenied "aggregate_all_denied" Usage
        "Every command below this one is denied."
        "see what is let through, and by whom: `aisoc config policy show`"
    Aborted "aborted" Usage
        "A wrapper stopped the command."
        "do what the reason asks for, and run the command again"
    Panic "panic" Usage
        "A wrapper panicked."
        "report it to whoever builds this command, with the command and its output"
    WrapperFailed "wrapper_failed" Failed
        "A plugin that stands around the command gave an error of its own instead of what the command came to."
        "do what the message asks for; it is the plugin's, and not of aisoc"
    PolicyInvalid "policy_invalid" Usage
        "The policy cannot be used, and a command does not run without it where `AISOC_POLICY` is `require`."
        "correct what the message names in policy.yml"
    PolicyMissing "policy_missing" Usage
        "There is no policy, and one is required."
        "put policy.yml into the directory that `AISOC_CONFIG_DIR` names, or ~/.aisoc"
    PolicyCasesInvalid "policy_cases_invalid" Failed
        "The file says nothing that a policy could be tested with."
        "correct what the message names: `aisoc help policy` shows a file of cases"
    PolicyDiffers "policy_differs" Failed
        "A policy allows or denies a command otherwise than its test expects."
        "see which axis decides: `aisoc config policy explain COMMAND`; then correct the policy, or the test"
    // --- directories on this machine
    ForbiddenEntry "forbidden_entry" Failed
        "The directory holds a link, a device, a name that cannot be packed safely, or more than a plugin may."
        "replace it by a regular file, or list it in .aisocignore"
    NotReproducible "not_reproducible" Failed
        "Packing the same directory again gave other bytes than the existing artifact."
        "package again, and push what that writes"
    AlreadyExists "already_exists" Failed
        "The target of the command exists and would be overwritten."
        "choose another name, or remove it first"
    Locked "locked" Unavailable
        "Another process is changing the plugins directory and did not finish in time."
        "wait for the process named above, then run the command again"
    LockUnsupported "lock_unsupported" Failed
        "The plugins directory is on a network file system, where neither the lock nor the exchange by rename nor durability can be promised."
        "keep the plugins directory on a local file system and distribute it from there"
    ExchangeUnsupported "exchange_unsupported" Failed
        "The file system cannot exchange or move the plugin's directory in one step."
        "keep the plugins directory on a local file system or a volume of its own"
    DirectoryInsecure "directory_insecure" Failed
        "The plugins directory or something in it is a link or no directory; or it, the trusted keys, or a directory on the way to them can be changed by users who must not decide what a host loads."
        "find out who made it so, then correct its owner and mode"
    PluginNotFound "plugin_not_found" Failed
        "No plugin of that id is installed."
        "see `aisoc plugin list`"
    VersionNotFound "version_not_found" Failed
        "No such version of the plugin is kept."
        "see `aisoc plugin list --versions`, or install the version from its reference"
    TreeModified "tree_modified" Refused
        "A kept version is not as it was when it was installed."
        "install that version again from its reference"
    IdentityAmbiguous "identity_ambiguous" Refused
        "A directory is named like another plugin than the one in it, or one plugin stands in several directories."
        "see `aisoc plugin list`, then remove the directory that does not belong there, or name it as its manifest does"
    PluginInUse "plugin_in_use" Failed
        "A plugin is to be removed that a host runs, in the version that is in place or in one that is kept."
        "let the host let go of it first: `aisoc api unload ID`"
    OtherPlugin "other_plugin" Refused
        "An artifact is of another plugin than the one that was named beside it."
        "see which it is: `aisoc plugin inspect REF`; then name that one, or ask who made it"
    PlatformMismatch "platform_mismatch" Refused
        "plugins.lock accepts a plugin that was built for another platform than the one that comes, or than this machine."
        "see what there is: `aisoc plugin inspect REF`; where this machine is to have its own build, accept that one: `aisoc plugin install REF --lock --reason TEXT`"
    OtherVersion "other_version" Refused
        "A tag that is a version leads to an artifact of another version, or of none that can be compared."
        "ask the publisher which of the two is meant; `aisoc plugin inspect REF` shows what is there"
    UpgradeUnknown "upgrade_unknown" Failed
        "Nobody can tell which version of an installed plugin comes next: it came from no place that has versions, or is bound to a digest alone, or its version is none that can be compared."
        "name the one that is meant: `aisoc plugin install HOST/REPOSITORY:VERSION`"
    PluginDisabled "plugin_disabled" Failed
        "A plugin was called that an operator has disabled."
        "enable it: `aisoc api enable ID`"
    OtherPluginType "other_plugin_type" Failed
        "A plugin was to be called as one of a type, and is of another one."
        "see which plugins are of that type: `aisoc api list --plugin-type TYPE`"
    PluginNotLoaded "plugin_not_loaded" Failed
        "Something was asked of a plugin that is not in memory: it was unloaded, was refused, or has ended."
        "see why: `aisoc api get ID`; then let the host look again: `aisoc api discover`"
    ExecutionFailed "execution_failed" Failed
        "A plugin was called, and raised an error or did not answer in time; or it has ended."
        "read what it printed in the log of the host"
    HookNotFound "hook_not_found" Failed
        "A hook was named that there is none of."
        "see which there are: `aisoc hooks`"
    OtherHookSemantic "other_hook_semantic" Failed
        "A hook was to be fired as one of a semantic, and is of another one, or was given a value that it does not take, or none."
        "see what it takes and answers: `aisoc hooks`"
    RegistrationRefused "registration_refused" Failed
        "The handlers of a plugin were not registered: the registry of hooks is frozen since its host has started, or a handler of `config_validate` denies it."
        "see why: `aisoc api get ID`; what is new is registered when the host is started again"
    ConfigurationInvalid "configuration_invalid" Failed
        "What a plugin is configured with cannot be read, or is not what its manifest describes in `config_schema`."
        "correct it in the file that the host was started with, `aisoc serve --config FILE`, and reload the plugin"
    RegistrySettingsInvalid "registry_settings_invalid" Failed
        "What is written down of registries cannot be understood: registries.toml, or a directory of certificates that it names."
        "correct it where the message says: see `aisoc help registries`"
    RegistryAccessInvalid "registry_access_invalid" Failed
        "A file that says who may ask a registry for what cannot be understood: of users, of tokens or of rights."
        "correct it where the message says; a registry that runs goes on with what it said before"
    HostBusy "host_busy" Unavailable
        "As many calls wait for a plugin, or for the host, as may wait at a time."
        "call again later"
    HostUnavailable "host_unavailable" Unavailable
        "A host is not there, or does not answer in time."
        "start it with `aisoc serve`, or say where it is with `--url`"
    HostProtocol "host_protocol" Unavailable
        "What answers where a host was looked for does not answer as one does."
        "see what is there, and say where the host is with `--url`"
    HostTls "host_tls" Failed
        "TLS with a host could not be agreed on: nobody who is trusted vouches for its certificate, or it speaks none."
        "get the certificate of its authority from its operator, and name that with `--ca-file FILE`"
    NotAuthenticated "not_authenticated" Failed
        "A request to a host shows no token, or one that does not count: it is unknown, revoked, or its time is over."
        "show a token that counts: `aisoc token list --tokens FILE` says which do"
    PermissionMissing "permission_missing" Failed
        "The token that a request to a host shows does not allow what it asks for."
        "make a token that does: `aisoc token create NAME --scope plugins:read --tokens FILE`"
    TokenExists "token_exists" Failed
        "There is a token of that name that counts."
        "choose another name, or revoke that one first: `aisoc token revoke NAME --tokens FILE`"
    TokenNotFound "token_not_found" Failed
        "There is no token of that name."
        "see which there are: `aisoc token list --tokens FILE`"
    DuplicatePluginId "duplicate_plugin_id" Failed
        "Two plugins claim one id; the first in the order of the sources has it, and the other is not loaded."
        "remove one of the two places, or give one plugin another id"
    DistributionInvalid "distribution_invalid" Failed
        "A Python distribution that declares plugins cannot be told: its METADATA, RECORD or entry_points.txt is missing, damaged, a link or no UTF-8."
        "install the distribution again with the installer that has put it there"
    DropinInvalid "dropin_invalid" Failed
        "A file in the data directory is not what its place says it is: a domain that is no JSON."
        "correct the file, or take it out of the data directory"
    UserPluginsDisabled "user_plugins_disabled" Refused
        "It is a drop-in, and the kill switch is set: none is loaded here, domains neither."
        "install it as a distribution of your package manager, or as a signed plugin: `aisoc plugin install REFERENCE`"
    ImportFailed "import_failed" Failed
        "The code of a plugin could not be imported: there is no Python, or it raised, ended, ran out of its bounds or took too long."
        "see what the cause above names: correct that code, or uninstall it; without a Python, install one, or name it by AISOC_PYTHON"
    SandboxUnavailable "sandbox_unavailable" Refused
        "This system does not give every layer that plugins are to be confined by, as AISOC_SANDBOX says, so none of their code was run."
        "see which layers there are, and why not the others: `aisoc doctor`"
    ContractCheckFailed "contract_check_failed" Failed
        "What an entry point names was imported, and is not what its host asks of a plugin."
        "ask who made the distribution for one that fits; `aisoc help discovery` has the contracts"
    RecordInvalid "record_invalid" Failed
        "An install record, a coverage floor or the time that was seen last cannot be read."
        "install the plugin again from its reference"
    GarbageLeft "garbage_left" Failed
        "Something that nobody needs could not be removed, or a change that was interrupted could not be finished."
        "look at owner, mode and mounts of the paths that the warnings name, then run it again"
    IoNotFound "io_not_found" Failed
        "A file or directory does not exist."
        "check the path"
    IoDenied "io_denied" Failed
        "A file or directory may not be read or written."
        "check owner and mode of the path"
    IoNoSpace "io_no_space" Failed
        "The file system is full."
        "free some space and run the command again"
    IoError "io_error" Failed
        "A file operation failed."
        "look at the cause above"
    Interrupted "interrupted" Interrupted
        "The command was stopped; what it had begun was undone."
        "run it again"
    Internal "internal" Internal
        "aisoc reached a state that it holds to be impossible."
        "report it with the command and its output"
}

impl Reason {
    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code)
    }

    /// What kind of refusal it is: the `type` of the JSON envelope. Plugins that are compiled in and policies have
    /// kinds of their own, which whoever automates a fork matches; of all others it is the class.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::DuplicatePluginName
            | Self::PluginNamePanic
            | Self::InvalidPluginName
            | Self::CapabilitiesPanic
            | Self::InvalidCapability
            | Self::RestrictsMismatch
            | Self::CapabilityUnmet
            | Self::InstallPanic
            | Self::InstallFailed
            | Self::InvalidHookName
            | Self::DuplicateHookName
            | Self::InvalidHookRegistration
            | Self::InvalidRule
            | Self::DoubleRestrict => "plugin_install",
            Self::MultipleRestrictPlugins => "plugin_conflict",
            Self::LifecycleFailed | Self::LifecyclePanic => "plugin_lifecycle",
            Self::RiskInvalid
            | Self::RiskNotAnnotated
            | Self::CommandDenylisted
            | Self::DomainNotAllowed
            | Self::WriteNotAllowed
            | Self::RiskTooHigh
            | Self::IdentityMismatch
            | Self::IdentityNotSupported
            | Self::AggregateAllDenied => "command_denied",
            Self::Aborted | Self::Panic => "hook",
            other => other.class().as_str(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_lower_snake_case_and_documented() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason}");
            assert!(reason.meaning().ends_with('.') && !reason.remedy().ends_with('.'), "{reason}");
            assert_eq!(Reason::from_code(reason.as_str()), Some(*reason));
        }
    }

    /// Whoever matches on these goes on to do so: words change, codes and kinds do not.
    #[test]
    fn what_plugins_and_policies_refuse_has_kinds_of_its_own() {
        let of_kind = |kind: &str| {
            let reasons = Reason::ALL.iter().filter(|reason| reason.kind() == kind);
            reasons.map(|reason| reason.as_str()).collect::<Vec<_>>()
        };
        for (kind, codes) in [
            (
                "plugin_install",
                "duplicate_plugin_name plugin_name_panic invalid_plugin_name capabilities_panic invalid_capability \
                 restricts_mismatch capability_unmet install_panic install_failed invalid_hook_name \
                 duplicate_hook_name invalid_hook_registration invalid_rule double_restrict",
            ),
            ("plugin_conflict", "multiple_restrict_plugins"),
            ("plugin_lifecycle", "lifecycle_failed lifecycle_panic"),
            (
                "command_denied",
                "risk_invalid risk_not_annotated command_denylisted domain_not_allowed write_not_allowed \
                 risk_too_high identity_mismatch identity_not_supported aggregate_all_denied",
            ),
            ("hook", "aborted panic"),
        ] {
            assert_eq!(of_kind(kind), codes.split_whitespace().collect::<Vec<_>>(), "{kind}");
        }
        let others = Reason::ALL.iter().filter(|reason| Class::ALL.iter().any(|of| of.as_str() == reason.kind()));
        assert_eq!(others.count() + 28, Reason::ALL.len());
    }

    #[test]
    fn no_remedy_says_to_trust_less() {
        for reason in Reason::ALL {
            for word in ["disabled", "--insecure", "warn mode", "trust-mode"] {
                assert!(!reason.remedy().contains(word), "{reason}: {}", reason.remedy());
            }
        }
    }
}
