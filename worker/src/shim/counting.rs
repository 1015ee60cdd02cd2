//! How the processes of a plugin are counted: the system bounds them by their user, who is that of every other plugin, too.
//!
//! In a user namespace it counts those of that namespace alone, so nothing has to be known of any other process. An ordinary
//! user has such a namespace with the others. Root has one made for what it starts as nobody: its first process enters it,
//! and whoever supervises maps these two users in it, and no others. Nobody is root in it whom root has not made so, and
//! whoever enters it reaches nothing that is outside: it is the layers closed around it that say what that is.
#![expect(clippy::disallowed_methods, reason = "its room: the maps of a user namespace")]

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};
use rustix::system::uname;

use super::order::Order;
use crate::descendants;
use crate::nobody::NOBODY;

/// Since when the system counts the processes of a user namespace apart.
const COUNTS_APART: (u32, u32) = (5, 14);
/// Most signals that wait for a plugin, and timers: they are counted as those of whoever starts it as well.
const MAX_SIGNALS: u64 = 128;
/// What first process and supervisor say to each other: that there is a namespace, and that it is mapped.
const SAID: [u8; 1] = [0];

/// Among which processes those of a plugin are counted.
pub(super) enum Counting {
    /// Among all of its user, which are counted beforehand.
    User,
    /// Among those of the user namespace that this process is in, and of which it is one.
    Namespace,
    /// Among those of one that the first process enters.
    First,
}

impl Counting {
    /// How it is done where namespaces were made, or were not.
    pub(super) fn of(order: &Order, has_namespaces: bool) -> Self {
        match (has_namespaces && !order.is_counted && counts_apart(), order.is_lowered) {
            (false, _) => Self::User,
            (true, false) => Self::Namespace,
            (true, true) => Self::First,
        }
    }

    /// Bounds what is started from now on; what the first process is to be mapped by, where it does that itself.
    pub(super) fn begin(&self, order: &Order, first: &mut Command) -> io::Result<Option<Mapping>> {
        let tasks = order.bounds.tasks;
        match self {
            Self::User => {
                let user = if order.is_lowered { NOBODY } else { getuid().as_raw() };
                limit_own(descendants::tasks_of(user) + tasks).map(|()| None)
            }
            Self::Namespace => limit_own(tasks + 1).map(|()| None),
            Self::First => {
                let (ours, theirs) = UnixStream::pair()?;
                first.stdout(Stdio::from(OwnedFd::from(theirs)));
                Ok(Some(Mapping { ours }))
            }
        }
    }
}

/// What the system counts by namespace and user, and up to whoever has made the namespace: behind that, so that only what is
/// of the plugin is held to it.
fn limit_own(tasks: u64) -> io::Result<()> {
    limit(Resource::Nproc, tasks)?;
    limit(Resource::Sigpending, MAX_SIGNALS)
}

/// Hard limits go down too, so that nothing takes them back; where they are lower already, they stay.
pub(super) fn limit(what: Resource, most: u64) -> io::Result<()> {
    let most = Some(getrlimit(what).maximum.map_or(most, |hard| hard.min(most)));
    setrlimit(what, Rlimit { current: most, maximum: most }).map_err(io::Error::from)
}

/// The supervisor's side of a user namespace.
pub(super) struct Mapping {
    ours: UnixStream,
}

impl Mapping {
    /// Maps root and nobody in the namespace of the first process, once it has entered that. Where it does not, or the host
    /// goes, that is seen by whoever waits for both.
    pub(super) fn make(mut self, first: u32, host: &OwnedFd) -> io::Result<()> {
        // Whatever else it prints there is for nobody.
        let mut said = None;
        while said != Some(SAID) {
            said = self.next(host)?;
            if said.is_none() {
                return Ok(());
            }
        }
        let lines = format!("0 0 1\n{NOBODY} {NOBODY} 1\n");
        let map = |map| fs::write(format!("/proc/{first}/{map}"), &lines);
        // It learns that it was not mapped, and is started otherwise then.
        if map("uid_map").and_then(|()| map("gid_map")).is_ok() {
            let _ = self.ours.write_all(&SAID);
        }
        Ok(())
    }

    /// The next that the first process says; nothing where it or the host is gone.
    fn next(&mut self, host: &OwnedFd) -> io::Result<Option<[u8; 1]>> {
        let mut waited = [PollFd::new(host, PollFlags::RDHUP), PollFd::new(&self.ours, PollFlags::IN)];
        while let Err(error) = poll(&mut waited, None) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        let is_there = !waited[1].revents().is_empty();
        let mut said = [u8::MAX];
        Ok((is_there && self.ours.read(&mut said)? == said.len()).then_some(said))
    }
}

/// Enters a user namespace, of which whoever supervises this process, by its standard output, makes the map, and bounds what
/// it starts in it.
///
/// # Errors
/// As if there were too many processes: where it is not to be had, all of the user are counted.
pub(super) fn count_alone(tasks: u64) -> io::Result<()> {
    let not_mapped = || io::Error::new(io::ErrorKind::WouldBlock, "the user namespace of a plugin was not made");
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|_| not_mapped())?;
    let supervisor = io::stdout();
    write(supervisor.as_fd(), &SAID)?;
    let mut said = [0];
    match read(supervisor.as_fd(), &mut said)? {
        1 => limit_own(tasks),
        _ => Err(not_mapped()),
    }
}

fn counts_apart() -> bool {
    is_since(COUNTS_APART, &uname().release().to_string_lossy())
}

/// Whether a release of the system is that one, or a later one.
fn is_since(version: (u32, u32), release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_counts_apart_since_a_release() {
        for (release, is_it) in [
            ("5.14.0-362.el9.x86_64", true),
            ("5.13.19", false),
            ("6.1", true),
            ("4.19.0", false),
            ("10.0-rc1", true),
            ("5", false),
            ("", false),
            ("linux-6.1", false),
        ] {
            assert_eq!(is_since(COUNTS_APART, release), is_it, "{release}");
        }
    }
}
