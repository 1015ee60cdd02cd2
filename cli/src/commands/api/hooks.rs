//! `aisoc api hooks` and `aisoc api fire`

use std::fmt::Write as _;

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use aisoc_manifests::hook::Hook;
use aisoc_pipeline::documents::{FiredHook, HostedHooks};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::run::{object, value};
use super::{asking, understood};
use crate::args::api::{FireArgs, HostArgs};
use crate::context::Context;
use crate::output::{Answer, printable};

/// The path of every hook.
const HOOKS: [&str; 3] = ["api", "v1", "hooks"];

type Shown = HostedHooks<Map<String, Value>, Map<String, Value>>;

impl Answer for Shown {
    /// Each hook that somebody is registered at, with its handlers; and each plugin, with how it does.
    fn text(&self) -> String {
        let mut text = String::new();
        for hook in &self.hooks {
            let handlers = hook.get("handlers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if handlers.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{}  {}", member(hook, "name"), member(hook, "semantic"));
            for handler in handlers.iter().filter_map(Value::as_object) {
                let seconds = handler.get("timeout_seconds").and_then(Value::as_f64).unwrap_or_default();
                let _ = writeln!(text, "  {}  within {seconds} s", member(handler, "name"));
            }
        }
        for plugin in &self.plugins {
            let (id, version) = (member(plugin, "plugin_id"), member(plugin, "version"));
            let none = Map::new();
            let health = plugin.get("health").and_then(Value::as_object).unwrap_or(&none);
            let (status, message) = (member(health, "status"), member(health, "message"));
            let _ = writeln!(text, "{id} {version}  {status}: {message}");
        }
        for id in &self.not_registered {
            let _ = writeln!(text, "{}  not registered", printable(id));
        }
        text
    }
}

fn member(of: &Map<String, Value>, name: &str) -> String {
    printable(of.get(name).and_then(Value::as_str).unwrap_or("-")).into_owned()
}

impl Answer for FiredHook {
    /// What it comes to, and then what came of each handler.
    fn text(&self) -> String {
        let mut text = String::new();
        match (&self.decision, &self.value, &self.score_deltas) {
            (Some(decision), ..) => {
                let reason = self.reason.as_deref().map(|reason| format!(": {}", printable(reason)));
                let _ = writeln!(text, "{}{}", printable(decision), reason.unwrap_or_default());
            }
            (None, Some(value), _) => {
                let _ = writeln!(text, "{value:#}");
            }
            (None, None, Some(deltas)) => {
                for (id, delta) in deltas {
                    let _ = writeln!(text, "{delta:+} {}", printable(id));
                }
            }
            (None, None, None) => text.push_str("told\n"),
        }
        for handler in &self.handlers {
            let message = handler.message.as_deref().map(|message| format!(": {}", printable(message)));
            let (name, outcome) = (printable(&handler.name), printable(&handler.outcome));
            let _ = writeln!(text, "  {name}  {outcome}{}", message.unwrap_or_default());
        }
        for id in &self.not_registered {
            let _ = writeln!(text, "  {}  not registered", printable(id));
        }
        text
    }
}

/// What a host lists.
#[derive(Deserialize)]
struct Listed {
    is_frozen: bool,
    hooks: Vec<Map<String, Value>>,
    plugins: Vec<Map<String, Value>>,
    #[serde(default)]
    not_registered: Vec<String>,
}

pub(crate) fn list(args: HostArgs, context: &Context) -> Result<u8> {
    let (place, answer) = asking::ask(args.host, Request::plain(Act::Look, &HOOKS), context)?;
    let Listed { is_frozen, hooks, plugins, not_registered } = understood(&place, answer)?;
    context.output.answer(&Shown { is_frozen, hooks, plugins, not_registered })
}

pub(crate) fn fire(args: FireArgs, context: &Context) -> Result<u8> {
    let hook: Hook = args.hook.parse()?;
    let mut body = json!({ "payload": object("--payload", &args.payload, context)? });
    if let Some(given) = &args.value {
        body["value"] = value("--value", given, context)?;
    }
    let path = [&HOOKS[..], &[hook.as_str()]].concat();
    let expected = args.expect_semantic.as_deref().map(|expected| ("expect_semantic", expected));
    let request = Request { body: Some(body), query: expected.as_slice(), ..Request::plain(Act::Do, &path) };
    let (place, answer) = asking::ask(args.host, request, context)?;
    context.output.answer(&understood::<FiredHook>(&place, answer)?)
}
