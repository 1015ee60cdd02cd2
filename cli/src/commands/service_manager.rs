//! What a service manager, systemd or one that speaks as it does, hands a host, and what it is told: `sd_listen_fds(3)`,
//! `sd_notify(3)` and `sd_watchdog_enabled(3)`.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aisoc_host::{Handed, Host};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::warning::Warning;
use listenfd::ListenFd;

use crate::environment::{
    Environment, LISTEN_FDNAMES, LISTEN_FDS, LISTEN_FDS_FIRST_FD, LISTEN_PID, NOTIFY_SOCKET, WATCHDOG_PID,
    WATCHDOG_USEC,
};
use crate::output::Output;

/// Longest value that a message repeats.
const MAX_SHOWN: usize = 80;
/// How often a service manager is told at most, however soon it wants to hear again.
const SHORTEST_ROUND: Duration = Duration::from_millis(1);
/// How a name begins that is no file's.
const ABSTRACT: u8 = b'@';

/// Whether a socket was handed to this very process.
pub(super) fn is_handed_on(environment: &Environment) -> bool {
    let to = environment.variable(LISTEN_PID);
    environment.variable(LISTEN_FDS).is_some() && to == Some(OsString::from(std::process::id().to_string()))
}

/// Takes the one socket that was handed to this process. Nothing that it starts is told of it.
///
/// # Errors
/// `usage` where there is none, more than one, or something else than a stream socket.
pub(super) fn take_socket(environment: &Environment) -> Result<Handed> {
    let refused = |what: &str| Fault::new(Reason::Usage, what.to_owned()).hint(HOW);
    if !is_handed_on(environment) {
        return Err(refused("no socket was handed to this process").expected(
            format!("`{LISTEN_FDS}`, and `{LISTEN_PID}` of this process"),
            "neither, or of another process",
        ));
    }
    let count = said(environment, LISTEN_FDS);
    if count != "1" {
        return Err(refused("it is not one socket that was handed on").expected("1", count));
    }
    let names = said(environment, LISTEN_FDNAMES);
    if names.contains(':') {
        return Err(refused("several sockets are named, and one was handed on").expected("one name", names));
    }
    if environment.variable(LISTEN_FDS_FIRST_FD).is_some() {
        return Err(refused("the socket is said to be elsewhere than sockets are")
            .expected("descriptor 3", format!("`{LISTEN_FDS_FIRST_FD}`")));
    }
    let mut listed = ListenFd::from_env();
    let unusable = |error| refused("what was handed on is no stream socket").caused_by(error);
    if let Ok(Some(listener)) = listed.take_tcp_listener(0) {
        return Ok(Handed::Address(listener));
    }
    match listed.take_unix_listener(0).map_err(unusable)? {
        Some(listener) => Ok(Handed::Socket(listener)),
        None => Err(refused("no socket was handed to this process")),
    }
}

const HOW: &str = "start the host by a unit that has a `.socket` beside it, with one `ListenStream=`, or choose an address with \
     `--listen 127.0.0.1:0`";

fn said(environment: &Environment, name: &str) -> String {
    let value = environment.variable(name).unwrap_or_default();
    shown(&value.to_string_lossy(), MAX_SHOWN)
}

/// Whoever has started the host, and wants to know how it does.
#[derive(Debug)]
pub(super) struct ServiceManager {
    notified: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that the host is alive.
    round: Option<Duration>,
    output: Output,
    has_warned: AtomicBool,
}

impl ServiceManager {
    /// Whom the environment names; nobody where it names nobody.
    ///
    /// # Errors
    /// `usage` for a name or a time that is none: who has said it waits to be told.
    pub(super) fn of(environment: &Environment, output: Output) -> Result<Arc<Self>> {
        let notified = environment.variable(NOTIFY_SOCKET).map(|name| notified(&name)).transpose()?;
        let round = if notified.is_some() { round(environment)? } else { None };
        Ok(Arc::new(Self { notified, round, output, has_warned: AtomicBool::new(false) }))
    }

    /// It has looked for its plugins, and answers. `trouble` is what that failed of.
    pub(super) fn is_ready(&self, trouble: Option<&Fault>) {
        match trouble {
            None => self.tell("READY=1\nSTATUS=it has looked for its plugins"),
            Some(fault) => {
                self.tell(&format!("READY=1\nSTATUS=it could not look for its plugins ({})", fault.reason()))
            }
        }
    }

    /// It takes no more requests.
    pub(super) fn is_stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says again and again that the host is alive, for as long as it is.
    pub(super) async fn keep_told(self: Arc<Self>, host: Arc<Host>) {
        let Some(round) = self.round else { return };
        loop {
            let answering = Arc::clone(&host);
            if tokio::task::spawn_blocking(move || answering.require_free()).await.is_ok() {
                self.tell("WATCHDOG=1");
            }
            tokio::time::sleep(round).await;
        }
    }

    /// Never waits: whoever does not read is not in the way of a host.
    fn tell(&self, what: &str) {
        let Some((socket, to)) = &self.notified else { return };
        if let Err(error) = socket.send_to_addr(what.as_bytes(), to)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            let word = what.split('=').next().unwrap_or_default();
            self.output
                .warning(Warning::ServiceManagerNotTold, format!("the service manager was not told {word}: {error}"));
        }
    }
}

/// Half of the time that it is waited, as `sd_watchdog_enabled(3)` has it.
fn round(environment: &Environment) -> Result<Option<Duration>> {
    let Some(time) = environment.variable(WATCHDOG_USEC) else { return Ok(None) };
    let own = OsString::from(std::process::id().to_string());
    if environment.variable(WATCHDOG_PID).is_some_and(|of| of != own) {
        return Ok(None);
    }
    let microseconds = time.to_str().and_then(|text| text.parse::<u64>().ok()).filter(|time| *time > 0);
    match microseconds {
        Some(time) => Ok(Some((Duration::from_micros(time) / 2).max(SHORTEST_ROUND))),
        None => Err(Fault::new(Reason::Usage, format!("`{WATCHDOG_USEC}` is no time"))
            .expected("microseconds, at least 1", said(environment, WATCHDOG_USEC))
            .hint("say it in the unit, `WatchdogSec=30`, and not in the environment")),
    }
}

fn notified(name: &OsString) -> Result<(UnixDatagram, SocketAddr)> {
    let failed = |error| Fault::new(Reason::IoError, "cannot tell the service manager anything").caused_by(error);
    let address = match name.as_bytes() {
        [ABSTRACT, rest @ ..] if !rest.is_empty() => SocketAddr::from_abstract_name(rest),
        [b'/', ..] => SocketAddr::from_pathname(Path::new(name)),
        _ => return Err(no_socket(name)),
    };
    let address = address.map_err(|error| no_socket(name).caused_by(error))?;
    let socket = UnixDatagram::unbound().map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok((socket, address))
}

fn no_socket(name: &OsString) -> Fault {
    Fault::new(Reason::Usage, format!("`{NOTIFY_SOCKET}` names no socket"))
        .expected("an absolute path, or a name behind `@`", shown(&name.to_string_lossy(), MAX_SHOWN))
        .hint("start the host by a unit with `Type=notify`, which sets it, or leave it unset")
}
