//! Referrers (`end-12a`, `end-12b`): the manifests whose subject is a given one, such as signatures.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::{Descriptor, INDEX_MEDIA_TYPE, ImageIndex, MAX_MANIFEST_BYTES, to_bytes};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LINK};

use crate::query::parameter;
use crate::registry::Registry;
use crate::repositories::Repository;
use crate::response::{Answered, document, with_headers};
use crate::route::read_digest;
use crate::subjects::listed;

/// Most bytes of descriptors in one answer. Clients read 4 MiB, and one descriptor has nearly as many
/// at most.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// Most descriptors in one answer: each is a manifest that is read.
const MAX_PAGE: usize = 1_000;

/// Some of the referrers, in the order of their digests.
struct Page {
    found: Vec<Descriptor>,
    /// The last of them, when there are more.
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
            let Page { found, next_after } = match store.indexed(&name)? {
                Some(repository) => page(&repository, subject, wanted.as_deref(), after)?,
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

/// The referrers after that one, until the page is full. They alone are read, for what their publishers noted in them.
fn page(
    repository: &Repository,
    subject: ArtifactDigest,
    kind: Option<&str>,
    after: Option<ArtifactDigest>,
) -> Result<Page> {
    // As many as a page can have, and one that says that there are more.
    let some = repository.look_at_subjects(|catalog, subjects| {
        let about = subjects.about(subject, kind, after).take(MAX_PAGE + 1);
        Ok(about.filter_map(|digest| catalog.manifest(digest)).collect::<Vec<_>>())
    })?;
    let (mut found, mut listed_bytes, mut last) = (Vec::new(), 0, None);
    for entry in some {
        let digest = entry.artifact_digest();
        // Deleted since.
        let Some(blob) = repository.layout().blob(entry.digest)? else { continue };
        let descriptor = listed(digest, &entry.media_type, &blob.read(entry.digest, MAX_MANIFEST_BYTES)?)?;
        let size = to_bytes(&descriptor).len();
        // One that is larger than a page is a page of its own: it must be reachable.
        if found.len() == MAX_PAGE || (listed_bytes > 0 && listed_bytes + size > MAX_PAGE_BYTES) {
            return Ok(Page { found, next_after: last });
        }
        listed_bytes += size;
        found.push(descriptor);
        last = Some(digest);
    }
    Ok(Page { found, next_after: None })
}
