//! One writer at a time in a plugins directory, across processes.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use rustix::fs::{Mode, OFlags};

use crate::access::Access;

const FILE: &str = "lock";
const PAUSE: Duration = Duration::from_millis(50);
/// Longest owner line that is read back.
const MAX_OWNER_BYTES: u64 = 512;

/// Held while the plugins directory is changed. The kernel releases it when the process ends, however
/// it ends; the file stays, because removing a lock file is how two processes come to hold it.
#[derive(Debug)]
pub(crate) struct PluginsLock {
    _file: File,
}

impl PluginsLock {
    /// Waits for the lock in `own`, our directory in the plugins directory `shown`.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it.
    pub(crate) fn acquire(own: impl AsFd, shown: &Path, access: &Access) -> Result<Self> {
        let path = shown.join(crate::record::OWN_DIRECTORY).join(FILE);
        let failed = |error: std::io::Error| Fault::io("lock", &path, error);
        // Not through a link, which somebody may have put there to have another file written.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened =
            rustix::fs::openat(own, FILE, flags, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
        let mut file = File::from(opened);
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    // A note for people: what excludes others is the lock, which a full disk cannot take away.
                    let _ = write_owner(&mut file, &access.command);
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) if begin.elapsed() < access.lock_timeout => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let waited = access.lock_timeout.as_secs();
        Err(Fault::new(Reason::Locked, format!("`{}` is being changed by {}", shown.display(), owner(file)))
            .expected(format!("the lock within {waited} seconds"), "the lock of another process"))
    }
}

fn write_owner(file: &mut File, command: &str) -> std::io::Result<()> {
    let system = rustix::system::uname();
    let line = format!(
        "process {}, {command}, host {}, since {:.0}\n",
        std::process::id(),
        system.nodename().to_string_lossy(),
        jiff::Timestamp::now(),
    );
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(line.as_bytes())
}

/// The line that the holder wrote.
fn owner(file: File) -> String {
    let mut text = String::new();
    let read = file.take(MAX_OWNER_BYTES).read_to_string(&mut text);
    match text.lines().next() {
        Some(line) if read.is_ok() && line.starts_with("process ") => shown(line, 120),
        _ => "a process that has not given its name".to_owned(),
    }
}
