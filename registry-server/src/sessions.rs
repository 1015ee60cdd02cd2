//! `Sessions`: the uploads that were begun and not ended.
//!
//! Anybody may begin one and never come back. So there are so many and no more, each ends when nobody comes back for
//! long enough, and each is a file in a private directory: what a killed registry leaves is swept when another begins.
//! They end with the process, which a client sees as an upload that is unknown: it begins again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_registry_client::layout::Ingest;
use hyper::StatusCode;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::code::Code;
use crate::problem::Problem;

/// How long a request waits for one that writes to the same upload and is told to end.
const GIVES_WAY_WITHIN: Duration = Duration::from_secs(2);
/// How often it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// The sessions that are open, by id.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, Upload>>,
    limit: usize,
}

/// One session.
#[derive(Debug)]
struct Upload {
    repository: String,
    /// Not here while a request writes to it, so two requests cannot mix their bytes.
    ingest: Option<Ingest>,
    progress: Arc<Progress>,
    touched: Instant,
}

/// What is known of a session while a request writes to it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    size: AtomicU64,
    /// Tells the request that writes that another one goes on.
    gives_way: Notify,
}

impl Progress {
    /// Ends when the request is to end.
    pub(crate) async fn given_way(&self) {
        self.gives_way.notified().await;
    }
}

/// A session that a request writes to. It is back in the table when this is dropped, as long as it is whole.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    sessions: &'a Sessions,
    id: String,
    /// Not here while a piece is written; a piece that could not be written has taken the upload with it.
    ingest: Option<Ingest>,
    progress: Arc<Progress>,
}

impl Writing<'_> {
    /// How far it has come, and what tells it to end.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// What has arrived, to add to it.
    ///
    /// # Errors
    /// 404 when a piece could not be written.
    pub(crate) fn lend(&mut self) -> Result<Ingest, Problem> {
        self.ingest.take().ok_or_else(Problem::unknown_upload)
    }

    /// Takes it back, with more in it.
    pub(crate) fn give_back(&mut self, ingest: Ingest) {
        self.progress.size.store(ingest.size(), Ordering::Release);
        self.ingest = Some(ingest);
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.progress.size.load(Ordering::Acquire)
    }

    /// Ends the session: what has arrived gets a name, or goes.
    ///
    /// # Errors
    /// As [`Writing::lend`].
    pub(crate) fn end(mut self) -> Result<Ingest, Problem> {
        self.lend()
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut open = self.sessions.open();
        match self.ingest.take() {
            // Whoever deleted it meanwhile, has.
            Some(ingest) => {
                if let Some(upload) = open.get_mut(&self.id) {
                    *upload = Upload { ingest: Some(ingest), touched: Instant::now(), ..upload.renewed() };
                }
            }
            None => drop(open.remove(&self.id)),
        }
    }
}

