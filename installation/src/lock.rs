//! One writer at a time in a plugins directory, across processes.
#![expect(clippy::disallowed_methods, reason = "since when the lock is held is a note for people, and decides nothing")]

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aisoc_files::{
    Links, open_existing_lock, open_lock, read_small, read_stream, shell_word, wait_for_lock, wait_for_shared_lock,
};
use aisoc_manifests::cancellation::Cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

use crate::access::Access;
use crate::layout::{LOCK, OWN_DIRECTORY};

/// Longest note of an owner that is read back.
const MAX_OWNER_BYTES: u64 = 512;
/// Larger than what the system says about a process.
const MAX_STAT_BYTES: u64 = 4096;

/// Changes are exchanges by rename: who waits longer than this waits for something else.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// Held while the plugins directory is changed. The kernel releases it when the process ends, however
/// it ends; the file stays, because removing a lock file is how two processes come to hold it.
#[derive(Debug)]
pub(crate) struct PluginsLock {
    _file: File,
}

impl PluginsLock {
    /// Waits for the lock in `own`, our directory in the plugins directory `plugins`, which is `shown`
    /// in messages.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it; `interrupted`.
    pub(crate) fn acquire(own: impl AsFd, plugins: impl AsFd, shown: &Path, access: &Access) -> Result<Self> {
        let path = lock_path(shown);
        let failed = |error: std::io::Error| Fault::io("lock", &path, error);
        let mut file = open_lock(own, LOCK, plugins).map_err(failed)?;
        let mut telling = Telling::of(access, shown);
        if wait_for_lock(&file, access.lock_timeout, || Ok(telling.round(&file)?)).map_err(failed)? {
            // A note for people: what excludes others is the lock, which a full disk cannot take away.
            let _ = write_owner(&mut file, &access.command);
            return Ok(Self { _file: file });
        }
        Err(locked(&file, shown, access))
    }

    /// As [`PluginsLock::acquire`], for whoever changes nothing: the lock is shared, no name is written into it, and
    /// where nobody has ever changed anything there is none.
    ///
    /// # Errors
    /// As [`PluginsLock::acquire`].
    pub(crate) fn share(own: impl AsFd, shown: &Path, access: &Access) -> Result<Option<Self>> {
        let path = lock_path(shown);
        let failed = |error: std::io::Error| Fault::io("lock", &path, error);
        let Some(file) = open_existing_lock(own, LOCK).map_err(failed)? else { return Ok(None) };
        let mut telling = Telling::of(access, shown);
        match wait_for_shared_lock(&file, access.lock_timeout, || Ok(telling.round(&file)?)).map_err(failed)? {
            true => Ok(Some(Self { _file: file })),
            false => Err(locked(&file, shown, access)),
        }
    }
}

fn lock_path(plugins: &Path) -> PathBuf {
    plugins.join(OWN_DIRECTORY).join(LOCK)
}

/// Somebody has held it for too long.
fn locked(file: &File, shown: &Path, access: &Access) -> Fault {
    let waited = access.lock_timeout.as_secs();
    let locked = |by: &str| {
        Fault::new(Reason::Locked, format!("`{}` is being changed by {by}", shown.display()))
            .expected(format!("the lock within {waited} seconds"), "the lock of another process")
    };
    match owner(file) {
        Some(line) => locked(&line),
        None => locked("a process that has not given its name")
            .hint(format!("find it with `fuser -v {}`, then run the command again", shell_word(lock_path(shown)))),
    }
}

/// Says once who holds the lock, to whoever waits longer than a change takes.
struct Telling<'a> {
    access: &'a Access,
    shown: &'a Path,
    begin: Instant,
    is_told: bool,
}

impl<'a> Telling<'a> {
    fn of(access: &'a Access, shown: &'a Path) -> Self {
        Self { access, shown, begin: Instant::now(), is_told: false }
    }

    fn round(&mut self, file: &File) -> Result<(), Cancelled> {
        self.access.cancellation.check()?;
        if !self.is_told && self.begin.elapsed() >= USUAL_WAIT {
            self.is_told = true;
            let holder = owner(file).unwrap_or_else(|| "a process that has not given its name".to_owned());
            let most = self.access.lock_timeout.as_secs();
            let directory = self.shown.display();
            self.access.cancellation.waits_for(&format!("for `{directory}`, which {holder} changes; {most} s at most"));
        }
        Ok(())
    }
}

/// A line for people, and one by which a process is told from a later one of the same number.
fn write_owner(file: &mut File, command: &str) -> std::io::Result<()> {
    let system = rustix::system::uname();
    let process = std::process::id();
    let note = format!(
        "process {process}, {command}, host {}, since {:.0}\n{}\n",
        system.nodename().to_string_lossy(),
        jiff::Timestamp::now(),
        start_of(process).unwrap_or_default(),
    );
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(note.as_bytes())
}

/// The line that the holder wrote: of a process that is gone, or that another host or container counts,
/// there is nothing to say.
fn owner(mut file: &File) -> Option<String> {
    file.rewind().ok()?;
    let note = String::from_utf8(read_stream(file, MAX_OWNER_BYTES).ok()?).ok()?;
    named(&note).map(|line| shown(line, 120))
}

fn named(note: &str) -> Option<&str> {
    let (line, rest) = note.split_once('\n')?;
    let process = line.strip_prefix("process ")?.split_once(',')?.0.parse().ok()?;
    (start_of(process)? == rest.strip_suffix('\n')?).then_some(line)
}

/// When a process was started, in ticks since the boot: the 22nd field of what the system says about it.
/// The second is its name in brackets, which may hold anything.
fn start_of(process: u32) -> Option<String> {
    let path = format!("/proc/{process}/stat");
    let text = read_small(Path::new(&path), MAX_STAT_BYTES, Links::Refused).ok()?.content;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_is_there_and_the_same_is_named() {
        let process = std::process::id();
        let start = start_of(process).expect("this process");
        let note = |process: u32, start: &str| format!("process {process}, aisoc, host x, since y\n{start}\n");
        let line = format!("process {process}, aisoc, host x, since y");
        assert_eq!(named(&note(process, &start)), Some(line.as_str()));
        // The largest number that a process can have is 2^22.
        for other in [note(process, "1"), note(1 << 23, &start), note(process, ""), line, String::new()] {
            assert_eq!(named(&other), None, "{other}");
        }
    }
}
