//! `--platform`: which artifact of an image index is meant.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_registry_client::ClientOptions;

/// Those options, with a choice among the artifacts of an index.
pub(super) fn choosing(platform: PlatformChoice, client: ClientOptions) -> ClientOptions {
    ClientOptions { platform, ..client }
}

/// A directory is there as it is, for whatever platform.
///
/// # Errors
/// `usage` where a platform was named for one.
pub(super) fn require_none(named: Option<&PlatformName>) -> Result<()> {
    match named {
        None => Ok(()),
        Some(named) => Err(Fault::new(Reason::Usage, "`--platform` is about an artifact, and this is none")
            .expected("a reference, a layout or an archive", format!("a directory, and {named}"))
            .hint("leave `--platform` out, or name the artifact that the directory was installed from")),
    }
}
