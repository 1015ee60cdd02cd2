//! What a push would do, of which nothing is sent.

use aisoc_files::{may_write_in, parent};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Reference, Tag};
use aisoc_registry_client::layout::require_replaceable;
use aisoc_registry_client::{ClientOptions, Fetch as _, Push as _, Tagging as _, Target};

use crate::pushed::Pushed;

/// A place that would be pushed to. A layout that does not exist yet is not made for the question, and has nothing.
pub(crate) fn look_at(destination: &Reference, options: &ClientOptions) -> Result<Option<Target>> {
    match destination {
        // What a push asks for as well: a login that may not push is found out.
        Reference::Registry(_) => Target::create(destination, options).map(Some),
        Reference::Layout(layout) => match layout.path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => may_write(layout).map(|()| None),
            Ok(_) if layout.form == LayoutForm::Directory && !layout.path.is_dir() => {
                let message = format!("`{}` is no directory, and no layout", layout.path.display());
                Err(Fault::new(Reason::LayoutInvalid, message))
            }
            _ => may_write(layout).and_then(|()| Target::open(destination, options).map(Some)),
        },
    }
}

/// Refuses what no layout could be written to: a directory that holds something else, an archive without a directory
/// to stand in.
pub(crate) fn require_writable(out: &LayoutReference, holds_something: bool) -> Result<()> {
    may_write(out)?;
    if out.form == LayoutForm::Directory {
        return match holds_something {
            true => Target::open(&Reference::Layout(out.clone()), &ClientOptions::default()).map(|_| ()),
            false => Ok(()),
        };
    }
    let failed = |error| Fault::io("write", &out.path, error);
    match parent(&out.path).metadata().map_err(failed)?.is_dir() && !out.path.is_dir() {
        true => require_replaceable(&out.path),
        false => Err(failed(std::io::ErrorKind::IsADirectory.into())),
    }
}

/// Whether this user may write where a layout is, or would be.
fn may_write(layout: &LayoutReference) -> Result<()> {
    let place = match layout.form {
        LayoutForm::Directory => &layout.path,
        LayoutForm::Archive => parent(&layout.path),
    };
    may_write_in(place).map_err(|error| Fault::io("write", &layout.path, error))
}

/// What a push would send there. What another repository of the registry could lend is counted as sent.
pub(crate) async fn foresee(
    target: Option<&Target>,
    artifact: ArtifactDigest,
    blobs: &[&Descriptor],
    tag: Option<&Tag>,
) -> Result<Pushed> {
    let mut pushed = Pushed::nothing(artifact);
    for blob in blobs {
        let is_there = match target {
            Some(target) => target.has_blob(blob).await?,
            None => false,
        };
        match is_there {
            true => pushed.present_blobs += 1,
            false => {
                pushed.uploaded_blobs += 1;
                pushed.uploaded_bytes += blob.size;
            }
        }
    }
    pushed.is_new = !is_named(target, artifact, tag).await?;
    Ok(pushed)
}

async fn is_named(target: Option<&Target>, artifact: ArtifactDigest, tag: Option<&Tag>) -> Result<bool> {
    let Some(target) = target else { return Ok(false) };
    if let Some(tag) = tag {
        return Ok(target.tag_digest(tag, artifact.algorithm()).await? == Some(artifact));
    }
    match target.fetch_manifest(Some(artifact)).await {
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => Ok(false),
        found => found.map(|_| true),
    }
}
