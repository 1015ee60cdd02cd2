//! The four small things that one can ask of a place that holds artifacts. They are what its kinds have in
//! common, and what a test may put in their place.

use std::future::Future;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;
use bytes::Bytes;

use super::manifest::{Manifest, ManifestName};
use super::source::BlobSource;
use super::stream::BlobStream;

/// What to do about a tag that names another digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceTag {
    /// Refuse: somebody may have pinned what it names.
    No,
    /// Move it.
    Yes,
    /// Move it away from that artifact alone, of which the one in its place was made.
    Only(ArtifactDigest),
}

impl ReplaceTag {
    /// Refuses when the tag names something else and may not be moved.
    ///
    /// # Errors
    /// `tag_exists`; also for a tag that is gone and was to be moved away from an artifact.
    pub fn check(self, tag: &Tag, present: Option<ArtifactDigest>, wanted: ArtifactDigest) -> Result<()> {
        match (self, present) {
            (_, Some(present)) if present == wanted => Ok(()),
            (Self::Yes, _) | (Self::No, None) => Ok(()),
            (Self::No, Some(present)) => {
                Err(Fault::new(Reason::TagExists, format!("the tag `{tag}` names another artifact"))
                    .expected(wanted.to_string(), present.to_string()))
            }
            (Self::Only(read), Some(present)) if present == read => Ok(()),
            (Self::Only(read), present) => Err(moved(tag, read, present)),
        }
    }
}

/// What was made of one artifact is no successor of another, which somebody has put there meanwhile.
fn moved(tag: &Tag, read: ArtifactDigest, present: Option<ArtifactDigest>) -> Fault {
    let found = present.map_or_else(|| "nothing".to_owned(), |present| present.to_string());
    Fault::new(Reason::TagExists, format!("the tag `{tag}` does not name any more what was read"))
        .expected(read.to_string(), found)
        .hint("run the command again, which reads what the tag names now")
}

/// What became of a blob or a manifest that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Its bytes were sent.
    Uploaded,
    /// It was there before; nothing was sent.
    Present,
    /// The registry took it over from another repository of its own; nothing was sent.
    Mounted,
}

/// Answers which manifest the reference names.
pub trait Resolve {
    /// The descriptor of the manifest that the reference names: what the place *says*, in one request
    /// at most. Only bytes fetched by this digest prove anything.
    fn resolve(&self) -> impl Future<Output = Result<Descriptor>> + Send;
}

/// Reads manifests and blobs.
pub trait Fetch {
    /// The manifest of that digest, or the one that the reference names when none is given. The
    /// bytes match the digest that was asked for.
    fn fetch_manifest(&self, digest: Option<ArtifactDigest>) -> impl Future<Output = Result<Manifest>> + Send;

    /// The bytes of a blob, as many as the descriptor says; not yet hashed, see [`BlobStream`].
    fn fetch_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<BlobStream>> + Send;

    /// The verified bytes of a small blob, refusing sizes above `max_bytes` before asking for it.
    fn fetch_blob_bytes(&self, descriptor: &Descriptor, max_bytes: u64) -> impl Future<Output = Result<Bytes>> + Send
    where
        Self: Sync,
    {
        async move {
            if descriptor.size > max_bytes {
                return Err(Fault::new(
                    Reason::PullFailed,
                    format!("{} is too large for what it is", descriptor.digest),
                )
                .expected(format!("at most {max_bytes} bytes"), format!("{} bytes", descriptor.size)));
            }
            self.fetch_blob(descriptor).await?.verified().collect().await
        }
    }
}

/// Stores blobs and manifests.
pub trait Push {
    /// Whether the blob is there already.
    fn has_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<bool>> + Send;

    /// Stores a blob unless it is there. The place hashes what it receives.
    fn push_blob(&self, descriptor: &Descriptor, source: &BlobSource) -> impl Future<Output = Result<Pushed>> + Send;

    /// Stores a manifest under its digest, without a tag, unless it is there.
    fn push_manifest(&self, manifest: &Manifest) -> impl Future<Output = Result<Pushed>> + Send;

    /// As [`Push::push_manifest`], of one that an index lists: it is found by that index, and needs no other way to it.
    fn push_part(&self, manifest: &Manifest) -> impl Future<Output = Result<Pushed>> + Send;

