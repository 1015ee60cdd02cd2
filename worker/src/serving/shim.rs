//! The shim: a process of ours between the host and a plugin's Python, in which nothing else runs.
//!
//! What a plugin starts can leave its group, its session and its parent, and not its ancestors: orphans fall to the shim,
//! which ends all of them when the plugin ends, and ends the plugin when its host is gone, however that went. It is this
//! program, started again: whoever holds more than one plugin cannot tell whose orphan one is.
#![expect(clippy::disallowed_methods, reason = "its room: what starts a plugin that is held")]

use std::ffi::OsString;
use std::io::{self, PipeWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, getrlimit, getuid, pidfd_open, setrlimit, setsid};
use serde::{Deserialize, Serialize};

use crate::descendants;
use crate::nobody::NOBODY;

/// What Python runs.
const SERVE: &str = include_str!("../serve.py");
/// What a shim that could not start anything ends with: what a shell says of a program that is not there.
pub(super) const NOT_STARTED: u8 = 127;

/// How this program is started to be the shim: see [`attend`].
#[derive(Debug, Clone)]
pub struct ShimProgram {
    /// This program.
    pub program: PathBuf,
    /// What stands before the order.
    pub arguments: Vec<OsString>,
}

/// What a plugin may take at most. What it may not take, it gets an error of Python for, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of addresses, which is more than the memory that is used.
    pub address_bytes: u64,
    /// Bytes of memory that is written.
    pub data_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Descriptors that are open at once.
    pub descriptors: u64,
    /// Processes and threads, beside those that its user has already.
    pub tasks: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { address_bytes: 4 << 30, data_bytes: 1 << 30, file_bytes: 64 << 20, descriptors: 256, tasks: 64 }
    }
}

/// What a shim is told: by its one argument, as JSON. Nothing in it is secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) python: OsString,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) bounds: Bounds,
    /// Whether Python runs as nobody, because whoever starts it is root.
    pub(super) is_lowered: bool,
}

/// Starts the shim, held: what ends another plugin of this process leaves it alone.
pub(super) fn spawn(shim: &ShimProgram, order: String, channel: UnixStream, printing: PipeWriter) -> io::Result<Child> {
    let mut command = Command::new(&shim.program);
    command
        .args(&shim.arguments)
        .arg(order)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .stdout(Stdio::from(printing.try_clone()?))
        .stderr(Stdio::from(printing));
    descendants::hold(|| command.spawn())
}

/// Is the shim: starts Python on standard input, which is a socket to the host, and stays until both have ended.
///
/// The status is that of Python; 128 and the signal when one ended it; 127 when it could not be started, the reason of
/// which is on standard error.
pub fn attend(order: &str) -> ExitCode {
    let attended = serde_json::from_str(order).map_err(io::Error::from).and_then(|order| Shim::start(&order)?.stay());
    match attended {
        Ok(status) => ExitCode::from(code_of(status)),
        Err(error) => {
            // Whoever closed it has nothing to read there.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

struct Shim {
    host: OwnedFd,
    python: Child,
    began: u64,
}

impl Shim {
    fn start(order: &Order) -> io::Result<Self> {
        // Fails for who leads a session already, which is as good.
        let _ = setsid();
        descendants::adopt()?;
        bound(&order.bounds, if order.is_lowered { NOBODY } else { getuid().as_raw() })?;
        let host = io::stdin().as_fd().try_clone_to_owned()?;
        let mut command = Command::new(&order.python);
        command
            // Isolated, without `site`, whose `.pth` files run code; no bytecode; UTF-8 whatever the locale.
            .args(["-I", "-S", "-B", "-X", "utf8", "-c", SERVE])
            .env_clear()
            .envs(order.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::from(host.try_clone()?))
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit());
        if order.is_lowered {
            command.uid(NOBODY).gid(NOBODY).env("HOME", "/nonexistent");
        }
        let python = command.spawn()?;
        Ok(Self { host, began: descendants::beginning(python.id()), python })
    }

    /// Until Python has ended, or the host is gone; then nothing of the plugin is left.
    fn stay(mut self) -> io::Result<ExitStatus> {
        self.wait()?;
        // It has ended, or has nobody to answer.
        let _ = self.python.kill();
        let status = self.python.wait()?;
        descendants::end_all(self.began).map_err(io::Error::other)?;
        Ok(status)
    }

    /// Whichever comes first. What the host writes is not looked at: it is Python's.
    fn wait(&self) -> io::Result<()> {
        let pid = i32::try_from(self.python.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        let python = pidfd_open(pid, PidfdFlags::empty())?;
        let mut waited = [PollFd::new(&self.host, PollFlags::RDHUP), PollFd::new(&python, PollFlags::IN)];
        loop {
            match poll(&mut waited, None) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
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
