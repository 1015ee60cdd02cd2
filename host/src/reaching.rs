//! `Reaching`: the network, for plugins whose operator lets them go there.

use std::collections::BTreeMap;
use std::sync::Arc;

use aisoc_context::{Fetched, Leaves, Network, Notice, Providers, Refusal, Request, Tell, Teller, Waiting, Why};
use aisoc_manifests::fault::Result as Outcome;
use aisoc_outbound::{Account, Answer, Asked, Broker, Certificates, Grant, Leaving, NotTaken, Outbound, Refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::patience::patience;
use crate::settings::HandleRules;

/// Where each plugin may go. What it may ask in a minute stays the same when it is loaded anew.
#[derive(Debug)]
pub(crate) struct Reaching(BTreeMap<String, Outbound>);

/// Whom the host asks for plugins: nobody where an operator names nobody.
///
/// # Errors
/// `internal` where no thread can be started.
pub(crate) fn begin(
    rules: &HandleRules,
    certificates: &Certificates,
    tell: &Arc<Tell>,
) -> Outcome<(Option<Arc<dyn Network>>, Providers)> {
    let HandleRules { outbound, providers, .. } = rules;
    if outbound.is_empty() && providers.is_empty() {
        return Ok((None, Providers::default()));
    }
    let teller = Teller::of(Arc::clone(tell));
    let unread = move |why: &str| teller.tell(Notice::CertificatesRefused(why));
    let broker = Broker::begin(certificates.clone(), Box::new(unread))?;
    let network = Reaching::begin(&broker, outbound).map(|reaching| Arc::new(reaching) as Arc<dyn Network>);
    Ok((network, providers.begin(&broker)))
}

impl Reaching {
    /// Nothing where nobody may go anywhere.
    fn begin(broker: &Broker, grants: &BTreeMap<String, Grant>) -> Option<Self> {
        let outbound = grants.iter().map(|(id, grant)| (id.clone(), broker.outbound(grant)));
        (!grants.is_empty()).then(|| Self(outbound.collect()))
    }
}

impl Network for Reaching {
    fn is_granted(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    fn fetch(&self, id: &str, request: Request<'_>, waiting: Waiting<'_>, leaves: &mut Leaves<'_>) -> Fetched {
        let Request { method, url, headers, body } = request;
        let Some(outbound) = self.0.get(id) else {
            let nowhere = "the operator lets this plugin go nowhere".to_owned();
            let answer = Err(Refusal::Failed(Why::NotAllowed, nowhere));
            return Fetched { answer, account: Map::new(), refused: Some(Why::NotAllowed.as_str()) };
        };
        let mut not_taken = None;
        let mut told = |leaving: Leaving<'_>| {
            leaves(leaving.method, leaving.destination).map_err(|refusal| {
                not_taken = Some(refusal);
                NotTaken
            })
        };
        let patience = patience(waiting.left());
        let fetched = outbound.fetch(Asked { method, url, headers, body }, patience, waiting.stop, &mut told);
        let refused = match (&not_taken, &fetched.answer) {
            (Some(Refusal::Failed(why, _)), _) => Some(why.as_str()),
            (_, answer) => answer.as_ref().err().map(Refused::code),
        };
        let mut account = said(&fetched.account, refused);
        if let Err(Refused::Address { leads_to, .. }) = &fetched.answer {
            account.insert("leads_to".to_owned(), json!(leads_to));
        }
        let answer = fetched.answer.map(shown).map_err(|refused| not_taken.unwrap_or_else(|| refusal(refused)));
        Fetched { answer, account, refused }
    }
}

fn shown(answer: Answer) -> Value {
    let Answer { status, headers, body, url } = answer;
    json!({ "status": status, "headers": headers, "body": STANDARD.encode(body), "url": url })
}

/// No path, no query, no header and no body.
fn said(account: &Account, refused: Option<&'static str>) -> Map<String, Value> {
    let took = u64::try_from(account.took.as_millis()).unwrap_or(u64::MAX);
    let said = [
        ("method", json!(account.method)),
        ("destinations", json!(account.destinations)),
        ("status", json!(account.status)),
        ("sent_bytes", json!(account.sent_bytes)),
        ("received_bytes", json!(account.received_bytes)),
        ("milliseconds", json!(took)),
        ("refused", json!(refused)),
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
