//! `network.outbound`: a request that somebody makes for a plugin, where its operator lets it go.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::asking::{Asking, Handle, Waiting, no_method};
use crate::audit::{AuditLog, OutgoingEvents};
use crate::granted::Granted;
use crate::outgoing::{Came, Outgoing};
use crate::refusal::Refusal;

/// Longest method that there is.
const MAX_METHOD_BYTES: usize = 16;
/// Longest URL in an ask: whoever asks the network has a bound of its own, and says both sizes.
const MAX_URL_BYTES: usize = 64 << 10;
/// Longest body, in base64.
const MAX_BODY_BYTES: usize = 128 << 10;

/// Asks the network for plugins.
pub trait Network: fmt::Debug + Send + Sync {
    /// Whether an operator lets the plugin of that id go anywhere.
    fn is_granted(&self, id: &str) -> bool;

    /// Asks for it. `leaves` is told of each request before it leaves, of those as well that an answer leads to; what it refuses
    /// does not leave.
    fn fetch(&self, id: &str, request: Request<'_>, waiting: Waiting<'_>, leaves: &mut Leaves<'_>) -> Fetched;
}

/// Takes down the method, and scheme, host and port, of a request that is about to leave.
pub type Leaves<'a> = dyn FnMut(&str, &str) -> Result<(), Refusal> + 'a;

/// What a plugin asks for.
pub struct Request<'a> {
    /// The method, as it is written.
    pub method: &'a str,
    /// The URL, as it is written.
    pub url: &'a str,
    /// Names and values, in order.
    pub headers: &'a [(String, String)],
    /// What is sent.
    pub body: Vec<u8>,
}

/// What came of it.
pub struct Fetched {
    /// What the plugin is told.
    pub answer: Result<Value, Refusal>,
    /// What is written down: nothing that may be a secret.
    pub account: Map<String, Value>,
    /// In one word, why nothing was answered.
    pub refused: Option<&'static str>,
}

/// Nothing of it but the method: any other part may be a secret.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Has the network asked for plugins, and writes down that it was.
#[derive(Debug)]
pub(crate) struct NetworkOutbound {
    network: Option<Arc<dyn Network>>,
    outgoing: Outgoing,
}

impl NetworkOutbound {
    pub(crate) fn of(network: Option<Arc<dyn Network>>, audit: AuditLog, clock: fn() -> Timestamp) -> Self {
        Self { network, outgoing: Outgoing::of(OutgoingEvents::NETWORK, audit, clock) }
    }
}

impl Handle for NetworkOutbound {
    fn is_provided(&self, plugin: &Granted) -> bool {
        self.network.as_ref().is_some_and(|network| network.is_granted(&plugin.id))
    }

    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        let (method, Some(network)) = (asking.method, &self.network) else {
            return Err(Refusal::unavailable("the host provides nothing of it"));
        };
        if method != "fetch" {
            return Err(no_method(&["fetch"]));
        }
        let arguments = asking.arguments(&["method", "url", "headers", "body"])?;
        let (method, url) =
            (arguments.text("method", 0..=MAX_METHOD_BYTES)?, arguments.text("url", 0..=MAX_URL_BYTES)?);
        let (headers, body) = (headers(&arguments)?, body(&arguments)?);
        let request = Request { method, url, headers: &headers, body };
        self.outgoing.ask(asking, |leaves| {
            let mut leaves = |method: &str, destination: &str| {
                let said = [("method", json!(method)), ("destination", json!(destination))];
                leaves(said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            };
            let fetched = network.fetch(&asking.plugin.id, request, asking.waiting, &mut leaves);
            let Fetched { answer, account, refused } = fetched;
            Came { answer, account, refused }
        })
    }
}

/// Names and values: a name may be there twice.
fn headers(arguments: &Arguments<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = || Refusal::invalid("`headers` is a list of pairs of texts");
    let pair = |both: &Value| match both.as_array()?.as_slice() {
        [Value::String(name), Value::String(value)] => Some((name.clone(), value.clone())),
        _ => None,
    };
    match arguments.value("headers") {
        None => Ok(Vec::new()),
        Some(Value::Array(pairs)) => pairs.iter().map(pair).collect::<Option<_>>().ok_or_else(wrong),
        Some(_) => Err(wrong()),
    }
}

fn body(arguments: &Arguments<'_>) -> Result<Vec<u8>, Refusal> {
    let text = arguments.optional_text("body", 0..=MAX_BODY_BYTES)?.unwrap_or_default();
    STANDARD.decode(text).map_err(|_| Refusal::invalid("`body` is base64"))
}
