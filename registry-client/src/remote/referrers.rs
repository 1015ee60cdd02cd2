//! What refers to a manifest: asked by the API (`end-12a`), else by the tag that stands for it, and noted at that tag
//! where a registry does not note it itself (distribution specification, "Referrers tag schema").

use std::collections::BTreeSet;
use std::sync::Arc;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::{Descriptor, INDEX_MEDIA_TYPE, ImageIndex, MAX_MANIFEST_BYTES, to_bytes};
use aisoc_manifests::reference::Tag;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::answer::Answer;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::manifests;
use super::refusal::protocol;
use super::tags::next_page;
use crate::limits::{MAX_COPIED_MANIFESTS, MAX_LATE_TRIES, MAX_PAGES};
use crate::storage::{Manifest, ManifestName, ReplaceTag};

/// What refers to that manifest, each once, in the order in which the registry says it.
pub(super) async fn list(connection: &Arc<Connection>, subject: ArtifactDigest) -> Result<Vec<Descriptor>> {
    match by_api(connection, subject).await? {
        Some(found) => Ok(found),
        None => Ok(by_tag(connection, &tag_of(subject)?).await?.map_or_else(Vec::new, |noted| noted.index.manifests)),
    }
}

/// The answer of the API; none where there is no such API. A registry that has it knows every subject, also one that it
/// does not hold.
async fn by_api(connection: &Arc<Connection>, subject: ArtifactDigest) -> Result<Option<Vec<Descriptor>>> {
    let mut url = connection.url("referrers", &subject.to_string());
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for page in 0..MAX_PAGES {
        let call = question(url, subject);
        let answer = connection.send(&call).await?;
        if page == 0 && is_without_api(&answer) {
            return Ok(None);
        }
        let answer = answer.success(&call).await?;
        let next = next_page(&call, &answer)?;
        let listed = read(&call, &answer.document(&call, MAX_MANIFEST_BYTES).await?)?;
        // Pages overlap when something is pushed while they are read.
        found.extend(listed.manifests.into_iter().filter(|descriptor| seen.insert(descriptor.digest)));
        if found.len() > MAX_COPIED_MANIFESTS {
            break;
        }
        let Some(next) = next else { return Ok(Some(found)) };
        url = next;
    }
    // A part of the list is no list: the signature that is not in it would stay behind.
    Err(Fault::new(Reason::RegistryProtocol, "the list of referrers does not end"))
}

fn question(url: Url, subject: ArtifactDigest) -> Call<'static> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(INDEX_MEDIA_TYPE))]);
    Call { headers, ..Call::new(Method::GET, url, Asked::Manifest(ManifestName::Digest(subject))) }
}

/// 404 is what the specification says of a registry without the API; some have other words for a path that they do
/// not know.
fn is_without_api(answer: &Answer) -> bool {
    let status = answer.status();
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED)
        || (status.is_success() && answer.media_type().is_none_or(|kind| kind != INDEX_MEDIA_TYPE))
}

fn read(call: &Call<'_>, bytes: &[u8]) -> Result<ImageIndex> {
    serde_json::from_slice(bytes)
        .map_err(|source| protocol(call, "sent a list of referrers that cannot be read").caused_by(source))
}

/// What stands at the tag of a subject.
struct Noted {
    index: ImageIndex,
    /// The digest of the bytes, which the next one stands in the place of.
    digest: ArtifactDigest,
}

/// What stands at that tag, if it is there.
async fn by_tag(connection: &Arc<Connection>, tag: &Tag) -> Result<Option<Noted>> {
    let found = match manifests::get(connection, ManifestName::Tag(tag.clone())).await {
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => return Ok(None),
        found => found?,
    };
    let index = serde_json::from_slice(found.bytes()).ok().filter(|_| found.media_type() == INDEX_MEDIA_TYPE);
    let Some(index) = index else {
        let message = format!("at the tag `{tag}`, which lists what refers to a manifest, stands no index");
        let found = found.media_type().to_owned();
        return Err(Fault::new(Reason::RegistryProtocol, message).expected(INDEX_MEDIA_TYPE, found));
    };
    Ok(Some(Noted { index, digest: found.digest() }))
}

/// The tag that stands for what refers to that manifest: algorithm and hash, of which it has a part where it is long.
/// Two manifests whose hashes begin alike share one, and each entry says itself what it is about.
fn tag_of(subject: ArtifactDigest) -> Result<Tag> {
    let hash: String = subject.blob().hex().chars().take(MAX_HASH_CHARACTERS).collect();
    format!("{}-{hash}", subject.algorithm()).parse()
}

/// How much of a hash stands in such a tag.
const MAX_HASH_CHARACTERS: usize = 64;

/// Makes sure that a manifest which was stored is found at its subject. `answered` is the header `OCI-Subject`, by which
/// a registry says that it does so itself.
pub(super) async fn note(connection: &Arc<Connection>, manifest: &Manifest, answered: Option<Digest>) -> Result<()> {
    let Some((links, subject)) = with_subject(manifest) else { return Ok(()) };
    if answered == Some(subject.digest) {
        return Ok(());
    }
    let subject = subject.artifact_digest();
    if by_api(connection, subject).await?.is_some() {
        return Ok(());
    }
    let entry =
        Descriptor { annotations: links.annotations, artifact_type: links.artifact_type, ..manifest.descriptor() };
    note_at_tag(connection, &tag_of(subject)?, &entry).await
}

/// What a manifest says of its subject, if it has one. What cannot be read has none that a registry could know.
fn with_subject(manifest: &Manifest) -> Option<(Links, Descriptor)> {
    let mut links = Links::read(manifest.bytes()).ok()?;
    let subject = links.subject.take()?;
    Some((links, subject))
}

/// Adds the entry to what the tag lists, and looks at it again until the entry is there. No registry offers a write that
/// depends on what is there, so of two at the very same moment one can still be lost; who copies again notes it again.
async fn note_at_tag(connection: &Arc<Connection>, tag: &Tag, entry: &Descriptor) -> Result<()> {
    for _ in 0..MAX_LATE_TRIES {
        let noted = by_tag(connection, tag).await?;
        let before = noted.as_ref().map(|noted| noted.digest);
        let mut index = noted.map_or_else(|| ImageIndex::new(vec![]), |noted| noted.index);
        if index.manifests.iter().any(|listed| listed.digest == entry.digest) {
            return Ok(());
        }
        index.manifests.push(entry.clone());
        let manifest = Manifest::new(INDEX_MEDIA_TYPE, to_bytes(&index));
        let replace = before.map_or(ReplaceTag::No, ReplaceTag::Only);
        match manifests::tag(connection, &manifest, tag, replace).await {
            // Somebody else was quicker, and what they wrote is to stay.
            Err(fault) if fault.reason() == Reason::TagExists => {}
            stored => drop(stored?),
        }
    }
    let message = format!("`{}` does not keep what the tag `{tag}` is to list", connection.registry());
    Err(Fault::new(Reason::PushVerification, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::digest::Algorithm;

    #[test]
    fn a_tag_has_the_whole_of_a_short_hash_and_a_part_of_a_long_one() {
        for (algorithm, length) in [(Algorithm::Sha256, 64), (Algorithm::Sha512, 128)] {
            let subject = ArtifactDigest::of_by(algorithm, b"{}");
            let hash = subject.blob().hex();
            assert_eq!(hash.len(), length);
            assert_eq!(tag_of(subject).expect("a tag").as_str(), format!("{algorithm}-{}", &hash[..64]));
        }
    }
}
