//! Ending everything that a plugin started, wherever it went.
//!
//! A process can leave its group, its session and its parent. It cannot leave its ancestors: what is
//! orphaned falls to the nearest process that adopts, and while a plugin is loaded that is this one.
#![expect(clippy::disallowed_methods, reason = "its room: what the kernel says of processes, in `/proc`")]

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getuid, pidfd_open, pidfd_send_signal,
    set_child_subreaper, waitid, waitpid,
};
use rustix::thread::set_no_new_privs;

use crate::error::Error;

/// How long killed processes may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// Children that are held: what ends the rest leaves them, and all that descends from them, alone. Locked while one
/// is started and while others are ended, so that none is taken for an orphan before it is known.
static HELD: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Starts a child that is held, until [`let_go`].
pub(crate) fn hold(start: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let child = start()?;
    held.push(child.id());
    Ok(child)
}

/// Of one that has been waited for: its number may be another's from now on.
pub(crate) fn let_go(child: &Child) {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).retain(|held| *held != child.id());
}

/// Makes this process adopt the orphans of its descendants, and makes sure that it can end what this thread
/// starts from now on: no program of another owner gives it more rights than ours.
pub(crate) fn adopt() -> io::Result<()> {
    set_child_subreaper(Some(getpid())).and_then(|()| set_no_new_privs(true)).map_err(io::Error::from)
}

/// When a process began, in the system's ticks; 0 for one that is gone.
pub(crate) fn beginning(id: u32) -> u64 {
    i32::try_from(id).ok().and_then(Process::read).map_or(0, |process| process.began)
}

/// How many processes and threads the system counts for that user, as far as they are to be seen.
pub(crate) fn tasks_of(user: u32) -> u64 {
    let own = namespace_of("self");
    let tasks = |process: Process| {
        let (owner, tasks) = process.tasks()?;
        (owner == user && process.is_counted(user, own.as_deref())).then_some(tasks)
    };
    Process::all().into_iter().filter_map(tasks).sum()
}

/// The user namespace of a process, as the kernel names it; nothing where that is not to be seen.
fn namespace_of(process: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/user")).ok()
}

/// Kills every process that descends from this one and is not older than that, until there is none. What
/// is older was there before: a shell that became this process leaves its children to it.
///
/// # Errors
/// [`Error::Left`] when they are not gone in time.
pub(crate) fn end_all(since: u64) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    while !has_ended_all(since) {
        if Instant::now() > deadline {
            return Err(Error::Left);
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// One round: whether there is nothing left to kill.
fn has_ended_all(since: u64) -> bool {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let living = Process::all();
    let (ours, others): (Vec<_>, Vec<_>) = living
        .iter()
        .filter(|process| process.descends(&living))
        .partition(|process| process.began >= since && !process.is_held(&held, &living));
    ours.iter().for_each(|process| process.end());
    // Where no child is to be seen, there is none, or they are hidden, and not gone.
    ours.is_empty() && (!others.is_empty() || has_no_child())
}

/// Whether the kernel knows of none, seen or not. Whoever waits for one finds it as it was.
fn has_no_child() -> bool {
    waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT).is_err()
}

/// What the kernel says of a process. Its name in that is whatever it has called itself.
fn said_of(id: i32, what: &str) -> Option<String> {
    fs::read(format!("/proc/{id}/{what}")).ok().map(|said| String::from_utf8_lossy(&said).into_owned())
}

/// A process, told from a later one of the same number by when it began.
#[derive(PartialEq, Eq)]
struct Process {
    id: i32,
    parent: i32,
    began: u64,
}

impl Process {
    fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(Self::read).collect()
    }

    /// `/proc/ID/stat`: the name stands in parentheses and can hold some; the parent is the second field
    /// behind it, the beginning the twentieth.
    fn read(id: i32) -> Option<Self> {
        let stat = said_of(id, "stat")?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self { id, parent: fields.get(1)?.parse().ok()?, began: fields.get(19)?.parse().ok()? })
    }

    /// `/proc/ID/status`: whose it is, and how many threads it has. Whose its directory is says nothing: that of a process
    /// that cannot be dumped is root's.
    fn tasks(&self) -> Option<(u32, u64)> {
        let status = said_of(self.id, "status")?;
        let first = |name| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        Some((first("Uid:")?.parse().ok()?, first("Threads:")?.parse().ok()?))
    }

    /// Whether the system counts it for its user here. One in a user namespace of its own is counted for whoever has made that:
    /// for root, of plugins that are nobody's.
    fn is_counted(&self, user: u32, own: Option<&Path>) -> bool {
        if user == getuid().as_raw() {
            return true;
        }
        match (own, namespace_of(&self.id.to_string())) {
            (Some(own), Some(namespace)) => own == namespace,
            // What is not to be seen is counted: too few would keep plugins from being started.
            _ => true,
        }
    }

    fn descends(&self, living: &[Self]) -> bool {
        let own = getpid().as_raw_nonzero().get();
        self.ancestors(living).any(|process| process.parent == own)
    }

    /// Whether it is a child that is held, or descends from one.
    fn is_held(&self, held: &[u32], living: &[Self]) -> bool {
        self.ancestors(living).any(|process| held.iter().any(|held| i64::from(*held) == i64::from(process.id)))
    }

    /// Itself, its parent, and so on. Numbers that are used again while they are read could make a circle of them.
    fn ancestors<'a>(&'a self, living: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        let parent = |process: &&'a Self| living.iter().find(|other| other.id == process.parent);
        std::iter::successors(Some(self), parent).take(living.len() + 1)
    }

    /// Killed, and waited for where it is a child that has ended: nobody else waits for what a plugin started.
    fn end(&self) {
        self.kill();
        if let Some(pid) = Pid::from_raw(self.id) {
            // Fails for what is no child of this process, and is another round's.
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }

    /// Held open and looked at again before it is killed: its number may be another's by now. One that is
    /// gone needs no killing.
    fn kill(&self) {
        let Some(pid) = Pid::from_raw(self.id) else { return };
        let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Self::read(self.id).is_some_and(|now| now.began == self.began) {
            // Tried again in the next round, until it is gone.
            let _ = pidfd_send_signal(&held, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whose_a_process_is_and_how_many_threads_it_has() {
        let user = getuid().as_raw();
        let own = Process::read(getpid().as_raw_nonzero().get()).expect("this process");
        let (owner, tasks) = own.tasks().expect("this process");
        // A test has a thread beside that of its program.
        assert!(owner == user && tasks >= 2, "{owner} {tasks}");
        assert!(tasks_of(user) >= 2);
        assert_eq!(tasks_of(u32::MAX - 1), 0);
    }

    #[test]
    fn knows_its_own_process_and_no_other_as_one_that_does_not_descend() {
        let living = Process::all();
        let own = living.iter().find(|process| process.id == getpid().as_raw_nonzero().get()).expect("this process");
        assert!(!own.descends(&living));
        let first = living.iter().find(|process| process.id == 1).expect("the first process");
        assert!(!first.descends(&living));
    }
}
