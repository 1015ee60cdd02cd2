//! `aisoc api …`: a host is asked from here. What it answers is passed on as it is, and looked at for no more than a person
//! is shown.

mod asking;
pub(super) mod change;
pub(super) mod discover;
pub(super) mod get;
pub(super) mod hooks;
pub(super) mod list;
pub(super) mod run;
pub(super) mod switch;
pub(super) mod unload;
pub(super) mod watch;

use aisoc_host_client::HostPlace;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::HostedId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::uninstall::plugin_id;

/// The path of every plugin.
const PLUGINS: [&str; 3] = ["api", "v1", "plugins"];

/// The plugin that is meant: named as every command has it, or `KIND/STEM` of a drop-in.
///
/// # Errors
/// `usage`.
fn hosted_id(text: &str) -> Result<HostedId> {
    match text.parse::<HostedId>() {
        Ok(id) if text.contains('/') => Ok(id),
        _ => plugin_id(text).map(HostedId::from),
    }
}

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
