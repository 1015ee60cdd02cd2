//! A blob on its way up: asked for (`end-2`), mounted (`end-11`), or sent as one request of known length
//! (`end-4a`, `end-6`).
//!
//! One request and no chunks: every registry takes it, and a session that broke in the middle is in no
//! state that registries agree on.

use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::answer::Answer;
use super::blobs;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::{same_origin, shown};
use super::outgoing::Outgoing;
use super::refusal::protocol;
use super::status::{is_transient, retry_after};
use super::tries::Tries;
use crate::limits::MAX_TRIES;
use crate::storage::{BlobSource, Pushed};

/// What one attempt came to.
enum Attempt {
    Done(Pushed),
    /// The registry may take it next time.
    Again(Broken, Option<Duration>),
}

/// Stores the blob unless it is there. After a failure the whole attempt is made again, beginning
/// with the question whether the blob arrived after all: a session that broke is in no known state.
pub(super) async fn push(connection: &Arc<Connection>, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
    let mut tries = Tries::new(connection);
    loop {
        if blobs::exists(connection, descriptor).await? {
            return Ok(Pushed::Present);
        }
        match attempt(connection, descriptor, source).await? {
            Attempt::Done(pushed) => return Ok(pushed),
            Attempt::Again(broken, asked) => {
                if !tries.pause(broken.tries, asked).await {
                    return Err(broken.fault);
                }
            }
        }
    }
}

async fn attempt(connection: &Arc<Connection>, descriptor: &Descriptor, source: &BlobSource) -> Result<Attempt> {
    match open_session(connection, descriptor, source).await? {
        Some(session) => send(connection, session, descriptor, source).await,
        None => Ok(Attempt::Done(Pushed::Mounted)),
    }
}

/// Ends the session with the whole blob. Sent once and not through `send`: a second PUT to the same
/// session would meet half a blob.
async fn send(
    connection: &Arc<Connection>,
    mut session: Url,
    descriptor: &Descriptor,
    source: &BlobSource,
) -> Result<Attempt> {
    // Added to what the registry put there, which is its own and often signed.
    session.query_pairs_mut().append_pair("digest", &descriptor.digest.to_string());
    let call = Call {
        headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]),
        body: Outgoing::Blob(descriptor, source),
        ..Call::new(Method::PUT, session, Asked::Blob(descriptor.digest))
    };
    match connection.send_once(&call).await {
        Ok(answer) if is_transient(answer.status()) => {
            let asked = retry_after(answer.headers());
            Ok(Attempt::Again(Broken { fault: answer.refusal(&call).await, tries: MAX_TRIES }, asked))
        }
        Ok(answer) => answer.success(&call).await.map(|_| Attempt::Done(Pushed::Uploaded)),
        Err(broken) => Ok(Attempt::Again(broken, None)),
    }
}

/// The URL to send the blob to, or nothing when the registry took it over from a repository of its
/// own. 202 to a mount is no error: it opens a session like any other ("Mounting a blob from another
/// repository").
async fn open_session(
    connection: &Arc<Connection>,
    descriptor: &Descriptor,
    source: &BlobSource,
) -> Result<Option<Url>> {
    let mut url = connection.url("blobs", "uploads/");
    if let Some(from) = mountable(connection, source) {
        url.query_pairs_mut().append_pair("mount", &descriptor.digest.to_string()).append_pair("from", from);
    }
    let call = Call::new(Method::POST, url, Asked::Repository);
    let answer = connection.send(&call).await?.success(&call).await?;
    match answer.status() {
        StatusCode::CREATED => Ok(None),
        StatusCode::ACCEPTED => session(&call, &answer).map(Some),
        status => Err(protocol(&call, &format!("answered {status}"))),
    }
}

/// The repository that already has the blob, when the same registry holds it. Only there: the name of a
/// repository elsewhere is nothing that this registry needs to know.
fn mountable<'a>(connection: &Connection, source: &'a BlobSource) -> Option<&'a str> {
    let BlobSource::Place(place) = source else { return None };
    let other = place.repository().filter(|other| other.registry() == connection.registry())?;
    Some(other.repository())
}

/// A session at another origin would receive the plugin, and the credentials with it
/// (CVE-2026-50151).
fn session(call: &Call<'_>, answer: &Answer) -> Result<Url> {
    let location = answer.header(LOCATION).and_then(|location| call.url.join(location).ok());
    let url = location.ok_or_else(|| protocol(call, "opens an upload without saying where"))?;
    if same_origin(&url, &call.url) {
        return Ok(url);
    }
    Err(protocol(call, "sends the upload to another host").expected(shown(&call.url), shown(&url)))
}
