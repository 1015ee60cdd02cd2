//! The supervisor: it outlives a plugin, and nothing of a plugin outlives it.
//!
//! What a plugin starts can leave its group, its session and its parent, and not its ancestors: orphans fall to this
//! process, which ends all of them when the plugin ends, and ends the plugin when its caller is gone, however that went. It
//! is a process of its own since whoever holds more than one plugin cannot tell whose orphan one is.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, getrlimit, getuid, pidfd_open, set_dumpable_behavior,
    setrlimit, setsid,
};

use super::ending::code_of;
use super::order::{Bounds, Confinement, Order, again, python};
use crate::descendants;
use crate::nobody::NOBODY;
use crate::sandbox::enter;

pub(super) fn run(order: &Order) -> io::Result<u8> {
    Supervisor::start(order)?.stay().map(code_of)
}

struct Supervisor {
    /// Its other end is the caller's.
    host: OwnedFd,
    child: Child,
    began: u64,
}

impl Supervisor {
    fn start(order: &Order) -> io::Result<Self> {
        // Fails for who leads a session already, which is as good.
        let _ = setsid();
        descendants::adopt()?;
        bound(&order.bounds, if order.is_lowered { NOBODY } else { getuid().as_raw() })?;
        let host = io::stdin().as_fd().try_clone_to_owned()?;
        let mut command = match &order.confinement {
            None => python(order),
            Some(confinement) => first(order, confinement)?,
        };
        command.stdin(Stdio::from(host.try_clone()?));
        // Nothing of the same user looks into it from now on, or traces it.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        let child = command.spawn()?;
        Ok(Self { host, began: descendants::beginning(child.id()), child })
    }

    /// Until Python has ended, or the host is gone; then nothing of the plugin is left.
    fn stay(mut self) -> io::Result<ExitStatus> {
        self.wait()?;
        // It has ended, or has nobody to answer.
        let _ = self.child.kill();
        let status = self.child.wait()?;
        descendants::end_all(self.began).map_err(io::Error::other)?;
        Ok(status)
    }

    /// Whichever comes first. What the host writes is not looked at: it is Python's.
    fn wait(&self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        let child = pidfd_open(pid, PidfdFlags::empty())?;
        let mut waited = [PollFd::new(&self.host, PollFlags::RDHUP), PollFd::new(&child, PollFlags::IN)];
        loop {
            match poll(&mut waited, None) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The process that closes the other layers, in namespaces of its own where there are any.
fn first(order: &Order, confinement: &Confinement) -> io::Result<Command> {
    let confinement = Confinement { namespaces: Some(enter()), ..confinement.clone() };
    again(&Order { confinement: Some(confinement), ..order.clone() })
}

/// What this process gives on to all that it starts. Hard limits go down too, so that nothing takes them back; where they
/// are lower already, they stay.
fn bound(bounds: &Bounds, user: u32) -> io::Result<()> {
    for (what, most) in [
        (Resource::As, bounds.address_bytes),
        (Resource::Data, bounds.data_bytes),
        (Resource::Fsize, bounds.file_bytes),
        (Resource::Nofile, bounds.descriptors),
        (Resource::Nproc, descendants::tasks_of(user) + bounds.tasks),
        (Resource::Core, 0),
    ] {
        let most = Some(getrlimit(what).maximum.map_or(most, |hard| hard.min(most)));
        setrlimit(what, Rlimit { current: most, maximum: most })?;
    }
    Ok(())
}
