//! Uploads: a session, bytes in one or many requests, and the digest that ends it.

use aisoc_manifests::digest::{Digest, hex};
use aisoc_registry_client::layout::Ingest;
use aisoc_registry_client::worker::blocking;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::arriving::{Arriving, RequestBody};
use crate::problem::Problem;
use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, Body, empty, with_headers};
use crate::route::read_digest;

impl Registry {
    /// POST: mounts a blob of another repository, takes a whole blob, or opens a session.
    pub(crate) async fn begin_upload<B: RequestBody>(
        &self,
        head: &Parts,
        repository: String,
        body: Arriving<B>,
    ) -> Answered {
        if head.method != Method::POST {
            return Err(Problem::method());
        }
        let query = head.uri.query().unwrap_or_default();
        if let (Some(digest), Some(from)) = (parameter(query, "mount"), parameter(query, "from")) {
            let digest = read_digest(&digest)?;
            let (store, to) = (self.store.clone(), repository.clone());
            if blocking(move || store.mount(&from, &to, digest)).await? {
                return Ok(created(&repository, digest));
            }
        }
        let (store, name) = (self.store.clone(), repository.clone());
        let ingest = blocking(move || store.admit(&name).and_then(|()| store.ingest())).await?;
        if let Some(digest) = parameter(query, "digest") {
            let digest = read_digest(&digest)?;
            let ingest = receive(ingest, body).await.map_err(|(problem, _)| problem)?;
            return self.finish(ingest, &repository, digest).await;
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "there is no randomness"))?;
        let id = hex(&random);
        self.uploads.put(id.clone(), &repository, ingest);
        Ok(session(StatusCode::ACCEPTED, &repository, &id, 0))
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
                self.uploads.take(&id, &repository)?;
                Ok(with_headers(StatusCode::NO_CONTENT, &[], empty()))
            }
            Method::PATCH => {
                let size = self.append(head, &repository, &id, body).await?;
                Ok(session(StatusCode::ACCEPTED, &repository, &id, size))
            }
            Method::PUT => {
                let query = head.uri.query().unwrap_or_default();
                let digest = parameter(query, "digest").ok_or_else(|| Problem::bad_digest("`?digest=` is missing"))?;
                let digest = read_digest(&digest)?;
                self.append(head, &repository, &id, body).await?;
                let ingest = self.uploads.take(&id, &repository)?;
                self.finish(ingest, &repository, digest).await
            }
            _ => Err(Problem::method()),
        }
    }

    /// Adds the body to the session. What arrived before a connection broke stays, for the client to
    /// ask about and go on from.
    async fn append<B: RequestBody>(
        &self,
        head: &Parts,
        repository: &str,
        id: &str,
        body: Arriving<B>,
    ) -> Result<u64, Problem> {
        check_range(head, self.uploads.size(id, repository)?)?;
        let ingest = self.uploads.take(id, repository)?;
        let (ingest, outcome) = match receive(ingest, body).await {
            Ok(ingest) => (Some(ingest), Ok(())),
            Err((problem, ingest)) => (ingest, Err(problem)),
        };
        let size = ingest.as_ref().map_or(0, Ingest::size);
        if let Some(ingest) = ingest {
            self.uploads.put(id.to_owned(), repository, ingest);
        }
        outcome.map(|()| size)
    }

    async fn finish(&self, ingest: Ingest, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        blocking(move || store.create(&name)?.keep(ingest, digest)).await?;
        Ok(created(repository, digest))
    }
}

/// Writes a body to the ingest, which survives a body that breaks off.
async fn receive<B: RequestBody>(
    mut ingest: Ingest,
    mut body: Arriving<B>,
) -> Result<Ingest, (Problem, Option<Ingest>)> {
    loop {
        match body.next().await {
            Ok(Some(chunk)) => {
                ingest = blocking(move || ingest.write(&chunk)).await.map_err(|fault| (fault.into(), None))?;
            }
            Ok(None) => return Ok(ingest),
            // Oversized: nothing of it is kept.
            Err(problem) if problem.status == StatusCode::PAYLOAD_TOO_LARGE => return Err((problem, None)),
            Err(problem) => return Err((problem, Some(ingest))),
        }
    }
}

/// `Content-Range: START-END` must continue where the session ends, and agree with the length.
fn check_range(head: &Parts, size: u64) -> Result<(), Problem> {
    let Some(range) = head.headers.get(CONTENT_RANGE) else {
        return Ok(());
    };
    let refuse = |message: &str| Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message);
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
