//! `Sessions`: the uploads that were begun and not ended.
//!
//! Anybody may begin one and never come back. So there are so many and no more, and each is a file in a
//! private directory: what a killed registry leaves is swept when another begins.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aisoc_registry_client::layout::Ingest;
use tokio::time::Instant;

use crate::problem::Problem;

/// The sessions that are open, by id.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, Upload>>,
    limit: usize,
}

/// One session. While a request writes to it, it is not in the table, so two requests cannot mix
/// their bytes.
#[derive(Debug)]
struct Upload {
    repository: String,
    ingest: Ingest,
    touched: Instant,
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Mutex::new(HashMap::new()), limit }
    }

    /// Puts the session in, or back in. When there are too many, the one that was idle longest is forgotten:
    /// refusing the new one would let whoever begins enough of them shut the registry for writers.
    pub(crate) fn put(&self, id: String, repository: &str, ingest: Ingest) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.limit
            && let Some(oldest) = open.iter().min_by_key(|(_, upload)| upload.touched).map(|(id, _)| id.clone())
        {
            open.remove(&oldest);
        }
        open.insert(id, Upload { repository: repository.to_owned(), ingest, touched: Instant::now() });
    }

    /// Takes the session out, when it belongs to that repository. An id under another repository is unknown:
    /// behind a proxy that lets people write to some of them, an id would carry bytes from one to another.
    pub(crate) fn take(&self, id: &str, repository: &str) -> Result<Ingest, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.remove(id) {
            Some(upload) if upload.repository == repository => Ok(upload.ingest),
            Some(other) => {
                open.insert(id.to_owned(), other);
                Err(Problem::unknown_upload())
            }
            None => Err(Problem::unknown_upload()),
        }
    }

    /// How many bytes the session has. Unknown while a request writes to it.
    pub(crate) fn size(&self, id: &str, repository: &str) -> Result<u64, Problem> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.get(id).filter(|upload| upload.repository == repository);
        found.map(|upload| upload.ingest.size()).ok_or_else(Problem::unknown_upload)
    }
}
