//! `Held`: one plugin of a host, and how it is at this moment.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aisoc_hooks::Registration;
use aisoc_manifests::fault::Fault;
use aisoc_pipeline::Discovered;
use aisoc_pipeline::accepted::Evidence;
use aisoc_worker::PrivateCopy;
use aisoc_worker::serving::Worker;
use jiff::Timestamp;

use crate::about::About;
use crate::audit::Subject;
use crate::entitled::Entitled;
use crate::found::{Found, Verdict};
use crate::hooks::reported::Health;
use crate::lifecycle::Life;
use crate::masked::Masked;
use crate::pinned::Pin;
use crate::rooms::Room;
use crate::standing::OnDisk;

/// Two plugins can have one id, of which the second is refused: its place tells them apart.
pub(crate) type Key = (String, PathBuf);

/// One plugin.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: String,
    /// Held by whoever changes it, which takes as long as loading does. Whoever reads or calls does not wait for it.
    pub(crate) changing: Mutex<()>,
    /// Held by whoever gives it its process. Taken after `changing`, and whoever holds it waits for nobody who changes a
    /// plugin: two that are changed may ask each other.
    pub(crate) starting: Mutex<()>,
    /// What is said of it is said without these.
    pub(crate) masked: Arc<Masked>,
    pub(crate) now: Mutex<Now>,
}

/// A process of a plugin, and what it may ask for.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) worker: Worker,
    pub(crate) granted: Entitled,
}

/// A plugin that is loaded; of one in a directory also what it reads, and the directory, which stay as long as anybody
/// calls it.
/// How long a process runs before it is taken for one that stands.
const STANDS: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) worker: Worker,
    /// What it may ask for meanwhile.
    pub(crate) granted: Entitled,
    /// What it is registered as, where it has handlers of hooks.
    pub(crate) hooks: Option<Arc<Registration>>,
    /// When it was called last.
    pub(crate) used_at: Mutex<Instant>,
    begun_at: Instant,
    _copy: Option<PrivateCopy>,
    _pin: Option<Arc<Pin>>,
    _room: Room,
}

impl Running {
    pub(crate) fn new(begun: Begun, copy: Option<PrivateCopy>, pin: Option<Arc<Pin>>, room: Room) -> Self {
        let Begun { worker, granted } = begun;
        let begun_at = Instant::now();
        Self {
            worker,
            granted,
            hooks: None,
            used_at: Mutex::new(begun_at),
            begun_at,
            _copy: copy,
            _pin: pin,
            _room: room,
        }
    }

    /// The same, as one that is registered.
    pub(crate) fn with_hooks(self, hooks: Option<Arc<Registration>>) -> Self {
        Self { hooks, ..self }
    }

    /// The same, once nobody reads the directory that it came from any more.
    pub(crate) fn unpinned(self) -> Self {
        Self { _pin: None, ..self }
    }

    /// Whether it has run for so long that the times when it ended before are another story.
    pub(crate) fn has_stood(&self) -> bool {
        self.begun_at.elapsed() >= STANDS
    }

    /// Somebody calls it, or has.
    pub(crate) fn is_used(&self) {
        *locked(&self.used_at) = Instant::now();
    }
}

/// A plugin at this moment.
#[derive(Debug)]
pub(crate) struct Now {
    /// Where it is, or where what is in memory comes from.
    pub(crate) place: PathBuf,
    pub(crate) life: Life,
    /// What is shown of it, as it was found; replaced whole.
    pub(crate) about: About,
    /// What is in memory, as it was admitted.
    pub(crate) admitted: Option<Arc<Discovered>>,
    /// Its process; none before it is called where plugins get theirs then, and none once nobody calls it any more.
    pub(crate) running: Option<Arc<Running>>,
    /// What runs in that, and by what it was admitted.
    pub(crate) evidence: Option<Arc<Evidence>>,
    /// Why that would not be admitted any more.
    pub(crate) no_longer_admitted: Option<Arc<Fault>>,
    /// Whether it is what is on the disk.
    pub(crate) on_disk: Option<OnDisk>,
    pub(crate) loaded_at: Option<Timestamp>,
    /// What it is registered as, where it has handlers of hooks; also once it has ended.
    pub(crate) hooks: Option<Arc<Registration>>,
    /// The distribution that this came in.
    pub(crate) distribution: Option<String>,
    /// How it does.
    pub(crate) health: Option<Health>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    /// What is in memory, as a journal names it.
    pub(crate) fn subject(&self) -> Subject {
        let now = locked(&self.now);
        Subject {
            id: Some(self.id.clone()),
            version: now.about.version().map(str::to_owned),
            hash: now.admitted.as_ref().map(|plugin| plugin.hash.clone()),
        }
    }

    pub(crate) fn key(&self) -> Key {
        (self.id.clone(), locked(&self.now).place.clone())
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        locked(&self.now).life.state().is_in_memory()
    }

    /// Whether it is registered, and so missed at its hooks where it cannot be asked.
    pub(crate) fn is_registered(&self) -> bool {
        locked(&self.now).hooks.is_some()
    }

    /// Whether what is in memory is what was found.
    pub(crate) fn holds(&self, found: &Found) -> bool {
        let now = locked(&self.now);
        matches!(&found.verdict, Verdict::Admitted(plugin) if now.place == found.place && now.admitted.as_ref().is_some_and(|admitted| admitted.hash == plugin.hash))
    }

    /// Whoever calls it still ends in it. What nobody calls ends here, outside of the lock: that may take its time.
    pub(crate) fn let_go(&self) {
        let running = {
            let mut now = locked(&self.now);
            (now.loaded_at, now.admitted) = (None, None);
            (now.evidence, now.no_longer_admitted, now.on_disk) = (None, None, None);
            now.running.take()
        };
        drop(running);
    }
}

/// By what a plugin that was found is known.
pub(crate) fn key(found: &Found) -> Key {
    (found.about.id.clone(), found.place.clone())
}
