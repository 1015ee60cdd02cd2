//! Whether a refusal is about the version that was looked at, so that an older one may be good, or about the site, the
//! registry or this machine, where the next one would meet the same or nobody could tell.

use aisoc_manifests::fault::{Fault, Reason};

/// Whether the next older version may be looked at. What is not listed here ends the search: a registry that fails for the
/// newest version leads to no older one.
pub(super) fn is_about_version(fault: &Fault) -> bool {
    is_proof(fault.reason()) || is_content(fault.reason())
}

/// What the gates say of this artifact, beside what is installed.
fn is_proof(reason: Reason) -> bool {
    use Reason::*;
    matches!(
        reason,
        Unsigned
            | SignatureMalformed
            | TimestampInvalid
            | SignatureInvalid
            | UntrustedKey
            | KeyRevoked
            | KeyNotYetValid
            | KeyExpired
            | KeyOutOfScope
            | SignersTooFew
            | CoverageMismatch
            | CoveragePartial
            | CoverageDowngrade
            | ProofMissing
            | ProofUnsupported
            | ProofMalformed
            | ProofOtherArtifact
            | ProofSignatureInvalid
            | ProofCertificateRefused
            | ProofLogRefused
            | ProofTimestampRefused
            | ProofIdentityRefused
            | ProofBuilderRefused
            | SignerChanged
            | UntrustedPublisher
            | CapabilityDenied
            | CapabilitiesNotAccepted
            | IntegrityUnknown
            | MissingFromLock
            | VersionMismatch
            | HashMismatch
            | EntryPointMismatch
            | DigestMismatch
            | OtherPlugin
            | OtherVersion
            | PullFailed
    )
}

/// What is wrong with this artifact whoever looks at it.
fn is_content(reason: Reason) -> bool {
    use Reason::*;
    matches!(
        reason,
        NotAPluginArtifact
            | PlatformMissing
            | UnsafeArchive
            | AmbiguousLayout
            | ReferenceNotFound
            | ManifestMissing
            | ManifestInvalid
            | ManifestNotCanonical
            | ManifestFieldMissing
            | InvalidPluginId
            | InvalidPluginType
            | InvalidVersion
            | FieldType
            | EntryPointInvalid
            | UnknownCapability
            | ManifestAmbiguous
            | DuplicateKey
            | AmbiguousScalar
            | NumberForm
            | KeyType
            | ValueType
            | MergeKey
            | Alias
            | Tag
            | ForbiddenCharacter
            | Directive
            | TooDeep
            | TooLarge
            | UnsignedKey
            | StrictJson
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_or_a_registry_is_to_blame_for_ends_the_search() {
        let is_about = |reason: &Reason| is_about_version(&Fault::new(*reason, "said"));
        use Reason::*;
        for reason in [
            RegistryUnavailable,
            RegistryDenied,
            RegistryProtocol,
            DownloadDamaged,
            Locked,
            IoDenied,
            IoNoSpace,
            Interrupted,
            NoTrustedKeys,
            JournalBroken,
            DirectoryInsecure,
            RecordInvalid,
            KeyNoteInvalid,
            LockInvalid,
            LockMissing,
            RegistryNotAllowed,
            UnpinnedReference,
            Internal,
            Usage,
            AlreadyExists,
            IdentityAmbiguous,
            VersionDowngrade,
        ] {
            assert!(!is_about(&reason), "{reason}");
        }
        for reason in [
            Unsigned,
            UntrustedKey,
            CapabilitiesNotAccepted,
            SignerChanged,
            NotAPluginArtifact,
            OtherVersion,
            ManifestMissing,
        ] {
            assert!(is_about(&reason), "{reason}");
        }
    }
}
