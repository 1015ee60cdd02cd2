//! Uploads: a session (`end-4a`), bytes in one or many requests (`end-5`), and the digest that ends it
//! (`end-6`); or all of it in one request (`end-4b`), or none of it for a mount (`end-11`).
//!
//! Nothing that arrives has a name until its digest is known and right: a reader never sees half a blob, and
//! a sender never chooses what a file is called.

use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_registry_client::layout::Ingest;
use aisoc_registry_client::worker::blocking;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::access::{Action, Caller};
use crate::arriving::{Arriving, RequestBody};
use crate::code::Code;
use crate::problem::Problem;
use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, Body, empty, with_headers};
use crate::route::{read_algorithm, read_digest};
use crate::sessions::Writing;
use crate::upload_id::new_id;

impl Registry {
    /// POST: mounts a blob of another repository, takes a whole blob, or opens a session.
    pub(crate) async fn begin_upload<B: RequestBody>(
        &self,
        head: &Parts,
        repository: String,
        caller: &Caller,
        body: Arriving<B>,
    ) -> Answered {
        if head.method != Method::POST {
            return Err(Problem::method("POST"));
        }
        let query = head.uri.query().unwrap_or_default();
        if let Some(digest) = parameter(query, "mount") {
            let (digest, from) = (read_digest(&digest)?, parameter(query, "from"));
            let caller = caller.clone();
            // What may not be read is not there to be mounted, named or not.
            let may_read = move |name: &str| caller.may(Action::Pull, name);
            if let Some(mounted) = self.mount(&repository, digest, from, may_read).await? {
                return Ok(mounted);
            }
        }
        // Both are read before anything is made or received.
        let digest: Option<Digest> = parameter(query, "digest").map(|digest| read_digest(&digest)).transpose()?;
        let stated = parameter(query, "digest-algorithm").map(|name| read_algorithm(&name)).transpose()?;
        let algorithm = digest.map(|digest| digest.algorithm()).or(stated).unwrap_or(Algorithm::Sha256);
        let (store, name) = (self.store.clone(), repository.clone());
        let ingest = blocking(move || store.admit(&name).and_then(|()| store.ingest(algorithm))).await?;
        match digest {
            Some(digest) => self.take_whole(ingest, &repository, digest, body).await,
            None => self.open_session(ingest, &repository, caller),
        }
    }

    /// The answer of a mount that was made. Where nobody says from which repository, it is looked for in all of them, as
    /// the specification allows. One that cannot be made is no error ("Mounting a blob from another repository"): the
    /// client is given a session and sends.
    async fn mount(
        &self,
        repository: &str,
        digest: Digest,
        from: Option<String>,
        may_read: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Option<Response<Body>>, Problem> {
        let (store, to) = (self.store.clone(), repository.to_owned());
        // In turn with documents: it may look at many directories.
        let mounting = self.on_documents(move || {
            let from = match from {
                Some(from) => may_read(&from).then_some(from),
                None => store.holder(digest, &to, &may_read)?,
            };
            from.map_or(Ok(false), |from| store.mount(&from, &to, digest))
        });
        Ok(mounting.await?.then(|| created(repository, digest)))
    }

    /// The whole blob in the request that begins it. There is no session to come back to, so what breaks off
    /// is gone.
    async fn take_whole<B: RequestBody>(
        &self,
        ingest: Ingest,
        repository: &str,
        digest: Digest,
        body: Arriving<B>,
    ) -> Answered {
        let ingest = receive(ingest, body).await?;
        self.finish(ingest, repository, digest).await
    }

    fn open_session(&self, ingest: Ingest, repository: &str, caller: &Caller) -> Answered {
        let id = new_id(caller)?;
        self.uploads.begin(id.clone(), repository, ingest)?;
        Ok(session(StatusCode::ACCEPTED, repository, &id, 0))
    }

    /// GET, PATCH, PUT and DELETE of a session.
    pub(crate) async fn upload<B: RequestBody>(
        &self,
        head: &Parts,
        repository: String,
        id: String,
        body: Arriving<B>,
    ) -> Answered {
        match head.method {
            Method::GET => {
                let size = self.uploads.size(&id, &repository)?;
                Ok(session(StatusCode::NO_CONTENT, &repository, &id, size))
            }
            Method::DELETE => {
                self.uploads.remove(&id, &repository)?;
                Ok(with_headers(StatusCode::NO_CONTENT, &[], empty()))
            }
            Method::PATCH => {
                let size = self.append(head, &repository, &id, body).await?.size();
                Ok(session(StatusCode::ACCEPTED, &repository, &id, size))
            }
            Method::PUT => self.end_session(head, &repository, &id, body).await,
            _ => Err(Problem::method("GET, PATCH, PUT, DELETE")),
        }
    }

    /// PUT: the last bytes, if there are any, and the digest of all. Without a digest the session stays open:
    /// a client that forgot it has lost nothing.
    async fn end_session<B: RequestBody>(
        &self,
        head: &Parts,
        repository: &str,
        id: &str,
        body: Arriving<B>,
    ) -> Answered {
        let query = head.uri.query().unwrap_or_default();
        let digest = parameter(query, "digest").ok_or_else(|| Problem::bad_digest("`?digest=` is missing"))?;
        let digest = read_digest(&digest)?;
        let ingest = self.append(head, repository, id, body).await?.end()?;
        self.finish(ingest, repository, digest).await
    }

    /// Adds the body to the session. What arrived before a connection broke stays, for the client to
    /// ask about and go on from.
    async fn append<B: RequestBody>(
        &self,
        head: &Parts,
        repository: &str,
        id: &str,
        body: Arriving<B>,
    ) -> Result<Writing<'_>, Problem> {
        // Before the session is taken: a request that is refused for its range changes nothing.
        check_range(head, self.uploads.size(id, repository)?)?;
        let mut writing = self.uploads.take(id, repository, head.headers.contains_key(CONTENT_RANGE)).await?;
        // Another one may have written meanwhile.
        check_range(head, writing.size())?;
        add(&mut writing, body).await?;
        Ok(writing)
    }

