//! Referrers (`end-12a`, `end-12b`): the manifests whose subject is a given one, such as signatures.

use std::collections::BTreeMap;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::{Annotations, Descriptor, INDEX_MEDIA_TYPE, ImageIndex, MAX_MANIFEST_BYTES, to_bytes};
use aisoc_registry_client::layout::Directory;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LINK};
use serde::Deserialize;

use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, document, with_headers};
use crate::route::read_digest;

/// Most bytes of descriptors in one answer. Clients read 4 MiB, and one descriptor has nearly as many
/// at most.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// Most bytes of manifests that are read for one answer, about.
const MAX_READ_BYTES: u64 = 64 << 20;

/// What of a manifest decides whether it is listed.
#[derive(Debug, Deserialize)]
struct Subject {
    subject: Option<Descriptor>,
}

/// What of a manifest decides how it is listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    annotations: Annotations,
}

/// Some of the referrers, in the order of their digests.
struct Page {
    found: Vec<Descriptor>,
    /// The last manifest that was looked at, when there are more.
    next_after: Option<ArtifactDigest>,
}

impl Registry {
    /// An unknown subject has no referrers; that is an answer, not an error.
    pub(crate) async fn referrers(&self, repository: &str, subject: ArtifactDigest, query: &str) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let filter = parameter(query, "artifactType");
        let after = parameter(query, "last").map(|last| read_digest(&last)).transpose()?;
        let wanted = filter.clone();
        let listed = self.on_documents(move || {
            let Page { found, next_after } = match store.repository(&name)? {
                Some(layout) => page(&layout, subject, wanted.as_deref(), after)?,
                None => Page { found: Vec::new(), next_after: None },
            };
            Ok((document(to_bytes(&ImageIndex::new(found)), &store.scratch())?, next_after))
        });
        let (body, next_after) = listed.await?;
        let mut headers = vec![(CONTENT_TYPE.as_str(), INDEX_MEDIA_TYPE.to_owned())];
        headers.extend(filter.as_ref().map(|_| ("oci-filters-applied", "artifactType".to_owned())));
        headers.extend(next_after.map(|last| (LINK.as_str(), next(repository, subject, filter.as_deref(), last))));
        Ok(with_headers(StatusCode::OK, &headers, body))
    }
}

/// The link to what follows.
fn next(repository: &str, subject: ArtifactDigest, filter: Option<&str>, last: ArtifactDigest) -> String {
    let filter = filter.map(|kind| format!("artifactType={}&", percent_encoded(kind))).unwrap_or_default();
    format!("</v2/{repository}/referrers/{subject}?{filter}last={last}>; rel=\"next\"")
}

/// The text as it can stand in a query and in a header.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Reads the manifests of the repository after that one, until the page is full. A development registry
/// holds a few hundred; an index of subjects beside the layout would be a second truth to keep.
fn page(
    layout: &Directory,
    subject: ArtifactDigest,
    kind: Option<&str>,
    after: Option<ArtifactDigest>,
) -> Result<Page> {
    let entries: BTreeMap<ArtifactDigest, String> =
        layout.index()?.manifests.into_iter().map(|entry| (entry.artifact_digest(), entry.media_type)).collect();
    let (mut found, mut read, mut listed, mut last) = (Vec::new(), 0, 0, None);
    for (digest, media_type) in entries.into_iter().filter(|(digest, _)| after.is_none_or(|after| *digest > after)) {
        if read >= MAX_READ_BYTES || listed >= MAX_PAGE_BYTES {
            return Ok(Page { found, next_after: last });
        }
        // Deleted since the index was read.
        let Some(blob) = layout.blob(digest.blob())? else { continue };
        read += blob.size;
        let bytes = blob.read(digest.blob(), MAX_MANIFEST_BYTES)?;
        if let Some(descriptor) = referrer(digest, &media_type, &bytes, subject)
            && kind.is_none_or(|kind| descriptor.artifact_type.as_deref() == Some(kind))
        {
            let size = to_bytes(&descriptor).len();
            // One that is larger than a page is a page of its own: it must be reachable.
            if listed > 0 && listed + size > MAX_PAGE_BYTES {
                return Ok(Page { found, next_after: last });
            }
            listed += size;
            found.push(descriptor);
        }
        last = Some(digest);
    }
    Ok(Page { found, next_after: None })
}

/// The descriptor of a manifest that is about `subject`, under the digest that it is kept under.
fn referrer(digest: ArtifactDigest, media_type: &str, bytes: &[u8], subject: ArtifactDigest) -> Option<Descriptor> {
    serde_json::from_slice::<Subject>(bytes).ok()?.subject.filter(|named| named.artifact_digest() == subject)?;
    let Referrer { artifact_type, config, annotations } = serde_json::from_slice(bytes).ok()?;
    // Without a type of its own it has that of its config ("Listing Referrers").
    let artifact_type = artifact_type.or(config.map(|config| config.media_type));
    let digest = digest.blob();
    Some(Descriptor { digest, artifact_type, annotations, ..Descriptor::of(media_type, bytes) })
}
