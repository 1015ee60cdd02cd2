//! `Reaching`: the network, for plugins whose operator lets them go there.

use std::collections::BTreeMap;

use aisoc_context::{Fetched, Network, Refusal, Request, Waiting, Why};
use aisoc_manifests::fault::Result as Outcome;
use aisoc_outbound::{Account, Answer, Asked, Broker, Certificates, Grant, Outbound, Refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Where each plugin may go. What it may ask in a minute stays the same when it is loaded anew.
#[derive(Debug)]
pub(crate) struct Reaching(BTreeMap<String, Outbound>);

impl Reaching {
    /// Nothing where nobody may go anywhere.
    ///
    /// # Errors
    /// `internal` where no thread can be started.
    pub(crate) fn begin(grants: &BTreeMap<String, Grant>, certificates: &Certificates) -> Outcome<Option<Self>> {
        if grants.is_empty() {
            return Ok(None);
        }
        let broker = Broker::begin(certificates.clone())?;
        Ok(Some(Self(grants.iter().map(|(id, grant)| (id.clone(), broker.outbound(grant))).collect())))
    }
}

impl Network for Reaching {
    fn is_granted(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    fn fetch(&self, id: &str, request: Request<'_>, waiting: Waiting<'_>) -> Fetched {
        let Request { method, url, headers, body } = request;
        let Some(outbound) = self.0.get(id) else {
            let nowhere = "the operator lets this plugin go nowhere".to_owned();
            return Fetched { answer: Err(Refusal::Failed(Why::NotAllowed, nowhere)), account: Map::new() };
        };
        let fetched = outbound.fetch(Asked { method, url, headers, body }, waiting.left(), waiting.stop);
        let account = said(&fetched.account, &fetched.answer);
        Fetched { answer: fetched.answer.map(shown).map_err(refusal), account }
    }
}

fn shown(answer: Answer) -> Value {
    let Answer { status, headers, body, url } = answer;
    json!({ "status": status, "headers": headers, "body": STANDARD.encode(body), "url": url })
}

/// No path, no query, no header and no body.
fn said(account: &Account, answer: &Result<Answer, Refused>) -> Map<String, Value> {
    let took = u64::try_from(account.took.as_millis()).unwrap_or(u64::MAX);
    let said = [
        ("method", json!(account.method)),
        ("destinations", json!(account.destinations)),
        ("status", json!(account.status)),
        ("sent_bytes", json!(account.sent_bytes)),
        ("received_bytes", json!(account.received_bytes)),
        ("milliseconds", json!(took)),
        ("refused", json!(answer.as_ref().err().map(Refused::code))),
    ];
    said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn refusal(refused: Refused) -> Refusal {
    let why = match &refused {
        Refused::NoRequest { .. } => Why::InvalidArgument,
        Refused::NotAllowed { .. } | Refused::Address { .. } | Refused::Redirect { .. } => Why::NotAllowed,
        Refused::Rate { .. } | Refused::Busy { .. } => Why::RateLimited,
        Refused::TooLarge { .. } => Why::TooLarge,
        Refused::Late { .. } => Why::TimedOut,
        Refused::Unreached { .. } => Why::Unreachable,
        _ => Why::Unavailable,
    };
    Refusal::Failed(why, refused.to_string())
}
