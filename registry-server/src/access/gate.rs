//! `Access`: whom a registry lets in while it runs.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aisoc_manifests::fault::Result;
use hyper::HeaderMap;
use jiff::Timestamp;
use tokio::time::Instant;

use super::attempts::Attempts;
use super::caller::Caller;
use super::files::AccessFiles;
use super::known::Known;
use super::proving::Proving;
use super::shown::Shown;
use crate::problem::Problem;

/// How often it is asked whether the files have changed: so soon is somebody refused who was taken out of them.
const ROUND: Duration = Duration::from_secs(1);

/// Is told what became of files that have changed: that they are read anew, or why what they said before stays.
pub type Tell = Arc<dyn Fn(Result<()>) + Send + Sync>;

/// Whom a registry lets in.
pub struct Access {
    files: AccessFiles,
    known: Mutex<Arc<Known>>,
    attempts: Attempts,
    proving: Proving,
    clock: fn() -> Timestamp,
    tell: Tell,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the files, for a registry that begins.
    ///
    /// # Errors
    /// `directory_insecure` where others could have written one of them, `registry_access_invalid` with line and column for
    /// what it may not hold, and I/O reasons.
    pub fn begin(files: AccessFiles, clock: fn() -> Timestamp, tell: Tell) -> Result<Self> {
        let known = Mutex::new(Arc::new(files.read()?));
        Ok(Self { files, known, attempts: Attempts::default(), proving: Proving::begin()?, clock, tell })
    }

    /// Reads the files again and again. While they cannot be used, what they said before counts, which is said once for each
    /// reason.
    pub async fn reread_for_ever(self: Arc<Self>) {
        let mut said = None;
        loop {
            tokio::time::sleep(ROUND).await;
            let access = Arc::clone(&self);
            let Ok(read) = tokio::task::spawn_blocking(move || access.files.read()).await else { return };
            match read {
                Ok(known) => self.replace(known, &mut said),
                Err(fault) => {
                    let why = fault.to_string();
                    if said.as_ref() != Some(&why) {
                        (self.tell)(Err(fault));
                    }
                    said = Some(why);
                }
            }
        }
    }

    fn replace(&self, known: Known, said: &mut Option<String>) {
        let mut held = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What could not be used before and says again what counts is worth a word, too.
        if **held != known || said.take().is_some() {
            *held = Arc::new(known);
            drop(held);
            (self.tell)(Ok(()));
        }
    }

    /// Who asks, from that address, with these headers.
    ///
    /// # Errors
    /// 401 for what proves nothing, and 429 where too much of it was shown.
    pub(crate) async fn admit(&self, headers: &HeaderMap, peer: IpAddr) -> std::result::Result<Caller, Problem> {
        let known = self.known();
        let (name, secret) = match Shown::of(headers) {
            Shown::Nothing => return Ok(Caller::anonymous(known)),
            Shown::Password { name, secret } => (Some(name), secret),
            Shown::Token(secret) => (None, secret),
            Shown::Other => return Err(Problem::unauthorized()),
        };
        let token = known.tokens.of(&secret, (self.clock)()).cloned();
        if let Some(token) = token.filter(|token| name.as_deref().is_none_or(|name| name == token.as_ref())) {
            return Ok(Caller::named(token, known));
        }
        let name = name.unwrap_or_default();
        if self.proving.remembers(&known.users, &name, &secret) {
            return Ok(Caller::named(name.into(), known));
        }
        self.attempts.begin(peer, Instant::now()).map_err(Problem::wait)?;
        match self.proving.prove(&known.users, &name, &secret).await {
            Ok(true) => {
                self.attempts.forgive(peer);
                Ok(Caller::named(name.into(), known))
            }
            Ok(false) => Err(Problem::unauthorized()),
            Err(_) => {
                self.attempts.forgive(peer);
                Err(Problem::busy())
            }
        }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
