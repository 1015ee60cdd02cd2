//! Manifests: asked for and fetched (`end-3`), stored (`end-7`).

use std::sync::Arc;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{
    Annotations, DOCKER_LIST_MEDIA_TYPE, Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, MAX_MANIFEST_BYTES,
};
use aisoc_manifests::reference::Tag;
use aisoc_manifests::text::shown;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::answer::Answer;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::outgoing::Outgoing;
use super::refusal::protocol;
use super::status::{Place, Standing, retry_after};
use super::tries::Tries;
use crate::limits::MAX_LATE_TRIES;
use crate::storage::{Manifest, ManifestName, Pushed, ReplaceTag};

/// Manifest types that we ask for. Without the list, old registries convert to schema 1, whose digest is
/// of a signature inside it and not of the bytes.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// The one form of all requests for a manifest, whatever is done with it.
pub(super) fn call(connection: &Connection, method: Method, name: ManifestName) -> Call<'static> {
    let url = connection.url("manifests", &name.to_string());
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]);
    Call { headers, ..Call::new(method, url, Asked::Manifest(name)) }
}

/// What the registry says about the manifest of that tag. HEAD is cheap and need not be there: the headers
/// are optional in parts and some registries answer 405, and then the manifest itself is fetched.
pub(super) async fn resolve(connection: &Arc<Connection>, tag: Tag) -> Result<Descriptor> {
    let call = call(connection, Method::HEAD, ManifestName::Tag(tag.clone()));
    // What a registry does not say to HEAD, it may say to GET.
    let known = connection.send(&call).await?.known(&call).await?;
    match known.as_ref().and_then(described) {
        Some(descriptor) => Ok(descriptor),
        None => Ok(get(connection, ManifestName::Tag(tag)).await?.descriptor()),
    }
}

/// The descriptor that the headers are, when all three are there.
fn described(answer: &Answer) -> Option<Descriptor> {
    let (digest, size, media_type) = (answer.digest()?, answer.length()?, answer.media_type()?);
    if answer.is_web_page() {
        return None;
    }
    Some(Descriptor { media_type, digest, size, annotations: Annotations::new(), artifact_type: None, platform: None })
}

/// The manifest of that name. Asked for by a digest it is the one whose bytes have it: the header
/// `Docker-Content-Digest` repeats what was asked for, whatever is sent (GHSA-qv35-3gw6-8q4j). Asked for by a tag it
/// has the digest of the algorithm that the registry keeps it under, so that it is found by it again.
pub(super) async fn get(connection: &Arc<Connection>, name: ManifestName) -> Result<Manifest> {
    fetched(connection, name, None).await
}

/// As [`get`], with the digest of that algorithm, to be compared with another one of it.
pub(super) async fn get_by(connection: &Arc<Connection>, name: ManifestName, algorithm: Algorithm) -> Result<Manifest> {
    fetched(connection, name, Some(algorithm)).await
}

async fn fetched(connection: &Arc<Connection>, name: ManifestName, by: Option<Algorithm>) -> Result<Manifest> {
    let call = call(connection, Method::GET, name.clone());
    let answer = connection.send(&call).await?.success(&call).await?;
    let (said, kept_as) = (answer.media_type(), answer.digest());
    let bytes = answer.document(&call, MAX_MANIFEST_BYTES).await?;
    require_whole(connection, &bytes)?;
    let algorithm = match &name {
        ManifestName::Digest(asked) => asked.algorithm(),
        ManifestName::Tag(_) => by.unwrap_or_else(|| algorithm_of(kept_as, &bytes)),
    };
    let manifest = Manifest::named_by(algorithm, one_type(&call, said, &bytes)?, bytes);
    match name {
        ManifestName::Digest(asked) if asked != manifest.digest() => Err(another(connection, asked, &manifest)),
        ManifestName::Digest(_) | ManifestName::Tag(_) => Ok(manifest),
    }
}

/// The algorithm of the digest that the header says, if the bytes have that digest. A header that says another one
/// has named nothing, and the usual algorithm is taken.
fn algorithm_of(said: Option<Digest>, bytes: &[u8]) -> Algorithm {
    let own = said.filter(|said| Digest::of_by(said.algorithm(), bytes) == *said);
    own.map_or(Algorithm::Sha256, |own| own.algorithm())
}