    /// The manifest that was stored a moment ago, as a reader gets it. A place that shows it a moment later is
    /// waited for.
    fn read_back(&self, digest: ArtifactDigest) -> impl Future<Output = Result<Manifest>> + Send;
}

/// Reads and moves tags.
pub trait Tagging {
    /// Points the tag at the manifest. Whether it may be moved is judged here, as late as the place allows: what
    /// was asked before a long push is not what is there after it.
    fn tag(&self, tag: &Tag, manifest: &Manifest, replace: ReplaceTag) -> impl Future<Output = Result<Pushed>> + Send;

    /// The digest of the manifest that the tag names, if the tag exists, by the algorithm of the one that it is
    /// compared with. Hashed from the manifest's bytes, not taken from a header.
    fn tag_digest(&self, tag: &Tag, by: Algorithm) -> impl Future<Output = Result<Option<ArtifactDigest>>> + Send;

    /// All tags, sorted.
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>>> + Send;
}

/// Takes tags and manifests away.
pub trait Delete {
    /// The tags that name that manifest, sorted: they go when it goes.
    fn tags_of(&self, digest: ArtifactDigest) -> impl Future<Output = Result<Vec<Tag>>> + Send;

    /// Takes away what stands under that name, as long as it is the manifest of that digest: a tag, whose manifest stays, or
    /// a manifest with all its tags. Blobs stay, which other manifests may name.
    ///
    /// `reference_not_found` where nothing stands there, `tag_exists` for a tag that names another manifest;
    /// `registry_refused` where the place deletes nothing of that kind.
    fn delete(&self, name: &ManifestName, digest: ArtifactDigest) -> impl Future<Output = Result<()>> + Send;
}

/// Refuses to delete another manifest than the one that was decided about.
///
/// # Errors
/// `reference_not_found`, `tag_exists`.
pub(crate) fn require_named(name: &ManifestName, found: Option<ArtifactDigest>, digest: ArtifactDigest) -> Result<()> {
    match (name, found) {
        (_, Some(found)) if found == digest => Ok(()),
        (ManifestName::Tag(tag), Some(found)) => Err(moved(tag, digest, Some(found))),
        (ManifestName::Tag(tag), None) => {
            Err(Fault::new(Reason::ReferenceNotFound, format!("there is no tag `{tag}`")))
        }
        (ManifestName::Digest(_), _) => {
            Err(Fault::new(Reason::ReferenceNotFound, format!("there is no manifest {digest}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_moved_as_far_as_it_was_said() {
        let [read, made, other] = [b"read", b"made", b"else"].map(|bytes| ArtifactDigest::of(bytes));
        let tag: Tag = "1.0.0".parse().expect("a tag");
        for (replace, present, expected) in [
            (ReplaceTag::No, None, true),
            (ReplaceTag::No, Some(made), true),
            (ReplaceTag::No, Some(other), false),
            (ReplaceTag::Yes, None, true),
            (ReplaceTag::Yes, Some(other), true),
            (ReplaceTag::Only(read), Some(read), true),
            (ReplaceTag::Only(read), Some(made), true),
            (ReplaceTag::Only(read), Some(other), false),
            (ReplaceTag::Only(read), None, false),
        ] {
            let checked = replace.check(&tag, present, made);
            assert_eq!(checked.is_ok(), expected, "{replace:?} of {present:?}");
            if let Err(fault) = checked {
                assert_eq!(fault.reason(), Reason::TagExists);
                let difference = fault.difference().expect("two values");
                assert_ne!(difference.expected, difference.found);
            }
        }
    }

    #[test]
    fn what_was_decided_about_is_deleted_and_nothing_else() {
        let [decided, other] = [b"decided", b"another"].map(|bytes| ArtifactDigest::of(bytes));
        let tag = ManifestName::Tag("1.0.0".parse().expect("a tag"));
        for (name, found, refused) in [
            (&tag, Some(decided), None),
            (&tag, Some(other), Some(Reason::TagExists)),
            (&tag, None, Some(Reason::ReferenceNotFound)),
            (&ManifestName::Digest(decided), Some(decided), None),
            (&ManifestName::Digest(decided), None, Some(Reason::ReferenceNotFound)),
        ] {
            let checked = require_named(name, found, decided).map_err(|fault| fault.reason());
            assert_eq!(checked.err(), refused, "{name} at {found:?}");
        }
    }
}
