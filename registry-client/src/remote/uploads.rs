//! A blob on its way up: asked for (`end-2`), mounted (`end-11`), or sent as one request of known length
//! (`end-4a`, `end-6`).
//!
//! One request and no chunks: every registry takes it, and a session that broke in the middle is in no
//! state that registries agree on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::answer::Answer;
use super::blobs;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::{same_origin, shown, with_tls_of};
use super::outgoing::Outgoing;
use super::refusal::{not_followed, protocol};
use super::status::retry_after;
use super::tries::Tries;
use crate::limits::MAX_LOCATION_BYTES;
use crate::storage::{BlobSource, Pushed};

/// What one attempt came to.
enum Attempt {
    Done(Pushed),
    /// The registry may take it next time.
    Again(Broken),
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
            Attempt::Again(broken) => {
                if !tries.pause(broken.tries, broken.after).await {
                    return Err(connection.wire.given_up(broken));
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
        Ok(answer) => match (answer.standing().tries(answer.place(), &call.method), retry_after(answer.headers())) {
            (1, _) => arrived(connection, descriptor, &call, answer.success(&call).await?).await,
            (tries, after) => {
                Ok(Attempt::Again(Broken { fault: answer.refusal(&call).await, tries, after, unreached: None }))
            }
        },
        Err(broken) => Ok(Attempt::Again(broken)),
    }
}

/// Whether the blob is there now. Quay calls its 201 a web page; any other success that is one is a login page's,
/// unless the blob can be seen.
async fn arrived(
    connection: &Arc<Connection>,
    descriptor: &Descriptor,
    call: &Call<'_>,
    answer: Answer,
) -> Result<Attempt> {
    let is_plain = answer.status() == StatusCode::CREATED || !answer.is_web_page();
    if is_plain || blobs::exists(connection, descriptor).await? {
        return Ok(Attempt::Done(Pushed::Uploaded));
    }
    Err(answer.unexpected(call))
}

/// The URL to send the blob to, or nothing when the registry took it over from a repository of its own.
async fn open_session(
    connection: &Arc<Connection>,
    descriptor: &Descriptor,
    source: &BlobSource,
) -> Result<Option<Url>> {
    match mountable(connection, source) {
        Some(from) => match mount(connection, descriptor, from).await? {
            Mount::Done => Ok(None),
            Mount::Session(session) => Ok(Some(session)),
            Mount::Refused => begin(connection).await.map(Some),
        },
        None => begin(connection).await.map(Some),
    }
}

/// What became of the wish to have a blob taken over from another repository.
enum Mount {
    /// It is there.
    Done,
    /// It is to be sent there. 202 to a mount is no error: it opens a session like any other ("Mounting a blob
    /// from another repository").
    Session(Url),
    /// The registry does not do it, or not for us. Whoever may push need not be allowed to read the source, and
    /// the blob is here to be sent all the same.
    Refused,
}

async fn mount(connection: &Arc<Connection>, descriptor: &Descriptor, from: &str) -> Result<Mount> {
    let mut url = connection.url("blobs", "uploads/");
    url.query_pairs_mut().append_pair("mount", &descriptor.digest.to_string()).append_pair("from", from);
    // A token for the repository that is pushed to reads no other one.
    let call = Call { also_reads: Some(from.to_owned()), ..Call::new(Method::POST, url, Asked::Repository) };
    // A registry that does not get done with it is not asked for it again: the wait would be paid for each blob.
    let asking = async { connection.send_once(&call).await.map_err(|broken| broken.fault) };
    let Ok(answer) = connection.in_time(&call, asking).await else {
        connection.mounts.store(false, Ordering::Relaxed);
        return Ok(Mount::Refused);
    };
    match answer.status() {
        StatusCode::CREATED => Ok(Mount::Done),
        StatusCode::ACCEPTED => session(&call, &answer).map(Mount::Session),
        _ => Ok(Mount::Refused),
    }
}

async fn begin(connection: &Arc<Connection>) -> Result<Url> {
    let call = Call::new(Method::POST, connection.url("blobs", "uploads/"), Asked::Repository);
    let answer = connection.send(&call).await?.success(&call).await?;
    match answer.status() {
        StatusCode::ACCEPTED => session(&call, &answer),
        _ => Err(answer.unexpected(&call)),
    }
}

/// The repository that already has the blob, when the same registry holds it. Only there: the name of a
/// repository elsewhere is nothing that this registry needs to know.
fn mountable<'a>(connection: &Connection, source: &'a BlobSource) -> Option<&'a str> {
    let place = source.place()?;
    if !connection.mounts.load(Ordering::Relaxed) {
        return None;
    }
    let other = place.repository().filter(|other| other.registry() == connection.registry())?;
    Some(other.repository())
}

/// Where the session is, relative to who opened it: the registry, or the place that it led to. A session
/// anywhere else would receive the plugin, and the credentials with it (CVE-2026-50151).
fn session(call: &Call<'_>, answer: &Answer) -> Result<Url> {
    let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
    let url = location.and_then(|location| answer.url().join(location).ok());
    let url = url.ok_or_else(|| protocol(call, "opens an upload without saying where"))?;
    let url = with_tls_of(answer.url(), url);
    let has_login = !url.username().is_empty() || url.password().is_some();
    if same_origin(&url, answer.url()) && !has_login {
        return Ok(url);
    }
    Err(not_followed(call, "sends the upload to another host").expected(shown(answer.url()), shown(&url)))
}