/// Refuses a manifest that ends in its middle. Where an answer states no length, its end is all that says that it is
/// whole: a server or a cache that broke off ends it as well, and of a part no digest has said no to the whole.
fn require_whole(connection: &Connection, bytes: &[u8]) -> Result<()> {
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Err(error) if error.is_eof() => {
            let message = format!("`{}` ends a manifest in its middle, at byte {}", connection.registry(), bytes.len());
            Err(Fault::new(Reason::DownloadDamaged, message).caused_by(error))
        }
        // What is no JSON is judged by its digest, and by whoever reads it.
        _ => Ok(()),
    }
}

/// The fault of other bytes under a name that can have one content only.
fn another(connection: &Connection, asked: ArtifactDigest, sent: &Manifest) -> Fault {
    let message = format!("`{}` sent another manifest than the digest names", connection.registry());
    Fault::new(Reason::PullFailed, message).expected(asked.to_string(), sent.digest().to_string())
}

/// Whether the registry has that manifest. It only saves sending it, so only a plain yes counts.
pub(super) async fn exists(connection: &Arc<Connection>, digest: ArtifactDigest) -> Result<bool> {
    let call = call(connection, Method::HEAD, ManifestName::Digest(digest));
    Ok(connection.look(&call, &mut Tries::new(connection)).await?.is_some_and(|answer| !answer.is_web_page()))
}

/// The manifest of that name, which was stored a moment ago: some registries show it a moment later, from where
/// it was copied to. Asked again until it is the one that was stored, for as long as one exchange may take.
///
/// # Errors
/// `reference_not_found` when it is not shown; otherwise what is shown is given, whether it is the one or not.
pub(super) async fn get_stored(
    connection: &Arc<Connection>,
    name: &ManifestName,
    digest: ArtifactDigest,
) -> Result<Manifest> {
    let asking = async {
        let mut tries = Tries::new(connection).until(Instant::now() + connection.wire.longest_exchange());
        loop {
            let found = get_by(connection, name.clone(), digest.algorithm()).await;
            let is_late = match &found {
                Ok(manifest) => manifest.digest() != digest,
                Err(fault) => fault.reason() == Reason::ReferenceNotFound,
            };
            if !is_late || !tries.pause(MAX_LATE_TRIES, None).await {
                return found;
            }
        }
    };
    connection.in_time(&call(connection, Method::GET, name.clone()), asking).await
}

/// Stores the manifest under its digest. Tried again like a read: the same bytes under the same name are
/// the same manifest. Says at which subject the registry has noted it, when it says so (`OCI-Subject`).
pub(super) async fn put(
    connection: &Arc<Connection>,
    manifest: &Manifest,
    digest: ArtifactDigest,
) -> Result<Option<Digest>> {
    let call = put_call(connection, manifest, ManifestName::Digest(digest))?;
    connection.in_time(&call, put_when_seen(connection, &call)).await
}

/// Blobs that were stored a moment ago are not seen yet by who checks that they are there.
async fn put_when_seen(connection: &Arc<Connection>, call: &Call<'_>) -> Result<Option<Digest>> {
    let mut tries = Tries::new(connection).until(Instant::now() + connection.wire.longest_exchange());
    loop {
        let answer = connection.send(call).await?;
        if answer.standing() == Standing::Done {
            return Ok(answer.header("oci-subject").and_then(|subject| subject.parse().ok()));
        }
        let (fault, code) = answer.refused(call).await;
        let is_late = matches!(code.as_deref(), Some("MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN"));
        if !is_late || !tries.pause(MAX_LATE_TRIES, None).await {
            return Err(fault);
        }
    }
}

/// Points the tag at the manifest, and makes sure that it does. Each try begins with the question what it names: a
/// try whose answer was lost may have done it, and while we waited somebody else may have set it.
pub(super) async fn tag(
    connection: &Arc<Connection>,
    manifest: &Manifest,
    tag: &Tag,
    replace: ReplaceTag,
) -> Result<Pushed> {
    let name = ManifestName::Tag(tag.clone());
    let call = put_call(connection, manifest, name.clone())?;
    let mut tries = Tries::new(connection).until(Instant::now() + connection.wire.longest_exchange());
    let mut refused: Option<Broken> = None;
    loop {
        // Waited first and asked then: between the question and the try lies nothing that takes time.
        let may_try = match &refused {
            Some(broken) => tries.pause(broken.tries, broken.after).await,
            None => true,
        };
        let present = present(get_by(connection, name.clone(), manifest.digest().algorithm()).await)?;
        if present == Some(manifest.digest()) {
            return Ok(if refused.is_some() { Pushed::Uploaded } else { Pushed::Present });
        }
        replace.check(tag, present, manifest.digest())?;
        if let Some(broken) = refused
            && !may_try
        {
            return Err(connection.wire.given_up(broken));
        }
        match put_once(connection, &call).await? {
            // The one answer that a registry gives when it did it (distribution specification, `end-7`).
            Ok(Stored::Created) => return Ok(Pushed::Uploaded),
            // Any web server says "fine", and a place that the registry led to says it for itself.
            Ok(Stored::Perhaps) => {
                let shown = get_stored(connection, &name, manifest.digest()).await;
                return names(manifest, shown).map(|()| Pushed::Uploaded);
            }
            Err(broken) => refused = Some(broken),
        }
    }
}

