//! What a lock is told of the artifact that a plugin came in.

use aisoc_discovery::{Discovered, Origin};
use aisoc_installation::InstallRecord;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::platform::PlatformName;
use aisoc_trust::CameIn;

/// As it was fetched.
pub(crate) fn came_in(
    digest: ArtifactDigest,
    index: Option<ArtifactDigest>,
    platform: Option<&PlatformName>,
) -> CameIn {
    CameIn {
        digest: digest.to_string(),
        index_digest: index.map(|index| index.to_string()),
        platform: platform.map(ToString::to_string),
    }
}

/// As its record has it.
pub(crate) fn recorded(record: &InstallRecord) -> CameIn {
    let platform = platform_of(record);
    came_in(record.digest, record.index_digest, platform.as_ref())
}

/// Of what was found; nothing of what no install has put there.
pub(crate) fn found(plugin: &Discovered) -> Option<CameIn> {
    match &plugin.origin {
        Origin::Installed(record) => Some(recorded(record)),
        _ => None,
    }
}

/// In its one spelling, which an older record may not have. What is no platform says nothing.
pub(super) fn platform_of(record: &InstallRecord) -> Option<PlatformName> {
    record.platform.as_deref()?.parse().ok()
}
