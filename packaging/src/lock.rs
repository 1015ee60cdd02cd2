//! One writer at a time in a plugins directory, across processes.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{Mode, OFlags};

use crate::record::OWN_DIRECTORY;

const FILE: &str = "lock";
const PAUSE: Duration = Duration::from_millis(50);
/// 30 seconds of pauses: longer than any activation, shorter than an operator's patience.
const ATTEMPTS: usize = 600;

/// Held while the plugins directory is changed. The kernel releases it when the process ends, however
/// it ends; the file stays, because removing a lock file is how two processes come to hold it.
#[derive(Debug)]
pub(crate) struct PluginsLock {
    _file: File,
}

impl PluginsLock {
    /// Waits for the lock, for at most 30 seconds.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it.
    pub(crate) fn acquire(plugins_dir: &Path) -> Result<Self> {
        let own = plugins_dir.join(OWN_DIRECTORY);
        fs::create_dir_all(&own).map_err(|error| Fault::io("create the directory", &own, error))?;
        if own.is_symlink() {
            return Err(Fault::new(
                Reason::IoDenied,
                format!("`{}` is a link, and records would land elsewhere", own.display()),
            )
            .hint("find out who made the link, and remove it"));
        }
        let path = own.join(FILE);
        let failed = |error: std::io::Error| Fault::io("lock", &path, error);
        // Not through a link, which somebody may have put there to have another file written.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened =
            rustix::fs::open(&path, flags, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
        let mut file = File::from(opened);
        for _ in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => {
                    write_holder(&mut file).map_err(failed)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(Fault::new(Reason::Locked, format!("process {} is changing `{}`", holder(file), plugins_dir.display())))
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The number that the holder wrote, as text for a message.
fn holder(file: File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => text.trim().to_owned(),
        _ => "of an unknown number".to_owned(),
    }
}
