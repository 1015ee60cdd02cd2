//! `Group`: all processes of one plugin.
#![expect(clippy::disallowed_methods, reason = "its room: the files of control groups")]

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::divided::{Divided, MODE, THIS};
use super::place::PROCESSES;
use crate::shim::Bounds;

/// The shim's own two processes, which are in it as well.
const PROCESSES_OF_SHIM: u64 = 2;
/// How much of the processor each plugin has, beside the others.
const WEIGHT: &str = "100";
/// How long what was killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(2);
/// More than the kernel says of what happened to a group.
const MAX_EVENTS_BYTES: u64 = 4096;

/// The group of one plugin. Dropping it ends all that is in there.
#[derive(Debug)]
pub(crate) struct Group {
    above: Arc<Divided>,
    name: String,
    directory: OwnedFd,
}

impl Group {
    pub(super) fn make(above: &Arc<Divided>, name: String, bounds: &Bounds) -> io::Result<Self> {
        mkdirat(&above.directory, &name, MODE)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&above.directory, &name, flags, Mode::empty());
        let directory = opened.inspect_err(|_| {
            // It was made here, and nothing is in it.
            let _ = unlinkat(&above.directory, &name, AtFlags::REMOVEDIR);
        })?;
        let group = Self { above: Arc::clone(above), name, directory };
        group.bound(bounds)?;
        Ok(group)
    }

    /// Where it is, for whoever is to enter it.
    pub(crate) fn place(&self) -> PathBuf {
        self.above.place.join(&self.name)
    }

    fn bound(&self, bounds: &Bounds) -> io::Result<()> {
        self.write("cgroup.max.descendants", "0")?;
        for controller in &self.above.controllers {
            match *controller {
                "memory" => {
                    self.write("memory.max", &bounds.memory_bytes.to_string())?;
                    // One process less leaves a plugin that is none any more.
                    self.write("memory.oom.group", "1")?;
                    // What is written out would be memory all the same. A system without swap has no such file.
                    self.write("memory.swap.max", "0").or_else(absent)?;
                }
                "pids" => self.write("pids.max", &(bounds.tasks + PROCESSES_OF_SHIM).to_string())?,
                _ => self.write("cpu.weight", WEIGHT)?,
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        let file = openat(&self.directory, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        fs::File::from(file).write_all(value.as_bytes())
    }

    /// Whether the system has ended it for the memory that it took.
    pub(crate) fn has_run_out_of_memory(&self) -> bool {
        let mut said = String::new();
        let opened = openat(&self.directory, "memory.events", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read = opened.map(|file| fs::File::from(file).take(MAX_EVENTS_BYTES).read_to_string(&mut said));
        matches!(read, Ok(Ok(_))) && said.lines().any(|line| line.starts_with("oom_kill ") && line != "oom_kill 0")
    }

    /// Kills all that is in it, at once.
    pub(crate) fn kill(&self) {
        // Linux 5.14. Before that, the supervisor's way to its end is the only one.
        let _ = self.write("cgroup.kill", "1");
    }

    /// Ends all that is in it, and removes it: whether it is gone.
    pub(crate) fn end(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.remove() {
                Ok(()) => return true,
                Err(Errno::BUSY) if Instant::now() < deadline => {
                    self.kill();
                    thread::sleep(STEP);
                }
                Err(_) => return false,
            }
        }
    }

    /// What stands there under its name, where it is still this one. The system removes none in which something runs.
    fn remove(&self) -> Result<(), Errno> {
        let own = fstat(&self.directory)?;
        match statat(&self.above.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino) => {
                unlinkat(&self.above.directory, &self.name, AtFlags::REMOVEDIR)
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// This process, and all that it starts from now on, are in that group.
pub(crate) fn enter(place: &Path) -> io::Result<()> {
    let failed = |error| io::Error::other(format!("cannot enter the control group `{}`: {error}", place.display()));
    fs::write(place.join(PROCESSES), THIS).map_err(failed)
}