impl Upload {
    /// For the next request: what the last one was told is not told to it.
    fn renewed(&self) -> Self {
        let size = AtomicU64::new(self.progress.size.load(Ordering::Acquire));
        let progress = Arc::new(Progress { size, gives_way: Notify::new() });
        Self { repository: self.repository.clone(), ingest: None, progress, touched: self.touched }
    }
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Mutex::new(HashMap::new()), limit }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one. When there are too many, the repository that has most of them loses the one that was idle longest, and
    /// this one where several have as many: whoever begins thousands in one repository is in nobody else's way, and
    /// refusing would let them shut the registry for all writers.
    ///
    /// # Errors
    /// 429 when all of those are being written to.
    pub(crate) fn begin(&self, id: String, repository: &str, ingest: Ingest) -> Result<(), Problem> {
        let mut open = self.open();
        if open.len() >= self.limit {
            let crowded = crowded(&open, repository);
            let idle = open.iter().filter(|(_, upload)| upload.repository == crowded && upload.ingest.is_some());
            let oldest = idle.min_by_key(|(_, upload)| upload.touched).map(|(id, _)| id.clone());
            open.remove(&oldest.ok_or_else(|| busy("too many uploads at a time: try again"))?);
        }
        let (repository, progress) = (repository.to_owned(), Arc::default());
        open.insert(id, Upload { repository, ingest: Some(ingest), progress, touched: Instant::now() });
        Ok(())
    }

    /// Takes the session, when it belongs to that repository, to write to it. An id under another repository is unknown:
    /// behind a proxy that lets people write to some of them, an id would carry bytes from one to another.
    ///
    /// A request may hang whose connection is gone, and its client is back already. So one that says where it begins, which
    /// was found right, takes the place of another; one that does not say it cannot know what it would follow.
    ///
    /// # Errors
    /// 404; 429 when another request writes to it.
    pub(crate) async fn take(&self, id: &str, repository: &str, says_where: bool) -> Result<Writing<'_>, Problem> {
        let ends = Instant::now() + GIVES_WAY_WITHIN;
        loop {
            let progress = match self.try_take(id, repository)? {
                Ok(writing) => return Ok(writing),
                Err(progress) => progress,
            };
            if !says_where || Instant::now() >= ends {
                return Err(busy("another request writes to this upload: try again"));
            }
            progress.gives_way.notify_one();
            sleep(LOOKS_EVERY).await;
        }
    }

    fn try_take(&self, id: &str, repository: &str) -> Result<Result<Writing<'_>, Arc<Progress>>, Problem> {
        let mut open = self.open();
        let upload = open.get_mut(id).filter(|upload| upload.repository == repository);
        let upload = upload.ok_or_else(Problem::unknown_upload)?;
        let progress = Arc::clone(&upload.progress);
        Ok(match upload.ingest.take() {
            Some(ingest) => Ok(Writing { sessions: self, id: id.to_owned(), ingest: Some(ingest), progress }),
            None => Err(progress),
        })
    }

    /// Ends the session, and the request that writes to it.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn remove(&self, id: &str, repository: &str) -> Result<(), Problem> {
        let mut open = self.open();
        if open.get(id).is_none_or(|upload| upload.repository != repository) {
            return Err(Problem::unknown_upload());
        }
        if let Some(upload) = open.remove(id) {
            upload.progress.gives_way.notify_one();
        }
        Ok(())
    }

    /// How many bytes the session has, also while a request writes to it.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn size(&self, id: &str, repository: &str) -> Result<u64, Problem> {
        let open = self.open();
        let found = open.get(id).filter(|upload| upload.repository == repository);
        found.map(|upload| upload.progress.size.load(Ordering::Acquire)).ok_or_else(Problem::unknown_upload)
    }

    /// Ends those that nobody has written to for so long.
    pub(crate) fn expire(&self, after: Duration) {
        self.open().retain(|_, upload| upload.ingest.is_none() || upload.touched.elapsed() < after);
    }
}

/// The repository that has most sessions; that one, where several have as many.
fn crowded(open: &HashMap<String, Upload>, beginner: &str) -> String {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for upload in open.values() {
        *counts.entry(&upload.repository).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(repository, count)| (*count, *repository == beginner));
    most.map_or_else(|| beginner.to_owned(), |(repository, _)| repository.to_owned())
}

fn busy(message: &str) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::digest::Algorithm;

    fn ingest(root: &std::path::Path) -> Ingest {
        Ingest::new_in(root, Algorithm::Sha256).expect("begun")
    }

    #[tokio::test]
    async fn so_many_uploads_are_open_and_another_takes_the_place_of_an_idle_one_or_of_none() {
        let root = tempfile::tempdir().expect("directory");
        let sessions = Sessions::new(3);
        let begin = |id: &str| sessions.begin(id.to_owned(), "a", ingest(root.path()));
        let is_open = |id: &str| sessions.size(id, "a").is_ok();
        for id in ["0", "1", "2"] {
            begin(id).expect("there is room");
            sleep(Duration::from_millis(2)).await;
        }
        assert!(["0", "1", "2"].into_iter().all(is_open), "as many as the limit");
        begin("3").expect("the one that was idle longest goes");
        assert!(!is_open("0") && ["1", "2", "3"].into_iter().all(is_open));
        let first = sessions.take("1", "a", false).await.expect("taken");
        let second = sessions.take("2", "a", false).await.expect("taken");
        begin("4").expect("one is idle");
        assert!(!is_open("3") && ["1", "2", "4"].into_iter().all(is_open), "what is written to stays");
        let third = sessions.take("4", "a", false).await.expect("taken");
        let refused = begin("5").expect_err("all are written to");
        assert_eq!((refused.status, refused.code), (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests));
        assert!(["1", "2", "4"].into_iter().all(is_open));
        drop((first, second, third));
        begin("5").expect("there is room again");
    }
}
