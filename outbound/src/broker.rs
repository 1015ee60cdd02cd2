//! `Broker`: the thread on which others are asked, and whose certificates count there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason, Result as Outcome};
use aisoc_registry_client::Certificates;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::limits::LONGEST_FETCH;
use crate::trusted::{Trusted, Unread};

/// How soon it is noticed that nobody waits any more.
const STEP: Duration = Duration::from_millis(20);
/// How long the thread of the broker has to say that time is over; then it is over without its word.
const LATE_PATIENCE: Duration = Duration::from_millis(100);

/// Asks for every plugin of a host, on a thread of its own.
#[derive(Debug)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    runtime: Handle,
    /// The thread ends when this is dropped, and with it whatever is under way: nobody waits for that any more.
    _ends: oneshot::Sender<()>,
    pub(crate) trusted: Trusted,
}

/// For how long somebody waits.
#[derive(Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) until: Instant,
    pub(crate) patience: Duration,
    stop: &'a AtomicBool,
}

impl<'a> Waiting<'a> {
    /// From now on so long, and no longer than anybody waits. `stop` is set when nobody waits any more.
    pub(crate) fn begin(patience: Duration, stop: &'a AtomicBool) -> Self {
        let patience = patience.min(LONGEST_FETCH);
        Self { until: Instant::now() + patience, patience, stop }
    }
}

/// Why nothing came of work on the thread of a broker.
pub(crate) enum NotDone {
    Late,
    Stopped,
}

impl Broker {
    /// One that trusts those certificates, and tells `unread` whenever they cannot be read.
    ///
    /// # Errors
    /// `internal` where no thread can be started.
    pub fn begin(certificates: Certificates, unread: Box<Unread>) -> Outcome<Self> {
        let internal = |error: std::io::Error| Fault::new(Reason::Internal, "cannot start a thread").caused_by(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(internal)?;
        let (handle, (ends, ended)) = (runtime.handle().clone(), oneshot::channel());
        let work = move || {
            // An error is how it hears that the other end was dropped.
            let _: Result<(), _> = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("outbound".to_owned()).spawn(work).map_err(internal)?;
        Ok(Self {
            shared: Arc::new(Shared { runtime: handle, _ends: ends, trusted: Trusted::new(certificates, unread) }),
        })
    }
}

impl Shared {
    /// What that comes to on the other thread. It has ended when this says so: nobody else is waited for, not even that thread.
    ///
    /// # Errors
    /// Why nothing comes of it.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        waiting: Waiting<'_>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NotDone> {
        let Waiting { until, stop, .. } = waiting;
        let (sender, receiver) = mpsc::channel();
        let task = self.runtime.spawn(async move {
            let done = tokio::time::timeout_at(until.into(), work).await;
            let _ = sender.send(done);
        });
        loop {
            match receiver.recv_timeout(STEP) {
                Ok(done) => return done.map_err(|_| NotDone::Late),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::SeqCst) => {
                    task.abort();
                    return Err(NotDone::Stopped);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= until + LATE_PATIENCE => {
                    task.abort();
                    return Err(NotDone::Late);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(NotDone::Stopped),
            }
        }
    }
}
