//! A layout that appears whole: made beside its place, then put there in one rename.
#![expect(
    clippy::disallowed_methods,
    reason = "a layout takes the place of nothing but an empty directory, or of an archive that it was asked to replace"
)]

use std::path::Path;

use aisoc_files::{DraftDirectory, parent, settle};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::reference::{LayoutReference, Reference, Tag};
use aisoc_registry_client::{ClientOptions, ReplaceTag, Target};

use crate::copying::push_artifact;
use crate::events::Reporter;

/// How the names of layouts begin that are made beside their place.
pub(crate) const DRAFTS: &str = ".aisoc-package-";

/// Has the layout written beside its place: a full disk or a kill leaves no half of it. `write` gives the digest of what
/// it has written, under `tag`.
///
/// # Errors
/// As `write`, and I/O reasons.
pub(crate) async fn put_beside<T>(
    out: &LayoutReference,
    tag: Option<&Tag>,
    cancellation: &Cancellation,
    write: impl AsyncFnOnce(&LayoutReference) -> Result<(ArtifactDigest, T)>,
    reporter: &dyn Reporter,
) -> Result<T> {
    let fail = |error| Fault::io("write", &out.path, error);
    let parent = parent(&out.path);
    std::fs::create_dir_all(parent).map_err(fail)?;
    let beside = DraftDirectory::create(parent, DRAFTS, 0o777).map_err(fail)?;
    let staged = LayoutReference { path: beside.path().join("layout"), ..out.clone() };
    let (digest, written) = write(&staged).await?;
    cancellation.check()?;
    match std::fs::rename(&staged.path, &out.path) {
        // Somebody else has begun a layout there meanwhile: add to it.
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            let client = ClientOptions { cancellation: cancellation.clone(), ..ClientOptions::default() };
            let from = Target::open(&Reference::Layout(staged), &client)?;
            let destination = Reference::Layout(LayoutReference { tag: tag.cloned(), digest: None, ..out.clone() });
            let how = (ReplaceTag::Yes, DryRun::No, &client);
            push_artifact(&from, digest, &destination, how, reporter).await?;
        }
        renamed => {
            renamed.map_err(fail)?;
            settle(&out.path).map_err(fail)?;
        }
    }
    Ok(written)
}

/// Whether there is something that stays: a layout directory to add to, or what is none and is refused.
pub(crate) fn holds_something(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        // A file; an empty one is a place that was made for an archive.
        Err(_) => std::fs::metadata(path).is_ok_and(|found| found.len() > 0),
    }
}
