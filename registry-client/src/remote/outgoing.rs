//! `Outgoing`: the body of a request, which can be made again for every try.

use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt as _};
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Body, Method, Request};

use super::pieces::Pieces;
use super::pulse::Pulse;
use crate::storage::BlobSource;

/// A request body that can be made again.
#[derive(Debug, Clone)]
pub(super) enum Outgoing<'a> {
    /// No body.
    Nothing,
    /// A document.
    Bytes(Bytes),
    /// A blob, opened and hashed anew for every try: what was sent before may have changed since.
    Blob(&'a Descriptor, &'a BlobSource),
    /// Some bytes of a blob.
    Piece {
        pieces: Pieces<'a>,
        /// Its first byte.
        from: u64,
        length: u64,
    },
}

/// The first fault of a body's source. The HTTP library reports it only as "error sending request", and
/// a file that changed under us must not be called a failure of the registry.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceFault(Arc<Mutex<Option<Fault>>>);

impl SourceFault {
    /// The fault, if there was one.
    pub(super) fn take(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the fault, and says it in the words that the HTTP library can carry.
    fn keep(&self, fault: Fault) -> std::io::Error {
        let message = fault.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        std::io::Error::other(message)
    }
}

impl Outgoing<'_> {
    /// Gives the request this body. Its bytes beat `pulse` as they leave, and its fault is left in `failed`.
    pub(super) async fn attach(&self, request: &mut Request, pulse: &Pulse, failed: &SourceFault) -> Result<()> {
        match self {
            Self::Nothing => say_that_there_is_none(request),
            Self::Bytes(bytes) => *request.body_mut() = Some(Body::from(bytes.clone())),
            Self::Blob(descriptor, source) => {
                stream_into(request, source.open(descriptor).await?, descriptor.size, pulse, failed);
            }
            Self::Piece { pieces, from, length } => {
                stream_into(request, pieces.piece(*from, *length).await?, *length, pulse, failed);
            }
        }
        Ok(())
    }
}

/// The length is known, so the body is not sent in HTTP's chunks, which many registries and the proxies in front of
/// them refuse or collect in memory first.
fn stream_into(
    request: &mut Request,
    bytes: impl Stream<Item = Result<Bytes>> + Send + 'static,
    length: u64,
    pulse: &Pulse,
    failed: &SourceFault,
) {
    let (pulse, failed) = (pulse.clone(), failed.clone());
    let stream = bytes.map(move |chunk| {
        pulse.beat();
        chunk.map_err(|fault| failed.keep(fault))
    });
    request.headers_mut().insert(CONTENT_LENGTH, length.into());
    *request.body_mut() = Some(Body::wrap_stream(stream));
}

/// Registries answer 411 to a POST that does not say how long nothing is (RFC 9110, 8.6).
fn say_that_there_is_none(request: &mut Request) {
    if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}
