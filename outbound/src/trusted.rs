//! `Trusted`: how TLS is spoken, by the certificates that are there now.
//!
//! They are files, which are replaced while a host runs: what was read is read anew after a while, and what could not be read
//! is tried again. As long as that fails what was read before counts.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aisoc_registry_client::{Certificates, client_tls};
use rustls::ClientConfig;
use rustls::client::Resumption;

/// How long what was read counts before it is read again.
const FRESH: Duration = Duration::from_secs(60);
/// How long after a try that has failed there is none: each reads the files of a machine.
const PAUSE: Duration = Duration::from_millis(500);
/// Sessions of TLS that whoever asks may resume: each of its requests has a connection of its own.
const SESSIONS: usize = 64;

/// Told why certificates cannot be read, each time that they cannot.
pub type Unread = dyn Fn(&str) + Send + Sync;

/// The certificates of a host.
pub(crate) struct Trusted {
    certificates: Certificates,
    unread: Box<Unread>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    read: Option<Arc<ClientConfig>>,
    /// When it was tried last, and why nothing came of it.
    tried: Option<(Instant, Option<String>)>,
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trusted").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

impl Trusted {
    /// Those certificates, which are read when somebody is first asked over TLS.
    pub(crate) fn new(certificates: Certificates, unread: Box<Unread>) -> Self {
        Self { certificates, unread, now: Mutex::default() }
    }

    /// How TLS is spoken by what is there `at` that time.
    fn current(&self, at: Instant) -> Result<Arc<ClientConfig>, String> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now.tried.as_ref().is_none_or(|(tried, failed)| {
            let pause = if failed.is_some() { PAUSE } else { FRESH };
            at.saturating_duration_since(*tried) >= pause
        });
        if is_due {
            let failed = match client_tls(&self.certificates) {
                Ok(read) => {
                    now.read = Some(Arc::new(read));
                    None
                }
                Err(fault) => {
                    let why = fault.to_string();
                    (self.unread)(&why);
                    Some(why)
                }
            };
            now.tried = Some((at, failed));
        }
        let failed = now.tried.as_ref().and_then(|(_, failed)| failed.clone());
        now.read.clone().ok_or_else(|| failed.unwrap_or_default())
    }
}

/// How TLS is spoken for one of those who ask. Sessions that are resumed are its own: no other one is known by them.
#[derive(Default)]
pub(crate) struct OwnTls(Mutex<Option<(Arc<ClientConfig>, Arc<ClientConfig>)>>);

impl OwnTls {
    /// By what is there now. Reads files: not for a thread that answers others.
    ///
    /// # Errors
    /// Why certificates cannot be read, where none were before.
    pub(crate) fn spoken(&self, trusted: &Trusted) -> Result<Arc<ClientConfig>, String> {
        let current = trusted.current(Instant::now())?;
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, own)) = own.as_ref().filter(|(of, _)| Arc::ptr_eq(of, &current)) {
            return Ok(Arc::clone(own));
        }
        let mut tls = ClientConfig::clone(&current);
        tls.resumption = Resumption::in_memory_sessions(SESSIONS);
        let tls = Arc::new(tls);
        *own = Some((current, Arc::clone(&tls)));
        Ok(tls)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aisoc_registry_client::CertificateFile;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_tried_again_and_what_was_read_counts_meanwhile() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ca.pem");
        let certificates = Certificates {
            file: Some(CertificateFile { named_by: "SSL_CERT_FILE", path: file.clone() }),
            ..Certificates::default()
        };
        let told = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&told);
        let unread = move |why: &str| {
            assert!(why.contains("ca.pem"), "{why}");
            counted.fetch_add(1, Ordering::SeqCst);
        };
        let (trusted, begun, own) = (Trusted::new(certificates, Box::new(unread)), Instant::now(), OwnTls::default());
        let at = |after: Duration| trusted.current(begun + after);
        let is_told = || told.load(Ordering::SeqCst);
        at(Duration::ZERO).expect_err("no file");
        let pem = include_bytes!("../../testdata/tls/authority.pem");
        fs::write(&file, pem).expect("written");
        // Not before the pause is over.
        at(PAUSE - Duration::from_millis(1)).expect_err("no other try yet");
        assert_eq!(is_told(), 1, "once for each try");
        let read = at(PAUSE).expect("it is there");
        fs::remove_file(&file).expect("removed");
        assert!(Arc::ptr_eq(&at(PAUSE + FRESH - Duration::from_millis(1)).expect("read"), &read), "not looked at");
        assert_eq!(is_told(), 1);
        assert!(Arc::ptr_eq(&at(PAUSE + FRESH).expect("read"), &read), "what was read before");
        assert_eq!(is_told(), 2, "and that it is gone is told");
        fs::write(&file, pem).expect("written");
        let anew = at(PAUSE * 2 + FRESH).expect("there again");
        assert!(!Arc::ptr_eq(&anew, &read), "read anew");
        let (first, second) = (own.spoken(&trusted).expect("read"), own.spoken(&trusted).expect("read"));
        assert!(Arc::ptr_eq(&first, &second), "its sessions stay");
    }
}
