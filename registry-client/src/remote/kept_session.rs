//! `KeptSession`: where an upload that is under way is, on the disk, for another run should this one end before it.
//!
//! The URL of a session may be all that it takes to write to it, so it lies in a file of this user alone (0600, in a
//! directory 0700), under a name made of registry, repository and digest, and it is used for these alone and at the
//! registry's own origin. It is asked how far it is before anything is sent, and what is sent is hashed from its
//! first byte on: a session that is gone, or was made up, costs one request.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use aisoc_files::Partial;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::oci::Descriptor;
use reqwest::Url;

use super::connection::Connection;
use super::origin::same_origin;
use super::session::Session;
use crate::limits::{MAX_LOCATION_BYTES, MIN_RESUMED_BYTES};
use crate::notice::Notice;
use crate::worker::blocking;

/// The session of one blob, kept while it is under way.
pub(super) struct KeptSession {
    connection: Arc<Connection>,
    digest: Digest,
    size: u64,
    /// Nothing where nothing is kept: of small blobs, for nobody, or while another process sends the same.
    partial: Option<Partial>,
    /// What is in it.
    url: Option<Url>,
}

impl KeptSession {
    /// The place for the session of that blob. What keeps it from being kept is said, and stops nobody.
    pub(super) async fn of(connection: &Arc<Connection>, descriptor: &Descriptor) -> Self {
        let Descriptor { digest, size, .. } = *descriptor;
        let mut kept = Self { connection: Arc::clone(connection), digest, size, partial: None, url: None };
        let Some(sessions) = connection.options.sessions.clone().filter(|_| size >= MIN_RESUMED_BYTES) else {
            return kept;
        };
        let name = name(connection, digest);
        match blocking(move || Ok(sessions.open(&name, MAX_LOCATION_BYTES as u64))).await {
            Ok(Ok(Some(partial))) => kept.partial = Some(partial),
            Ok(Ok(None)) => kept.is_not_kept("another process is sending it".to_owned()),
            Ok(Err(error)) => kept.is_not_kept(error.to_string()),
            // Only when everything ends.
            Err(_) => {}
        }
        kept
    }

    /// The session that an earlier run left, if there is one for the registry's own origin.
    pub(super) async fn read(&mut self) -> Option<Session> {
        let text = self.with(read).await??;
        let is_own = |url: &Url| {
            same_origin(url, &self.connection.base) && url.username().is_empty() && url.password().is_none()
        };
        let url = Url::parse(&text).ok().filter(is_own)?;
        self.url = Some(url.clone());
        Some(Session { url, least_piece: 0 })
    }

    /// Keeps that session, in the place of what was kept before. One behind a redirect is not: whoever leads there
    /// leads elsewhere next time.
    pub(super) async fn keep(&mut self, session: &Session) {
        if self.url.as_ref() == Some(&session.url) {
            return;
        }
        let text = session.url.to_string();
        if !same_origin(&session.url, &self.connection.base) || text.len() > MAX_LOCATION_BYTES {
            return self.forget().await;
        }
        if self.with(move |partial| write(partial, &text)).await.is_some() {
            self.url = Some(session.url.clone());
        }
    }

    /// Nothing is left to go on with.
    pub(super) async fn forget(&mut self) {
        self.url = None;
        if let Some(partial) = self.partial.take() {
            // What cannot be removed is asked about once more, and then begun anew.
            let _ = blocking(move || Ok(partial.remove())).await;
        }
    }

    async fn with<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&Partial) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        let partial = self.partial.take()?;
        let acted = blocking(move || {
            let done = act(&partial);
            Ok((partial, done))
        });
        match acted.await {
            Ok((partial, Ok(done))) => {
                self.partial = Some(partial);
                Some(done)
            }
            Ok((_, Err(error))) => {
                self.is_not_kept(error.to_string());
                None
            }
            Err(_) => None,
        }
    }

    fn is_not_kept(&self, why: String) {
        self.connection.options.told.tell(&Notice::NotKept { digest: self.digest, why });
    }
}

impl Drop for KeptSession {
    fn drop(&mut self) {
        if self.url.is_some() {
            let Self { digest, size, .. } = *self;
            self.connection.options.told.tell(&Notice::SessionKept { digest, size });
        }
    }
}

/// One name for each blob of each repository. Hashed, because names of repositories have other characters than those
/// of files may.
fn name(connection: &Connection, digest: Digest) -> String {
    let place = format!("{}\n{}\n{digest}", connection.base, connection.repository);
    format!("upload-{}", Digest::of(place.as_bytes()).hex())
}

fn note(text: &str) -> String {
    format!("session {} {}", text.len(), Digest::of(text.as_bytes()).hex())
}

/// The note last: what was written in part is none.
fn write(partial: &Partial, text: &str) -> io::Result<()> {
    partial.truncate(0)?;
    partial.write_at(text.as_bytes(), 0)?;
    partial.write_note(&note(text))
}

fn read(partial: &Partial) -> io::Result<Option<String>> {
    let length = usize::try_from(partial.content_bytes()?).unwrap_or(usize::MAX);
    if length == 0 || length > MAX_LOCATION_BYTES {
        return Ok(None);
    }
    let (file, begin) = partial.content()?;
    let mut text = vec![0; length];
    file.read_exact_at(&mut text, begin)?;
    let text = String::from_utf8(text).ok();
    let noted = partial.note()?;
    Ok(text.filter(|text| noted == Some(note(text))))
}
