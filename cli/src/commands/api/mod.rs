//! `aisoc api …`: a host is asked from here. What it answers is passed on as it is, and looked at for no more than a person
//! is shown.

mod asking;
pub(super) mod change;
pub(super) mod discover;
pub(super) mod get;
pub(super) mod list;
pub(super) mod run;
pub(super) mod switch;
pub(super) mod unload;
pub(super) mod watch;

use aisoc_host_client::HostPlace;
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The path of every plugin.
const PLUGINS: [&str; 3] = ["api", "v1", "plugins"];

/// What is in an answer.
///
/// # Errors
/// `host_protocol` when something else is.
fn understood<T: DeserializeOwned>(place: &HostPlace, answer: Value) -> Result<T> {
    serde_json::from_value(answer).map_err(|error| something_else(place).caused_by(error))
}

fn something_else(place: &HostPlace) -> Fault {
    Fault::new(Reason::HostProtocol, format!("`{place}` answers something else than was asked"))
}
