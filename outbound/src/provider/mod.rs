//! `Provider`: a service of the operator's that does for a host what that does not do itself. It is asked once for each ask of
//! a plugin, and never again for the same; whatever is wrong with it is nobody's trouble but that of who asks.

mod address;
mod exchange;
mod unanswered;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aisoc_manifests::fault::Result as Outcome;
use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::Semaphore;

pub use self::address::ProviderAddress;
use self::address::{Place, open};
use self::exchange::To;
pub use self::unanswered::Unanswered;
use crate::broker::{Broker, NotDone, Shared, Waiting};
use crate::destination::BadDestination;
use crate::fetch::NotTaken;
use crate::limits::{MAX_ASKERS, MAX_AT_A_TIME, MAX_OF_PROVIDER, MAX_PER_MINUTE, MAX_TOKEN_BYTES};
use crate::rate::Rate;
use crate::trusted::OwnTls;

/// Says what is shown to a provider at this moment, so that it knows its host.
pub type ProviderToken = dyn Fn() -> Outcome<String> + Send + Sync;

/// Told before an ask leaves. What it does not take does not leave.
pub type ProviderLeaves<'a> = dyn FnMut() -> Result<(), NotTaken> + 'a;

/// A provider, as an operator configures it.
#[derive(Clone)]
pub struct ProviderRule {
    address: ProviderAddress,
    token: Option<Arc<ProviderToken>>,
    requests_per_minute: u32,
}

impl fmt::Debug for ProviderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderRule").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ProviderRule {
    /// One that each plugin may ask so often.
    ///
    /// # Errors
    /// For a number that is none.
    pub fn new(
        address: ProviderAddress,
        token: Option<Arc<ProviderToken>>,
        requests_per_minute: u32,
    ) -> Result<Self, BadDestination> {
        if (1..=MAX_PER_MINUTE).contains(&requests_per_minute) {
            return Ok(Self { address, token, requests_per_minute });
        }
        let why = format!("expected 1 to {MAX_PER_MINUTE} requests in a minute, found {requests_per_minute}");
        Err(BadDestination { what: "requests_per_minute".to_owned(), why })
    }
}

/// A provider that is asked.
pub struct Provider {
    shared: Arc<Shared>,
    rule: ProviderRule,
    /// How often each plugin has asked lately.
    askers: Mutex<BTreeMap<String, Arc<Asker>>>,
    places: Arc<Semaphore>,
    tls: OwnTls,
}

/// One plugin, whose hangs are its own.
struct Asker {
    rate: Rate,
    places: Arc<Semaphore>,
}

impl Broker {
    /// A provider.
    #[must_use]
    pub fn provider(&self, rule: ProviderRule) -> Provider {
        let (askers, places) = (Mutex::default(), Arc::new(Semaphore::new(MAX_OF_PROVIDER)));
        Provider { shared: Arc::clone(&self.shared), rule, askers, places, tls: OwnTls::default() }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl Provider {
    /// Asks with that body, and waits for at most that long, and for no longer than 30 seconds; `stop` is set when nobody
    /// waits any more. `leaves` is told before anybody is asked, and what it does not take does not leave. Blocks the thread:
    /// not for one that answers others.
    ///
    /// # Errors
    /// As [`Unanswered`] has them. Whether what was asked for was done nobody knows then.
    pub fn ask(
        &self,
        plugin: &str,
        body: Vec<u8>,
        patience: Duration,
        stop: &AtomicBool,
        leaves: &mut ProviderLeaves<'_>,
    ) -> Result<Vec<u8>, Unanswered> {
        let (waiting, asker) = (Waiting::begin(patience, stop), self.asker(plugin)?);
        let busy = |most| move |_| Unanswered::Busy { most };
        let place = Arc::clone(&asker.places).try_acquire_owned().map_err(busy(MAX_AT_A_TIME))?;
        let of_all = Arc::clone(&self.places).try_acquire_owned().map_err(busy(MAX_OF_PROVIDER))?;
        asker.rate.take(Instant::now()).map_err(|retry_after| Unanswered::Rate { retry_after })?;
        let (token, to) = (self.token()?, self.to()?);
        leaves().map_err(|NotTaken| Unanswered::NotTaken)?;
        let asked = async move {
            let answered = exchange::ask(to, token, Bytes::from(body)).await;
            drop((place, of_all));
            answered
        };
        self.shared.wait(waiting, asked).unwrap_or_else(|not_done| match not_done {
            NotDone::Late => Err(Unanswered::Late { after: waiting.patience }),
            NotDone::Stopped => Err(Unanswered::Stopped),
        })
    }

    fn asker(&self, plugin: &str) -> Result<Arc<Asker>, Unanswered> {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = askers.get(plugin) {
            return Ok(Arc::clone(asker));
        }
        if askers.len() >= MAX_ASKERS {
            let now = Instant::now();
            // Of whom nothing is known that a new one would not say.
            askers.retain(|_, asker| Arc::strong_count(asker) > 1 || !asker.rate.is_whole(now));
        }
        if askers.len() >= MAX_ASKERS {
            return Err(Unanswered::Busy { most: MAX_ASKERS });
        }
        let rate = Rate::new(self.rule.requests_per_minute, Instant::now());
        let asker = Arc::new(Asker { rate, places: Arc::new(Semaphore::new(MAX_AT_A_TIME)) });
        askers.insert(plugin.to_owned(), Arc::clone(&asker));
        Ok(asker)
    }

    fn token(&self) -> Result<Option<HeaderValue>, Unanswered> {
        let Some(token) = &self.rule.token else { return Ok(None) };
        let token = token().map_err(|fault| Unanswered::Token { why: fault.to_string() })?;
        let is_one =
            !token.is_empty() && token.len() <= MAX_TOKEN_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| is_one);
        let mut value = value.ok_or_else(|| {
            let why = format!("the token is not 1 to {MAX_TOKEN_BYTES} visible ASCII characters");
            Unanswered::Token { why }
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Where it is at this moment, judged.
    fn to(&self) -> Result<To, Unanswered> {
        match &self.rule.address.0 {
            Place::Socket(path) => match open(path) {
                Ok(Some(socket)) => Ok(To::Socket(socket)),
                Ok(None) => Err(Unanswered::Unreached { why: "there is no socket".to_owned() }),
                Err(fault) => Err(Unanswered::Socket { why: fault.to_string() }),
            },
            Place::Server(url) => {
                let tls = self.tls.spoken(&self.shared.trusted);
                Ok(To::Server(url.clone(), tls.map_err(|why| Unanswered::Unreached { why })?))
            }
        }
    }
}
