//! A blob on its way up: asked for, mounted, or sent as one request of known length.

use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::Remote;
use super::answer::{Answer, protocol};
use super::send::{Call, Outgoing, Tries, is_transient};
use super::wire::{Broken, same_origin};
use crate::limits::MAX_TRIES;
use crate::storage::{BlobSource, Push, Pushed};

/// What one attempt came to.
enum Attempt {
    Done(Pushed),
    /// The registry may take it next time.
    Again(Broken, Option<std::time::Duration>),
}

/// Stores the blob unless it is there. After a failure the whole attempt is made again, beginning
/// with the question whether the blob arrived after all: a session that broke is in no known state.
pub(super) async fn push_blob(remote: &Remote, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
    let mut tries = Tries::new(remote);
    loop {
        if remote.has_blob(descriptor).await? {
            return Ok(Pushed::Present);
        }
        match attempt(remote, descriptor, source).await? {
            Attempt::Done(pushed) => return Ok(pushed),
            Attempt::Again(broken, asked) => {
                if !tries.pause(broken.tries, asked).await {
                    return Err(broken.fault);
                }
            }
        }
    }
}

async fn attempt(remote: &Remote, descriptor: &Descriptor, source: &BlobSource) -> Result<Attempt> {
    let opened = open_session(remote, descriptor, source).await?;
    let Some(session) = opened else {
        return Ok(Attempt::Done(Pushed::Mounted));
    };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
    let mut url = session;
    url.query_pairs_mut().append_pair("digest", &descriptor.digest.to_string());
    let what = format!("blob {}", descriptor.digest);
    let call = Call { method: Method::PUT, url, headers, body: Outgoing::Blob(descriptor, source), what };
    match remote.send_once(&call).await {
        Ok(answer) if is_transient(answer.status()) => {
            let asked = answer.retry_after();
            Ok(Attempt::Again(Broken { fault: answer.refusal(&call).await, tries: MAX_TRIES }, asked))
        }
        Ok(answer) => answer.success(&call).await.map(|_| Attempt::Done(Pushed::Uploaded)),
        Err(broken) => Ok(Attempt::Again(broken, None)),
    }
}

/// The URL to send the blob to, or nothing when the registry took it over from a repository of its
/// own. 202 to a mount is no error: it opens a session like any other.
async fn open_session(remote: &Remote, descriptor: &Descriptor, source: &BlobSource) -> Result<Option<Url>> {
    let mut url = remote.url("blobs", "uploads/");
    if let BlobSource::Place(place) = source
        && let Some(other) = place.repository()
        && other.registry() == remote.reference().registry()
    {
        url.query_pairs_mut()
            .append_pair("mount", &descriptor.digest.to_string())
            .append_pair("from", other.repository());
    }
    let what = "repository".to_owned();
    let call = Call { method: Method::POST, url, headers: HeaderMap::new(), body: Outgoing::Nothing, what };
    let answer = remote.send(&call).await?.success(&call).await?;
    match answer.status() {
        StatusCode::CREATED => Ok(None),
        StatusCode::ACCEPTED => session(&call, &answer).map(Some),
        status => Err(protocol(&call, &format!("answered {status}"))),
    }
}

/// A session at another origin would receive the plugin, and the credentials with it
/// (CVE-2026-50151).
fn session(call: &Call<'_>, answer: &Answer) -> Result<Url> {
    let location = answer.header(LOCATION).and_then(|location| call.url.join(location).ok());
    let url = location.ok_or_else(|| protocol(call, "opens an upload without saying where"))?;
    if same_origin(&url, &call.url) {
        return Ok(url);
    }
    Err(protocol(call, "sends the upload to another host").expected(origin(&call.url), origin(&url)))
}

fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), super::wire::authority(url))
}
