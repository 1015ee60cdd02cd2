//! `Subjects`: which manifests of a repository are about which others, and what kind of artifact each is.
//!
//! What a manifest is about stands in its bytes, and its digest names these bytes: what was read once holds as long as
//! the manifest is listed. So each is read once, and never for a question about another.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, MAX_MANIFEST_BYTES};
use aisoc_registry_client::layout::{Catalog, Directory};
use serde::Deserialize;

/// The referrers of a repository, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    /// Every manifest that was looked at: its subject and its kind, where it has a subject.
    looked_at: BTreeMap<ArtifactDigest, Option<About>>,
    /// The manifests about each.
    of: BTreeMap<ArtifactDigest, BTreeSet<ArtifactDigest>>,
    /// Whether all that the index lists was looked at.
    is_whole: bool,
}

/// What a manifest with a subject is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    subject: ArtifactDigest,
    kind: Option<Arc<str>>,
}

/// What of a manifest decides whether and how it is listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    annotations: Annotations,
}

impl Referrer {
    /// Without a type of its own it has that of its config ("Listing Referrers").
    fn kind(&mut self) -> Option<String> {
        let own = self.artifact_type.take().filter(|kind| !kind.is_empty());
        own.or_else(|| self.config.take().map(|config| config.media_type))
    }
}

impl Subjects {
    /// The index is another one than before: what it lists is looked at when somebody asks.
    pub(crate) fn doubt(&mut self) {
        self.is_whole = false;
    }

    /// Looks at what the index lists and was not looked at, and forgets what it does not list any more.
    ///
    /// # Errors
    /// `io_` reasons, `pull_failed` for a manifest that is damaged: it might be one of those that are asked for.
    pub(crate) fn complete(&mut self, layout: &Directory, catalog: &Catalog) -> Result<()> {
        if self.is_whole {
            return Ok(());
        }
        let gone: Vec<_> = self.looked_at.keys().copied().filter(|known| catalog.manifest(*known).is_none()).collect();
        gone.into_iter().for_each(|digest| self.forget(digest));
        for listed in catalog.manifests() {
            let digest = listed.artifact_digest();
            if self.looked_at.contains_key(&digest) {
                continue;
            }
            // What is listed and not there is found by whoever asks for it.
            let Some(blob) = layout.blob(digest.blob())? else { continue };
            self.learn(digest, &blob.read(digest.blob(), MAX_MANIFEST_BYTES)?);
        }
        self.is_whole = true;
        Ok(())
    }

    /// Looks at one manifest, which the index lists now.
    pub(crate) fn learn(&mut self, digest: ArtifactDigest, bytes: &[u8]) {
        // Other tools list what they like; what has no subject that can be read has none.
        let referrer = serde_json::from_slice::<Referrer>(bytes).ok();
        let about = referrer.and_then(|mut referrer| {
            let subject = referrer.subject.take()?.artifact_digest();
            Some(About { subject, kind: referrer.kind().map(Into::into) })
        });
        if let Some(About { subject, .. }) = &about {
            self.of.entry(*subject).or_default().insert(digest);
        }
        self.looked_at.insert(digest, about);
    }

    /// The index does not list it any more.
    pub(crate) fn forget(&mut self, digest: ArtifactDigest) {
        let Some(Some(About { subject, .. })) = self.looked_at.remove(&digest) else { return };
        if let Some(others) = self.of.get_mut(&subject) {
            others.remove(&digest);
            if others.is_empty() {
                self.of.remove(&subject);
            }
        }
    }

    /// The manifests about `subject` of that kind, if one is asked for, that sort after `last`.
    pub(crate) fn about(
        &self,
        subject: ArtifactDigest,
        kind: Option<&str>,
        last: Option<ArtifactDigest>,
    ) -> impl Iterator<Item = ArtifactDigest> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = self.of.get(&subject).map(|all| all.range((after, Bound::Unbounded)));
        let is_asked_for = move |digest: &ArtifactDigest| {
            let found = self.looked_at.get(digest).and_then(Option::as_ref);
            kind.is_none_or(|kind| found.is_some_and(|about| about.kind.as_deref() == Some(kind)))
        };
        listed.into_iter().flatten().copied().filter(is_asked_for)
    }
}

/// How a referrer is listed, under the digest that it is kept under.
///
/// # Errors
/// `internal` when it is none: its bytes are those that were looked at.
pub(crate) fn listed(digest: ArtifactDigest, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
    let mut referrer: Referrer = serde_json::from_slice(bytes)
        .map_err(|error| Fault::new(Reason::Internal, "a referrer cannot be read any more").caused_by(error))?;
    let artifact_type = referrer.kind();
    let annotations = referrer.annotations;
    Ok(Descriptor { digest: digest.blob(), artifact_type, annotations, ..Descriptor::of(media_type, bytes) })
}