    /// Compares the digest, syncs and names. The repository is made here and not before, so that an upload
    /// that never ends leaves none behind.
    async fn finish(&self, ingest: Ingest, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        blocking(move || store.create(&name)?.keep(ingest, digest)).await?;
        Ok(created(repository, digest))
    }
}

/// Writes a body to the ingest.
async fn receive<B: RequestBody>(mut ingest: Ingest, mut body: Arriving<B>) -> Result<Ingest, Problem> {
    while let Some(chunk) = body.next().await? {
        ingest = blocking(move || ingest.write(&chunk)).await?;
    }
    Ok(ingest)
}

/// Adds a body to the session, which survives a body that breaks off, and ends early for a request that goes on with it.
async fn add<B: RequestBody>(writing: &mut Writing<'_>, mut body: Arriving<B>) -> Result<(), Problem> {
    let progress = writing.progress();
    loop {
        let next = tokio::select! {
            next = body.next() => next,
            () = progress.given_way() => Err(gave_way()),
        };
        match next {
            Ok(None) => return Ok(()),
            Ok(Some(chunk)) => {
                let ingest = writing.lend()?;
                writing.give_back(blocking(move || ingest.write(&chunk)).await?);
            }
            // Oversized: nothing of it is kept.
            Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE => {
                drop(writing.lend());
                return Err(problem);
            }
            Err(problem) => return Err(problem),
        }
    }
}

fn gave_way() -> Problem {
    Problem::new(StatusCode::CONFLICT, Code::BlobUploadInvalid, "another request goes on with this upload")
}

/// `Content-Range: START-END` must continue where the session ends, and agree with the length. The
/// specification's form has no unit; some clients send the one of RFC 9110 (14.4), which is taken too. Out of
/// order is 416 ("Pushing a blob in chunks"), after which a client asks where the session ends.
fn check_range(head: &Parts, size: u64) -> Result<(), Problem> {
    let Some(range) = head.headers.get(CONTENT_RANGE) else {
        return Ok(());
    };
    // A gap would be filled with nothing, and an overlap would be two readings of the same bytes.
    let refuse = |message: &str| Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, message);
    let parsed = range.to_str().ok().and_then(|range| {
        let (start, end) = range.strip_prefix("bytes ").unwrap_or(range).split_once('-')?;
        Some((start.parse::<u64>().ok()?, end.parse::<u64>().ok()?))
    });
    let (start, end) = parsed.ok_or_else(|| refuse("the range is not START-END"))?;
    if start != size || end < start {
        return Err(refuse("the range does not begin where the upload ends"));
    }
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| Some(length) != (end - start).checked_add(1)) {
        return Err(refuse("the range and the length differ"));
    }
    Ok(())
}

/// Where the session is and how far it has come. `Range: 0-0` stands for one byte and for none, as in every
/// registry: the specification has no form for nothing.
fn session(status: StatusCode, repository: &str, id: &str, size: u64) -> Response<Body> {
    let headers = [
        (LOCATION.as_str(), format!("/v2/{repository}/blobs/uploads/{id}")),
        (RANGE.as_str(), format!("0-{}", size.saturating_sub(1))),
        ("docker-upload-uuid", id.to_owned()),
    ];
    with_headers(status, &headers, empty())
}

fn created(repository: &str, digest: Digest) -> Response<Body> {
    let headers = [
        (LOCATION.as_str(), format!("/v2/{repository}/blobs/{digest}")),
        ("docker-content-digest", digest.to_string()),
    ];
    with_headers(StatusCode::CREATED, &headers, empty())
}
