//! `federation.*` and `tenant.write`: what a host does not do itself. A provider of the operator's does it, is told who asks on
//! whose behalf, and answers in a form that is held to its method.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use aisoc_manifests::capability::Capability;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::asking::{Asking, Handle, Waiting, no_method};
use crate::audit::{AuditLog, OutgoingEvents};
use crate::caller::Tenant;
use crate::granted::Granted;
use crate::outgoing::{Came, Outgoing};
use crate::refusal::{Refusal, Why};

/// The form of what is asked.
const VERSION: u32 = 1;
/// Longest name of a peer, and of what is published.
const MAX_NAME_BYTES: usize = 256;
/// Most of what is said of a peer or a tenant, as JSON.
const MAX_SETTINGS_BYTES: usize = 16 << 10;
/// Most of what is published, as JSON.
const MAX_PUBLISHED_BYTES: usize = 64 << 10;
/// Most peers in one answer, and that something is published to by name.
const MAX_PEERS: u64 = 1_000;
/// How many there are where nobody says.
const PEERS: u64 = 100;
/// Most that is written down of why nothing came of it.
const MAX_WHY_CHARACTERS: usize = 1_000;

/// Does what a host does not do itself.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Does it, once. `leaves` is told before anybody is asked; what it refuses does not leave.
    fn ask(&self, question: ProviderQuestion<'_>, leaves: &mut ProviderLeaves<'_>) -> Answered;
}

/// Takes down that somebody is about to be asked.
pub type ProviderLeaves<'a> = dyn FnMut() -> Result<(), Refusal> + 'a;

/// Whoever does so, where an operator has said who.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    /// For `federation.read` and `federation.write`.
    pub federation: Option<Arc<dyn Provider>>,
    /// For `tenant.write`.
    pub tenant: Option<Arc<dyn Provider>>,
}

/// What a provider is asked.
#[derive(Clone, Copy)]
pub struct ProviderQuestion<'a> {
    /// The id of the plugin that asks.
    pub plugin: &'a str,
    /// All of it, as it is sent.
    pub body: &'a Value,
    /// For how long.
    pub waiting: Waiting<'a>,
}

/// What came of it.
pub struct Answered {
    /// What the provider says, or why it does not.
    pub answer: Result<Value, Refusal>,
    /// Why not, in words for operators, in which there is nothing of what was asked.
    pub why: Option<String>,
}

/// Nothing but who asks: what is asked may be a secret, and so may be the answer.
impl fmt::Debug for ProviderQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderQuestion").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered").field("why", &self.why).finish_non_exhaustive()
    }
}

/// A provider, for those who may ask it.
#[derive(Debug)]
pub(crate) struct Provided {
    name: &'static str,
    provider: Option<Arc<dyn Provider>>,
    outgoing: Outgoing,
}

impl Provided {
    pub(crate) fn of(
        name: &'static str,
        provider: Option<Arc<dyn Provider>>,
        audit: AuditLog,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { name, provider, outgoing: Outgoing::of(OutgoingEvents::PROVIDER, audit, clock) }
    }
}

impl Handle for Provided {
    fn is_provided(&self, _plugin: &Granted) -> bool {
        self.provider.is_some()
    }

    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        let Some(provider) = &self.provider else {
            return Err(Refusal::unavailable("the host provides nothing of it"));
        };
        let (arguments, form) = read(asking)?;
        let Asking { plugin, caller, waiting, capability, method, .. } = *asking;
        let body = json!({
            "version": VERSION,
            "capability": capability.as_str(),
            "method": method,
            "arguments": arguments,
            "plugin": { "id": plugin.id, "signers": plugin.line },
            "caller": { "name": caller.name, "kind": caller.kind.as_str() },
            "tenant": caller.tenant,
            "request_id": caller.request_id,
        });
        let said = map([
            ("provider", json!(self.name)),
            ("capability", json!(capability.as_str())),
            ("method", json!(method)),
        ]);
        self.outgoing.ask(asking, |leaves| {
            let question = ProviderQuestion { plugin: &plugin.id, body: &body, waiting };
            let began = Instant::now();
            let Answered { answer, why } = provider.ask(question, &mut || leaves(said.clone()));
            let (answer, why) = match answer {
                Ok(value) if !form.is_of(&value) => {
                    (Err(self.silent()), Some("the answer is none of the method".to_owned()))
                }
                answer => (answer, why),
            };
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let refused = answer.as_ref().err().map(Refusal::code);
            let why = why.map(|why| why.chars().take(MAX_WHY_CHARACTERS).collect::<String>());
            let mut account = said.clone();
            account.extend(map([("milliseconds", json!(took)), ("refused", json!(refused)), ("why", json!(why))]));
            Came { answer, account, refused }
        })
    }
}

impl Provided {
    fn silent(&self) -> Refusal {
        Refusal::unavailable(format!("the provider of `{}` does not answer as it has to", self.name))
    }
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Nothing,
    /// At most so many objects, each with its `name`.
    Peers(u64),
    /// One, of that name.
    Peer(String),
    /// Names of peers.
    Names,
}

