//! A blob on its way up in pieces (`end-5`), each a request of its own, and the request without a body that ends
//! them (`end-6`).
//!
//! For a registry, or what stands in front of it, that takes no request as large as the blob, and for an upload that
//! broke off: it goes on where the registry says that it ends. What the registry says of that is believed as far as
//! nothing depends on it: it hashes the whole before the blob has a name.

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use super::answer::Answer;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::kept_session::KeptSession;
use super::outgoing::Outgoing;
use super::pieces::Pieces;
use super::session::{Session, held};
use super::status::{Standing, retry_after};
use crate::limits::{MAX_TRIES, MIN_PIECE_BYTES, PIECE_BYTES};
use crate::storage::BlobSource;

/// What sending in pieces came to.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    /// The registry has said yes to all of it.
    Ended(Box<(Call<'a>, Answer)>),
    /// It may go on, in that session if there is one left, else from its beginning.
    Broke(Broken, Option<Session>),
    /// The pieces were too large for it, and are smaller from now on.
    TooLarge(Session),
}

/// What became of one piece.
enum Piece<'a> {
    /// The registry has so many bytes now.
    Taken(Session, u64),
    Not(Outcome<'a>),
}

/// A blob that is sent in pieces.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    connection: &'a Arc<Connection>,
    descriptor: &'a Descriptor,
    pieces: Pieces<'a>,
    /// How long the next piece is, unless the registry wants longer ones.
    length: u64,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(connection: &'a Arc<Connection>, descriptor: &'a Descriptor, source: &'a BlobSource) -> Self {
        Self { connection, descriptor, pieces: Pieces::of(descriptor, source), length: PIECE_BYTES }
    }

    /// Sends what follows that byte, and ends the session. Where it is after each piece is kept.
    pub(super) async fn send(
        &mut self,
        mut session: Session,
        mut offset: u64,
        kept: &mut KeptSession,
    ) -> Result<Outcome<'a>> {
        while offset < self.descriptor.size {
            kept.keep(&session).await;
            match self.piece(session, offset).await? {
                Piece::Taken(next, held) => (session, offset) = (next, held),
                Piece::Not(outcome) => return Ok(outcome),
            }
        }
        self.end(session).await
    }

    async fn piece(&mut self, session: Session, offset: u64) -> Result<Piece<'a>> {
        let length = self.length.max(session.least_piece).min(self.descriptor.size - offset);
        let end = offset + length;
        // The specification's form, which has no unit.
        let range = (CONTENT_RANGE, format!("{offset}-{}", end - 1));
        let body = Outgoing::Piece { pieces: self.pieces.clone(), from: offset, length };
        let call = self.call(Method::PATCH, session.url.clone(), Some(range), body)?;
        let answer = match self.connection.send_once(&call).await {
            Ok(answer) => answer,
            // Also what ends a connection because too much comes does so without a word.
            Err(broken) => {
                self.halve(length, &session);
                return Ok(Piece::Not(Outcome::Broke(broken, Some(session))));
            }
        };
        if answer.standing() != Standing::Done {
            return self.refused(&call, answer, session, length).await.map(Piece::Not);
        }
        if answer.status() != StatusCode::ACCEPTED && answer.is_web_page() {
            return Err(answer.no_registry(&call));
        }
        // Who says nothing has taken all of it, or says so at the end, when it hashes.
        let held = held(&answer).unwrap_or(end);
        let session = session.goes_on(&call, &answer)?;
        Ok(if offset < held && held <= end {
            Piece::Taken(session, held)
        } else {
            Piece::Not(Outcome::Broke(self.misread(&call, end, held), Some(session)))
        })
    }

    /// The request that ends the session. All bytes are there.
    async fn end(&mut self, session: Session) -> Result<Outcome<'a>> {
        let url = session.ended_by(&self.descriptor.digest.to_string());
        let call = self.call(Method::PUT, url, None, Outgoing::Nothing)?;
        match self.connection.send_once(&call).await {
            Ok(answer) if answer.standing() == Standing::Done => Ok(Outcome::Ended(Box::new((call, answer)))),
            Ok(answer) => self.refused(&call, answer, session, 0).await,
            Err(broken) => Ok(Outcome::Broke(broken, Some(session))),
        }
    }

    /// What a no comes to, for a piece of that length.
    async fn refused(&mut self, call: &Call<'_>, answer: Answer, session: Session, length: u64) -> Result<Outcome<'a>> {
        let (standing, status, place) = (answer.standing(), answer.status(), answer.place());
        let after = retry_after(answer.headers());
        if status == StatusCode::PAYLOAD_TOO_LARGE && self.halve(length, &session) {
            return Ok(Outcome::TooLarge(session));
        }
        let (tries, session) = match (standing, status) {
            (Standing::Later, _) => (standing.tries(place, &call.method), Some(session)),
            // Out of order: the registry knows where the session ends.
            (_, StatusCode::RANGE_NOT_SATISFIABLE) => (MAX_TRIES, Some(session)),
            // It knows the session no more, and takes another.
            (Standing::Absent, _) => (MAX_TRIES, None),
            _ => (1, None),
        };
        let fault = answer.refusal(call).await;
        Ok(Outcome::Broke(Broken { fault, tries, after, unreached: None }, session))
    }

    /// Makes pieces smaller than that one from now on, if they may be.
    fn halve(&mut self, length: u64, session: &Session) -> bool {
        let least = MIN_PIECE_BYTES.max(session.least_piece);
        if length > least {
            self.length = least.max(length / 2);
        }
        length > least
    }

    /// A registry that says that it has less than it had, or more than it was sent, is asked again: nothing is built
    /// on it.
    fn misread(&self, call: &Call<'_>, sent: u64, held: u64) -> Broken {
        let message = format!("the registry took a piece of {} and counts otherwise: {call}", self.descriptor.digest);
        let fault = Fault::new(Reason::RegistryProtocol, message);
        let fault = fault.expected(format!("{sent} bytes in all"), format!("{held} bytes"));
        Broken { fault, tries: MAX_TRIES, after: None, unreached: None }
    }

    fn call(
        &self,
        method: Method,
        url: reqwest::Url,
        range: Option<(HeaderName, String)>,
        body: Outgoing<'a>,
    ) -> Result<Call<'a>> {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
        if let Some((name, value)) = range {
            let value = HeaderValue::try_from(value)
                .map_err(|error| Fault::new(Reason::Internal, "a range is no header").caused_by(error))?;
            headers.insert(name, value);
        }
        Ok(Call { headers, body, ..Call::new(method, url, Asked::Blob(self.descriptor.digest)) })
    }
}