/// What a tag names, by what came of asking for it. Only a plain no means that it is free: a registry that is down
/// has not said so.
pub(super) fn present(found: Result<Manifest>) -> Result<Option<ArtifactDigest>> {
    match found {
        Ok(manifest) => Ok(Some(manifest.digest())),
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// One try, and what it came to.
async fn put_once(connection: &Arc<Connection>, call: &Call<'_>) -> Result<Result<Stored, Broken>> {
    let sent = async { Ok(connection.send_once(call).await) };
    let answer = match connection.in_time(call, sent).await? {
        Ok(answer) => answer,
        Err(broken) => return Ok(Err(broken)),
    };
    if answer.standing() == Standing::Done {
        return Ok(Ok(Stored::of(&answer)));
    }
    let (tries, after) = (answer.standing().tries(answer.place(), &call.method), retry_after(answer.headers()));
    Ok(Err(Broken { fault: answer.refusal(call).await, tries, after, unreached: None }))
}

fn put_call(connection: &Connection, manifest: &Manifest, name: ManifestName) -> Result<Call<'static>> {
    let media_type = HeaderValue::from_str(manifest.media_type())
        .map_err(|source| Fault::new(Reason::Internal, "a media type is no header value").caused_by(source))?;
    Ok(Call {
        headers: HeaderMap::from_iter([(CONTENT_TYPE, media_type)]),
        body: Outgoing::Bytes(Bytes::copy_from_slice(manifest.bytes())),
        ..call(connection, Method::PUT, name)
    })
}

fn names(wanted: &Manifest, found: Result<Manifest>) -> Result<()> {
    let refuse = |what: &str| {
        Fault::new(Reason::PushVerification, format!("the registry says that the tag was set, and it {what}"))
    };
    match found {
        Ok(found) if found.digest() == wanted.digest() => Ok(()),
        Ok(found) => {
            Err(refuse("names another manifest").expected(wanted.digest().to_string(), found.digest().to_string()))
        }
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => Err(refuse("is not there").caused_by(fault)),
        Err(fault) => Err(fault),
    }
}

/// What a success of a PUT is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// It was stored.
    Created,
    /// Somebody said yes to something.
    Perhaps,
}

impl Stored {
    fn of(answer: &Answer) -> Self {
        match (answer.status(), answer.place()) {
            (StatusCode::CREATED, Place::Registry) => Self::Created,
            _ => Self::Perhaps,
        }
    }
}

/// The type of a manifest: its own, else what the registry says, else the one that is asked for. Where the two
/// differ it is read as two things by two clients (CVE-2021-41190); a plain type (`application/json`,
/// `text/plain`) is a file server's, and says nothing that could differ.
fn one_type(call: &Call<'_>, said: Option<String>, bytes: &[u8]) -> Result<String> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Typed {
        media_type: Option<String>,
        manifests: Option<IgnoredAny>,
    }
    let typed = serde_json::from_slice::<Typed>(bytes).unwrap_or_default();
    // Without a type of its own, what is in it tells: only an index has a list of manifests.
    let is_index = typed.manifests.is_some();
    let is_of_kind = |said: &String| is_index == matches!(said.as_str(), INDEX_MEDIA_TYPE | DOCKER_LIST_MEDIA_TYPE);
    match (typed.media_type, said.filter(|said| said.starts_with("application/vnd."))) {
        (Some(own), Some(said)) if own != said => {
            Err(protocol(call, "gives a manifest another type than it gives itself")
                .expected(shown(&own, 120), shown(&said, 120)))
        }
        (None, Some(said)) if !is_of_kind(&said) => {
            let found = if is_index { "an index" } else { "no index" };
            Err(protocol(call, "gives a manifest another type than it is").expected(shown(&said, 120), found))
        }
        (own, said) => Ok(said.or(own).unwrap_or_else(|| MANIFEST_MEDIA_TYPE.to_owned())),
    }
}
