//! The supervisor: it outlives a plugin, and nothing of a plugin outlives it.
//!
//! What a plugin starts can leave its group, its session and its parent, and not its ancestors: orphans fall to this
//! process, which ends all of them when the plugin ends, and ends the plugin when its caller is gone, however that went. It
//! is a process of its own since whoever holds more than one plugin cannot tell whose orphan one is.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Resource, pidfd_open, set_dumpable_behavior, setsid};

use super::counting::{Counting, limit};
use super::ending::code_of;
use super::order::{Bounds, Confinement, Order, again, python};
use crate::descendants;
use crate::groups::enter as enter_group;
use crate::sandbox::enter;

pub(super) fn run(order: &Order) -> io::Result<u8> {
    Supervisor::start(order)?.stay().map(code_of)
}

struct Supervisor {
    /// Its other end is the caller's.
    host: OwnedFd,
    child: Child,
    began: u64,
    /// Whether all of the plugin is in a namespace, and ends with the first process of that.
    is_within: bool,
}

impl Supervisor {
    fn start(order: &Order) -> io::Result<Self> {
        // Before anything is started: what was, would stay outside.
        order.group.as_deref().map_or(Ok(()), enter_group)?;
        // Fails for who leads a session already, which is as good.
        let _ = setsid();
        descendants::adopt()?;
        bound(&order.bounds)?;
        let host = io::stdin().as_fd().try_clone_to_owned()?;
        // What is started now is bounded by what a user namespace was made with, so that comes before.
        let namespaces = order.confinement.as_ref().map(|_| enter());
        let is_within = namespaces.as_ref().is_some_and(|made| made.is_active);
        let counting = Counting::of(order, is_within);
        let mut command = match &order.confinement {
            None => python(order),
            Some(confinement) => {
                let is_alone = matches!(counting, Counting::First);
                let confinement = Confinement { namespaces, is_alone, ..confinement.clone() };
                again(&Order { confinement: Some(confinement), ..order.clone() })?
            }
        };
        let mapping = counting.begin(order, &mut command)?;
        command.stdin(Stdio::from(host.try_clone()?));
        // Nothing of the same user looks into it from now on, or traces it.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        let child = command.spawn()?;
        // The other end of what it says to the first process is that one's alone.
        drop(command);
        if let Some(mapping) = mapping {
            mapping.make(child.id(), &host)?;
        }
        let began = if is_within { 0 } else { descendants::beginning(child.id()) };
        Ok(Self { host, began, child, is_within })
    }

    /// Until Python has ended, or the host is gone; then nothing of the plugin is left.
    fn stay(mut self) -> io::Result<ExitStatus> {
        self.wait()?;
        // It has ended, or has nobody to answer.
        let _ = self.child.kill();
        let status = self.child.wait()?;
        // With the first process of a namespace the system has ended all that was in there.
        if !self.is_within {
            descendants::end_all(self.began).map_err(io::Error::other)?;
        }
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

/// What this process gives on to all that it starts.
fn bound(bounds: &Bounds) -> io::Result<()> {
    for (what, most) in [
        (Resource::As, bounds.address_bytes),
        (Resource::Data, bounds.data_bytes),
        (Resource::Fsize, bounds.file_bytes),
        (Resource::Nofile, bounds.descriptors),
        (Resource::Core, 0),
    ] {
        limit(what, most)?;
    }
    Ok(())
}