impl Form {
    fn is_of(&self, value: &Value) -> bool {
        let is_name = |value: &Value| value.as_str().is_some_and(|name| (1..=MAX_NAME_BYTES).contains(&name.len()));
        let has_name = |value: &Value| value.as_object().is_some_and(|peer| peer.get("name").is_some_and(is_name));
        let list = || value.as_array().map(Vec::as_slice);
        match self {
            Self::Nothing => value.is_null(),
            Self::Peers(most) => list().is_some_and(|peers| peers.len() as u64 <= *most && peers.iter().all(has_name)),
            Self::Peer(name) => value.as_object().is_some_and(|peer| peer.get("name") == Some(&json!(name))),
            Self::Names => list().is_some_and(|names| names.len() as u64 <= MAX_PEERS && names.iter().all(is_name)),
        }
    }
}

/// The arguments of a method as a provider gets them, and the form of what it answers.
fn read(asking: &Asking<'_>) -> Result<(Map<String, Value>, Form), Refusal> {
    match (asking.capability, asking.method) {
        (Capability::FederationRead, "peers") => {
            let arguments = asking.arguments(&["limit", "after"])?;
            let limit = arguments.number("limit", 1..=MAX_PEERS)?.unwrap_or(PEERS);
            let after = arguments.optional_text("after", 1..=MAX_NAME_BYTES)?;
            Ok((map([("limit", json!(limit)), ("after", json!(after))]), Form::Peers(limit)))
        }
        (Capability::FederationRead, "peer") => {
            let name = asking.arguments(&["name"])?.text("name", 1..=MAX_NAME_BYTES)?;
            Ok((map([("name", json!(name))]), Form::Peer(name.to_owned())))
        }
        (Capability::FederationRead, _) => Err(no_method(&["peers", "peer"])),
        (Capability::FederationWrite, "trust") => {
            let arguments = asking.arguments(&["name", "settings"])?;
            let name = arguments.text("name", 1..=MAX_NAME_BYTES)?;
            Ok((map([("name", json!(name)), ("settings", settings(&arguments)?)]), Form::Nothing))
        }
        (Capability::FederationWrite, "publish") => {
            let arguments = asking.arguments(&["name", "value", "peers"])?;
            let name = arguments.text("name", 1..=MAX_NAME_BYTES)?;
            let value = arguments.value("value").ok_or_else(|| Refusal::invalid("`value` is missing"))?;
            require_small("value", value, MAX_PUBLISHED_BYTES)?;
            let peers = peers(&arguments)?;
            Ok((map([("name", json!(name)), ("value", value.clone()), ("peers", peers)]), Form::Names))
        }
        (Capability::FederationWrite, _) => Err(no_method(&["trust", "publish"])),
        (_, "create" | "update") => {
            let arguments = asking.arguments(&["name", "settings"])?;
            let name: Tenant = arguments
                .text("name", 1..=MAX_NAME_BYTES)?
                .parse()
                .map_err(|_| Refusal::invalid("`name` is no name that a tenant could have"))?;
            Ok((map([("name", json!(name)), ("settings", settings(&arguments)?)]), Form::Nothing))
        }
        _ => Err(no_method(&["create", "update"])),
    }
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn settings(arguments: &Arguments<'_>) -> Result<Value, Refusal> {
    let settings = Value::Object(arguments.object("settings")?);
    require_small("settings", &settings, MAX_SETTINGS_BYTES)?;
    Ok(settings)
}

fn require_small(name: &str, value: &Value, most: usize) -> Result<(), Refusal> {
    match value.to_string().len() {
        length if length > most => {
            Err(Refusal::Failed(Why::TooLarge, format!("`{name}` has {length} bytes, and may have {most}")))
        }
        _ => Ok(()),
    }
}

/// Those by name that something is for; null for all of them.
fn peers(arguments: &Arguments<'_>) -> Result<Value, Refusal> {
    match arguments.value("peers") {
        None => Ok(Value::Null),
        Some(peers) if Form::Names.is_of(peers) && peers != &json!([]) => Ok(peers.clone()),
        Some(_) => Err(Refusal::invalid(format!("`peers` is a list of 1 to {MAX_PEERS} names"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_of_the_form_that_its_method_has() {
        let peer = json!({ "name": "a", "trust": 1 });
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for (form, fits, others) in [
            (Form::Nothing, vec![json!(null)], vec![json!({}), json!(false), json!([])]),
            (
                Form::Peers(2),
                vec![json!([]), json!([peer]), json!([peer, peer])],
                vec![
                    json!([peer, peer, peer]),
                    json!(["a"]),
                    json!([{}]),
                    json!([{ "name": 1 }]),
                    json!({}),
                    json!(null),
                ],
            ),
            (
                Form::Peer("a".to_owned()),
                vec![peer.clone()],
                vec![json!({ "name": "b" }), json!({}), json!([peer]), json!("a"), json!(null)],
            ),
            (
                Form::Names,
                vec![json!([]), json!(["a"]), json!([&long[1..]])],
                vec![json!([1]), json!([""]), json!([long]), json!(null), json!("a"), json!({})],
            ),
        ] {
            for value in fits {
                assert!(form.is_of(&value), "{form:?}: {value}");
            }
            for value in others {
                assert!(!form.is_of(&value), "{form:?}: {value}");
            }
        }
        let names = |count: u64| json!((0..count).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(Form::Names.is_of(&names(MAX_PEERS)) && !Form::Names.is_of(&names(MAX_PEERS + 1)));
    }
}
