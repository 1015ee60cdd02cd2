//! Referrers: the manifests whose subject is a given one.

use std::collections::BTreeSet;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::{Annotations, Descriptor, INDEX_MEDIA_TYPE, ImageIndex, MAX_MANIFEST_BYTES, to_bytes};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;

use super::problem::{Answered, typed};
use super::{Registry, parameter};
use crate::layout::Directory;
use crate::worker::blocking;

/// What of a manifest decides whether and how it is listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Annotations,
}

impl Registry {
    /// An unknown subject has no referrers; that is an answer, not an error.
    pub(super) async fn referrers(&self, repository: &str, subject: Digest, query: &str) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let mut found = blocking(move || match store.repository(&name)? {
            Some(layout) => referrers(&layout, subject),
            None => Ok(Vec::new()),
        })
        .await?;
        let filter = parameter(query, "artifactType");
        if let Some(kind) = &filter {
            found.retain(|descriptor| descriptor.artifact_type.as_ref() == Some(kind));
        }
        let mut response = typed(StatusCode::OK, INDEX_MEDIA_TYPE, to_bytes(&ImageIndex::new(found)));
        if filter.is_some() {
            response.headers_mut().insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
        }
        Ok(response)
    }
}

/// Reads every manifest of the repository. A development registry holds a few hundred; an index of
/// subjects beside the layout would be a second truth to keep.
fn referrers(layout: &Directory, subject: Digest) -> Result<Vec<Descriptor>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in layout.index()?.manifests {
        if !seen.insert(entry.digest) {
            continue;
        }
        let Some(blob) = layout.blob(entry.digest)? else {
            continue;
        };
        let bytes = blob.read(entry.digest, MAX_MANIFEST_BYTES)?;
        if let Ok(referrer) = serde_json::from_slice::<Referrer>(&bytes)
            && referrer.subject.is_some_and(|named| named.digest == subject)
        {
            let artifact_type = referrer.artifact_type.or(referrer.config.map(|config| config.media_type));
            let annotations = referrer.annotations;
            found.push(Descriptor { artifact_type, annotations, ..Descriptor::of(&entry.media_type, &bytes) });
        }
    }
    Ok(found)
}
