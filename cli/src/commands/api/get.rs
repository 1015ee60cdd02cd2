//! `aisoc api get`, and how one plugin of a host is shown.

use aisoc_host_client::{Act, HostPlace, Request};
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::HostedId;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{PLUGINS, asking, hosted_id, something_else, understood};
use crate::args::api::HostedPluginArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

/// What a person is shown of a plugin; `-` where the host says nothing.
pub(super) struct Seen<'a> {
    pub(super) id: &'a str,
    pub(super) version: &'a str,
    pub(super) state: &'a str,
    pub(super) signature: &'a str,
    pub(super) key: &'a str,
    coverage: &'a str,
    source: &'a str,
    place: &'a str,
    pub(super) reason: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(plugin: &'a Map<String, Value>) -> Self {
        let member = |name: &str| plugin.get(name).and_then(Value::as_str);
        let version = plugin.get("manifest").and_then(|manifest| manifest.get("version")).and_then(Value::as_str);
        let shown = |name| member(name).unwrap_or("-");
        Self {
            id: shown("id"),
            version: version.unwrap_or("-"),
            state: shown("state"),
            signature: shown("signature_status"),
            key: shown("signing_key_id"),
            coverage: shown("coverage"),
            source: shown("source"),
            place: shown("place"),
            reason: member("reason_code"),
            error: member("error"),
        }
    }
}

/// One plugin, as the host has it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct OnePlugin(Map<String, Value>);

impl OnePlugin {
    /// What is in an answer about that plugin.
    ///
    /// # Errors
    /// `host_protocol` where it is about something else.
    pub(super) fn understood(id: &HostedId, place: &HostPlace, answer: Value) -> Result<Self> {
        let plugin: Map<String, Value> = understood(place, answer)?;
        match plugin.get("id").and_then(Value::as_str) {
            Some(found) if found == id.as_str() => Ok(Self(plugin)),
            found => Err(something_else(place).expected(id.as_str(), found.map_or("no id".into(), printable))),
        }
    }
}

impl Answer for OnePlugin {
    fn text(&self) -> String {
        let seen = Seen::of(&self.0);
        let rows = [
            ("id", seen.id),
            ("version", seen.version),
            ("state", seen.state),
            ("signature", seen.signature),
            ("key", seen.key),
            ("coverage", seen.coverage),
            ("source", seen.source),
            ("place", seen.place),
        ];
        let wrong = [("reason", seen.reason), ("error", seen.error)];
        let wrong = wrong.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let rows = rows.into_iter().chain(wrong);
        rows.map(|(name, value)| format!("{name:<10} {}\n", printable(value))).collect()
    }
}

pub(crate) fn run(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    let id = hosted_id(&args.id)?;
    let path = [&PLUGINS[..], &[id.as_str()]].concat();
    let (place, answer) = asking::ask(args.host, Request::plain(Act::Look, &path), context)?;
    context.output.answer(&OnePlugin::understood(&id, &place, answer)?)
}
