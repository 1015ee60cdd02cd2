//! A blob on its way up: asked for (`end-2`), mounted (`end-11`), or sent as one request of known length
//! (`end-4a`, `end-6`), which every registry takes; in pieces (`end-5`) where that was too large, and where it broke
//! off and the registry knows how far it came.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::oci::Descriptor;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};

use super::answer::Answer;
use super::blobs;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::chunks::{Chunks, Outcome};
use super::connection::Connection;
use super::kept_session::KeptSession;
use super::outgoing::Outgoing;
use super::session::{Session, held};
use super::status::{Standing, retry_after};
use super::tries::Tries;
use crate::limits::{MIN_PIECE_BYTES, MIN_RESUMED_BYTES};
use crate::notice::Notice;
use crate::storage::{BlobSource, Pushed};

/// What one attempt came to.
enum Attempt {
    Done(Pushed),
    /// The registry may take it next time.
    Again(Broken),
    /// It takes it in pieces, or in smaller ones.
    InPieces,
}

/// A blob on its way up.
struct Upload<'a> {
    connection: &'a Arc<Connection>,
    descriptor: &'a Descriptor,
    source: &'a BlobSource,
    /// One allowance for the whole blob, whichever request of it failed: those of each would be multiplied.
    tries: Tries,
    /// How it is sent once it is not sent whole any more.
    chunks: Chunks<'a>,
    in_pieces: bool,
    /// The session that may be gone on with.
    session: Option<Session>,
    /// Whether that is one of an earlier run.
    is_earlier: bool,
    /// The present one, for another run.
    kept: KeptSession,
}

/// Stores the blob unless it is there. Each further attempt begins with the question whether it arrived after all, and
/// goes on where the registry says that the last one ended, be it one of an earlier run, or from the beginning
/// where it does not say.
pub(super) async fn push(connection: &Arc<Connection>, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
    let mut tries = Tries::new(connection);
    if blobs::exists(connection, descriptor, &mut tries).await? {
        return Ok(Pushed::Present);
    }
    let mut kept = KeptSession::of(connection, descriptor).await;
    let session = kept.read().await;
    let mut upload = Upload {
        connection,
        descriptor,
        source,
        tries,
        chunks: Chunks::of(connection, descriptor, source),
        in_pieces: false,
        is_earlier: session.is_some(),
        session,
        kept,
    };
    let pushed = upload.finish().await;
    // Only what another run may mend is there for it.
    if pushed.as_ref().err().is_none_or(|fault| fault.reason() != Reason::RegistryUnavailable) {
        upload.kept.forget().await;
    }
    pushed
}

