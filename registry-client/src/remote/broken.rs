//! `Broken`: an exchange that did not happen, and whether it may next time.

use std::error::Error;
use std::io;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason};
use reqwest::Url;

use super::origin::{authority, same_origin, shown, shown_path};
use super::reach::OutOfReach;

/// An exchange that did not happen.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) fault: Fault,
    /// How often it makes sense to try altogether.
    pub(super) tries: u32,
    /// How long to wait before the next one, at least.
    pub(super) after: Option<Duration>,
    /// The origin that nobody could connect to, where it was that.
    pub(super) unreached: Option<String>,
}

/// Why a body ended before its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection broke, or the body is shorter than announced.
    Cut(reqwest::Error),
    /// Nothing came for the idle time.
    Silent,
    /// The operation took too long.
    Overdue(Fault),
}

/// What broke, from the errors that the HTTP library wraps in each other.
enum Kind {
    /// Nobody took the connection.
    Connect,
    /// It was taken and ended, as connections that were kept open do.
    Lost,
}

impl Broken {
    /// Trying again would give the same.
    pub(super) fn for_good(fault: Fault) -> Self {
        Self { fault, tries: 1, after: None, unreached: None }
    }

    /// What the error of an exchange with `url` comes to, for the registry that it is made for.
    pub(super) fn of(registry: &Url, url: &Url, method: &str, error: reqwest::Error) -> Self {
        // The resolver's refusal comes back inside a connection error; it is a judgement and no failure.
        if let Some(found) = chain(&error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
            return Self::for_good(found.fault(registry));
        }
        let kind = Kind::of(&error);
        let message = format!("{} `{}` for {}", kind.act(), authority(url), asked(registry, url, method));
        // A URL may hold a signature or a token in its query; the message above names what is safe.
        let fault = Fault::new(Reason::RegistryUnavailable, message).caused_by(error.without_url());
        Self { fault, tries: kind.tries(), after: None, unreached: None }
    }

    /// Says that nobody could connect there.
    pub(super) fn unreached(self, url: &Url) -> Self {
        Self { unreached: Some(shown(url)), ..self }
    }
}

impl Kind {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_connect() { Self::Connect } else { Self::Lost }
    }

    fn act(&self) -> &'static str {
        match self {
            Self::Connect => "cannot connect to",
            Self::Lost => "lost the connection to",
        }
    }

    fn tries(&self) -> u32 {
        match self {
            Self::Connect => 3,
            Self::Lost => 5,
        }
    }
}

/// What was asked for, in words. Of a place that the registry led to the path may be a token.
pub(super) fn asked(registry: &Url, url: &Url, method: &str) -> String {
    if same_origin(registry, url) {
        format!("{method} {}", shown_path(url))
    } else {
        format!("{method} of what `{}` leads to", authority(registry))
    }
}

/// The error and everything below it.
pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        // `io::Error` passes over the error it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}
