//! Where a host listens, and whether it may there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aisoc_host::{Handed, Listener, ServerTls};
use aisoc_manifests::address::{Zone, zone};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::service_manager::{is_handed_on, take_socket};
use crate::args::host::{HANDED_ON, ListenPlace};
use crate::context::Context;

/// To whom a host answers that is not for development alone.
const WITH_LOGIN: &str =
    "make a token, `aisoc token create ops --role admin --tokens ./tokens.json`, and add `--tokens ./tokens.json`";
const WITH_TLS: &str = "add `--tls-certificate FILE` and `--tls-private-key FILE`, or choose an address of this machine with \
     `--listen 127.0.0.1:0`";
const OTHER_ADDRESS: &str = "choose another address with `--listen 127.0.0.1:0`";
const OTHER_HANDED: &str = "in the unit of the socket, say `ListenStream=127.0.0.1:8000`, or add `--tls-certificate FILE` and \
     `--tls-private-key FILE`";

/// Where a host listens.
#[derive(Debug)]
pub(super) enum Place {
    /// At an address that is free.
    Address(SocketAddr),
    /// Behind a file that is to appear.
    Socket(PathBuf),
    /// On a socket that is there.
    Handed(Handed),
}

impl Place {
    /// The place that was named. A socket that was handed on is taken where it was named, and nowhere passed over.
    ///
    /// # Errors
    /// As [`take_socket`]; `usage` where one was handed on and another place was named.
    pub(super) fn of(named: ListenPlace, context: &Context) -> Result<Self> {
        let place = match named {
            ListenPlace::HandedOn => return take_socket(&context.environment).map(Self::Handed),
            ListenPlace::Address(address) => Self::Address(address),
            ListenPlace::Socket(path) => Self::Socket(path),
        };
        match is_handed_on(&context.environment) {
            false => Ok(place),
            true => {
                Err(Fault::new(Reason::Usage, "a socket was handed to this process, and it is to listen elsewhere")
                    .hint(format!("listen on that one, with `--listen {HANDED_ON}`, or start the host without it")))
            }
        }
    }

    fn address(&self) -> Result<Option<SocketAddr>> {
        match self {
            Self::Address(address) => Ok(Some(*address)),
            Self::Socket(_) => Ok(None),
            Self::Handed(handed) => handed.address(),
        }
    }

    /// Tokens do not go over the network as they are, so nobody but who is on this machine reaches it without TLS; and
    /// without a login only where whoever is there may do everything.
    ///
    /// # Errors
    /// `usage`.
    pub(super) fn require_private(&self, speaks_tls: bool, has_login: bool, context: &Context) -> Result<()> {
        let refused = |what: String, hint: &str| Err(Fault::new(Reason::Usage, what).hint(hint.to_owned()));
        match self.address()? {
            None if speaks_tls => {
                let hint = "leave out `--tls-certificate` and `--tls-private-key`";
                let what = "nobody is in between who is behind a socket, so no TLS is spoken there";
                return refused(what.to_owned(), hint);
            }
            Some(address) if zone(address.ip()) != Zone::Loopback => {
                if !speaks_tls {
                    let what = format!("{address} can be reached from other machines, and there is no TLS");
                    return refused(what, if matches!(self, Self::Handed(_)) { OTHER_HANDED } else { WITH_TLS });
                }
                if !has_login {
                    let what = format!("{address} can be reached from other machines, and there is no login");
                    return refused(what, WITH_LOGIN);
                }
            }
            Some(_) | None => {}
        }
        if !has_login && !context.environment.is_development_without_login() {
            return Err(Fault::new(Reason::Usage, "there is no login, so a host is for development alone")
                .expected("ENVIRONMENT=development", "another environment, or none")
                .hint(WITH_LOGIN));
        }
        Ok(())
    }

    /// Listens there.
    ///
    /// # Errors
    /// As the constructors of [`Listener`].
    pub(super) fn listen(self, tls: Option<Arc<ServerTls>>, has_login: bool) -> Result<Listener> {
        match self {
            Self::Address(address) => Listener::at(address, tls).map_err(|fault| fault.hint(OTHER_ADDRESS)),
            Self::Socket(path) => Listener::behind(&path, has_login),
            Self::Handed(handed) => Listener::on(handed, tls, has_login),
        }
    }
}