impl Upload<'_> {
    async fn finish(&mut self) -> Result<Pushed> {
        loop {
            match self.attempt().await? {
                Attempt::Done(pushed) => return Ok(pushed),
                Attempt::InPieces => self.in_pieces = true,
                Attempt::Again(broken) => {
                    if !self.tries.pause(broken.tries, broken.after).await {
                        return Err(self.connection.wire.given_up(broken));
                    }
                    if blobs::exists(self.connection, self.descriptor, &mut self.tries).await? {
                        return Ok(Pushed::Present);
                    }
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Attempt> {
        if let Some(session) = self.session.take()
            && let Some((session, offset)) = self.asked(session).await?
        {
            let Descriptor { digest, size, .. } = *self.descriptor;
            self.connection.options.told.tell(&Notice::GoesOn { digest, offset, size });
            return self.send_pieces(session, offset).await;
        }
        let Some(session) = self.open_session().await? else {
            return Ok(Attempt::Done(Pushed::Mounted));
        };
        self.kept.keep(&session).await;
        if self.in_pieces { self.send_pieces(session, 0).await } else { self.send_whole(session).await }
    }

    /// As [`Upload::ask`]. One of an earlier run that cannot be asked is gone: it would end every run that follows.
    async fn asked(&mut self, session: Session) -> Result<Option<(Session, u64)>> {
        let is_earlier = std::mem::replace(&mut self.is_earlier, false);
        match self.ask(session).await {
            Err(_) if is_earlier => Ok(None),
            found => found,
        }
    }

    /// How far the session has come, when the registry still knows it and has something of the blob ("Pushing a blob
    /// in chunks": a GET of the session's URL).
    async fn ask(&mut self, session: Session) -> Result<Option<(Session, u64)>> {
        let call = Call::new(Method::GET, session.url.clone(), Asked::Blob(self.descriptor.digest));
        let answer = self.connection.send_in(&call, &mut self.tries).await?;
        if answer.standing() != Standing::Done {
            return Ok(None);
        }
        let held = held(&answer).filter(|held| (1..=self.descriptor.size).contains(held));
        let session = session.goes_on(&call, &answer)?;
        Ok(held.map(|held| (session, held)))
    }

    async fn send_pieces(&mut self, session: Session, offset: u64) -> Result<Attempt> {
        match self.chunks.send(session, offset, &mut self.kept).await? {
            Outcome::Ended(ended) => {
                let (call, answer) = *ended;
                self.arrived(&call, answer).await
            }
            Outcome::TooLarge(session) => {
                self.session = Some(session);
                Ok(Attempt::InPieces)
            }
            Outcome::Broke(broken, session) => {
                self.session = session;
                Ok(Attempt::Again(broken))
            }
        }
    }

    /// Ends the session with the whole blob. Sent once and not through `send`: a second PUT to the same
    /// session would meet half a blob.
    async fn send_whole(&mut self, session: Session) -> Result<Attempt> {
        let call = Call {
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]),
            body: Outgoing::Blob(self.descriptor, self.source),
            ..Call::new(
                Method::PUT,
                session.ended_by(&self.descriptor.digest.to_string()),
                Asked::Blob(self.descriptor.digest),
            )
        };
        let answer = match self.connection.send_once(&call).await {
            Ok(answer) => answer,
            Err(broken) => return Ok(self.broke(broken, session)),
        };
        if answer.status() == StatusCode::PAYLOAD_TOO_LARGE && self.descriptor.size > MIN_PIECE_BYTES {
            return Ok(Attempt::InPieces);
        }
        let (tries, after) = (answer.standing().tries(answer.place(), &call.method), retry_after(answer.headers()));
        if tries == 1 {
            return self.arrived(&call, answer.success(&call).await?).await;
        }
        Ok(self.broke(Broken { fault: answer.refusal(&call).await, tries, after, unreached: None }, session))
    }

    /// What is large enough to be gone on with is, in pieces: the same break would end the whole again. The rest is
    /// sent again sooner than the registry is asked for it.
    fn broke(&mut self, broken: Broken, session: Session) -> Attempt {
        if self.descriptor.size >= MIN_RESUMED_BYTES {
            self.in_pieces = true;
            self.session = Some(session);
        }
        Attempt::Again(broken)
    }

    /// Whether the blob is there now. Quay calls its 201 a web page; any other success that is one is a login page's,
    /// unless the blob can be seen.
    async fn arrived(&mut self, call: &Call<'_>, answer: Answer) -> Result<Attempt> {
        let is_plain = answer.status() == StatusCode::CREATED || !answer.is_web_page();
        if is_plain || blobs::exists(self.connection, self.descriptor, &mut self.tries).await? {
            return Ok(Attempt::Done(Pushed::Uploaded));
        }
        Err(answer.unexpected(call))
    }

    /// A session to send the blob to, or nothing when the registry took it over from a repository of its own.
    async fn open_session(&mut self) -> Result<Option<Session>> {
        if let Some(from) = mountable(self.connection, self.source) {
            match mount(self.connection, self.descriptor, from).await? {
                Mount::Done => return Ok(None),
                Mount::Session(session) => return Ok(Some(session)),
                Mount::Refused => {}
            }
        }
        begin(self.connection, &mut self.tries).await.map(Some)
    }
}

/// What became of the wish to have a blob taken over from another repository.
enum Mount {
    /// It is there.
    Done,
    /// It is to be sent there. 202 to a mount is no error: it opens a session like any other ("Mounting a blob
    /// from another repository").
    Session(Session),
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
        StatusCode::ACCEPTED => Session::opened(&call, &answer).map(Mount::Session),
        _ => Ok(Mount::Refused),
    }
}

async fn begin(connection: &Arc<Connection>, tries: &mut Tries) -> Result<Session> {
    let call = Call::new(Method::POST, connection.url("blobs", "uploads/"), Asked::Repository);
    let answer = connection.send_in(&call, tries).await?.success(&call).await?;
    match answer.status() {
        StatusCode::ACCEPTED => Session::opened(&call, &answer),
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
    let other = place.repository().filter(|other| other.registry() == connection.registry().as_str())?;
    Some(other.repository())
}
