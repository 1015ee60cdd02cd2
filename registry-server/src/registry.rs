//! `Registry`: what the endpoints share. Each endpoint adds its methods in a file of its own.

use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_registry_client::worker::blocking;
use tokio::sync::Semaphore;

use crate::options::ServeOptions;
use crate::problem::Problem;
use crate::sessions::Sessions;
use crate::store::Store;

/// How often the house is kept: so long may an `index.json` be behind what clients are told, and ten times as long that of a
/// large repository while somebody pushes to it.
const HOUSE_EVERY: Duration = Duration::from_secs(1);

/// A registry without its listener: requests in, responses out.
#[derive(Debug)]
pub struct Registry {
    pub(crate) store: Store,
    pub(crate) uploads: Sessions,
    /// Documents that may still be worked on.
    working: Arc<Semaphore>,
    pub(crate) options: ServeOptions,
}

impl Registry {
    /// A registry over that store.
    pub fn new(store: Store, options: ServeOptions) -> Self {
        Self {
            store,
            uploads: Sessions::new(options.max_uploads),
            working: Arc::new(Semaphore::new(options.max_documents)),
            options,
        }
    }

    /// Works on documents off the async threads, a few at a time: a parsed document takes many times its
    /// size, and 256 connections could ask for one each.
    pub(crate) async fn on_documents<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        // The wait has an end, or a queue of questions would itself be what fills the memory.
        let turn = tokio::time::timeout(self.options.idle_timeout, Arc::clone(&self.working).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Problem::busy());
        };
        let done = blocking(move || {
            // Held by the work and not by the client: one that hangs up does not free its turn.
            let _turn = turn;
            work()
        });
        Ok(done.await?)
    }

    /// Says what is new of what other tools do not see yet. What is tried again each second is said once.
    fn tell_behind(&self, faults: Vec<Fault>, told: &mut Vec<String>) {
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        if let Some(tell) = &self.options.tell_behind {
            faults.iter().zip(&said).filter(|(_, text)| !told.contains(text)).for_each(|(fault, _)| tell.0(fault));
        }
        *told = said;
    }

    /// What is to be done now and then, for as long as the registry serves: uploads end that nobody comes back for, and
    /// each `index.json` is written that has changed. Somebody reads it who is no client of ours.
    pub(crate) async fn keep_house(&self) {
        let every = HOUSE_EVERY.min(self.options.upload_timeout);
        let mut told = Vec::new();
        loop {
            tokio::time::sleep(every).await;
            self.uploads.expire(self.options.upload_timeout);
            let store = self.store.clone();
            let written = blocking(move || Ok(store.write_documents())).await;
            self.tell_behind(written.unwrap_or_else(|fault| vec![fault]), &mut told);
        }
    }
}
