//! `Wire`: one HTTP exchange, with time limits and nothing else.
//!
//! No redirects, no decompression, no cookies, no retries: each of those is a decision, and the
//! modules above take it in sight.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason};
use bytes::Bytes;
use reqwest::{Method, Request, Response, Url};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::broken::{BodyError, Broken, asked, chain};
use super::clients::Clients;
use super::origin::{authority, same_origin, shown};
use super::proxy::Proxy;
use super::pulse::Pulse;
use super::reach::{OutOfReach, Reach};
use super::tls;
use super::warnings::Warnings;
use crate::limits::USUAL_SILENCE;
use crate::notice::Notice;
use crate::options::ClientOptions;

/// The clients, where they may connect to, and the clock of the operation.
#[derive(Debug)]
pub(super) struct Wire {
    registry: Url,
    reach: Arc<Reach>,
    clients: Clients,
    options: ClientOptions,
    /// When the first request left. One clock for everything that is asked for one reference: a registry
    /// that is slow in a thousand small ways would begin a new one each time.
    began: OnceLock<Instant>,
    /// Bytes of bodies that came since.
    received: AtomicU64,
    /// What the registry warned of.
    warnings: Warnings,
}

impl Wire {
    pub(super) fn new(registry: &Url, options: &ClientOptions) -> Self {
        Self {
            registry: registry.clone(),
            reach: Arc::new(Reach::new(registry, &options.also_reach)),
            clients: Clients::default(),
            options: options.clone(),
            began: OnceLock::new(),
            received: AtomicU64::new(0),
            warnings: Warnings::default(),
        }
    }

    /// When everything that is asked for this reference must be over.
    pub(super) fn ends(&self) -> Instant {
        let usual = *self.began.get_or_init(Instant::now) + self.options.limits.operation;
        match self.options.timeout {
            Some(timeout) => timeout.ends().unwrap_or(usual),
            None => usual,
        }
    }

    /// How long one exchange may take.
    pub(super) fn longest_exchange(&self) -> Duration {
        self.options.limits.exchange
    }

    /// Sends the request and waits for the head of the answer. Every request of this crate passes
    /// here, so every hop is judged here.
    pub(super) async fn exchange(&self, request: Request, pulse: &Pulse) -> Result<Response, Broken> {
        let (url, method) = (request.url().clone(), request.method().clone());
        let host = authority(&url);
        let looked_up =
            self.told(self.ends(), || format!("for the addresses of `{host}`"), self.reach.check(&url)).await;
        let asked_for = || asked(&self.registry, &url, method.as_str());
        looked_up.map_err(|_| Broken::for_good(self.overdue(&asked_for())))?.map_err(Broken::for_good)?;
        if let Some(fault) = self.options.unreached.before(&shown(&url)) {
            return Err(Broken::for_good(fault));
        }
        let proxy = Proxy::of(&self.options.proxies, &url).map_err(Broken::for_good)?;
        let client = self.clients.of(&self.registry, &url, proxy.as_ref(), &self.reach, &self.options);
        let client = client.map_err(Broken::for_good)?;
        let through = proxy.as_ref().map_or_else(String::new, |proxy| format!(" through {proxy}"));
        let place = format!("`{host}`{through}");
        let answered = self.unless_silent(client.execute(request), pulse, &place, &asked_for);
        match answered.await? {
            Some(Ok(answer)) => match proxy.filter(|proxy| proxy.answers(&url, answer.status())) {
                Some(proxy) => Err(proxy.asks_for_login()),
                None => {
                    self.pass_on_warnings(&answer);
                    Ok(answer)
                }
            },
            Some(Err(error)) => Err(self.broken(&url, &method, proxy.as_ref(), error)),
            None => {
                let message =
                    format!("`{host}` did not answer {}{through}", asked(&self.registry, &url, method.as_str()));
                Err(Broken {
                    fault: self.late(&message, self.longest_silence()),
                    tries: 3,
                    after: None,
                    unreached: None,
                })
            }
        }
    }

    /// Says what the registry itself warns of; nobody asked the places that it leads to.
    fn pass_on_warnings(&self, answer: &Response) {
        if same_origin(answer.url(), &self.registry) {
            for text in self.warnings.fresh(answer.headers()) {
                self.options.told.tell(&Notice::Warned { registry: &authority(&self.registry), text: &text });
            }
        }
    }

    /// What the error comes to: TLS and the proxy have words of their own, and everything else is between us
    /// and the registry.
    fn broken(&self, url: &Url, method: &Method, proxy: Option<&Proxy>, error: reqwest::Error) -> Broken {
        // A judgement of an address is none of the host's.
        let is_unreached = error.is_connect() && !chain(&error).any(|cause| cause.is::<OutOfReach>());
        let broken = self.in_words(url, method, proxy, error);
        if is_unreached { broken.unreached(url) } else { broken }
    }

    fn in_words(&self, url: &Url, method: &Method, proxy: Option<&Proxy>, error: reqwest::Error) -> Broken {
        if let Some(fault) = tls::fault(&error, url, proxy) {
            return Broken::for_good(fault);
        }
        let was_connected = !error.is_connect();
        if let Some(proxy) = proxy.filter(|_| !was_connected) {
            return proxy.broken(url, error);
        }
        let broken = Broken::of(&self.registry, url, method.as_str(), error);
        let fault = broken.fault;
        let fault = match proxy {
            Some(proxy) => fault.hint(format!("try again; the way there leads through {proxy}")),
            None if was_connected => tls::hinted(fault, url),
            None => fault,
        };
        Broken { fault, ..broken }
    }

    /// Why something is given up that was tried as often as it makes sense. Who was not reached is not asked for the next
    /// thing either.
    pub(super) fn given_up(&self, broken: Broken) -> Fault {
        if let Some(origin) = broken.unreached {
            self.options.unreached.note(origin, &broken.fault);
        }
        broken.fault
    }

    /// What `exchange` gives, or nothing when no byte moved for too long in either direction.
    /// Whoever waits is told for whom, once.
    async fn unless_silent<T>(
        &self,
        exchange: impl Future<Output = T>,
        pulse: &Pulse,
        place: &str,
        asked_for: &(dyn Fn() -> String + Sync),
    ) -> Result<Option<T>, Broken> {
        let silence = self.longest_silence();
        let mut patience = silence.min(USUAL_SILENCE);
        let mut exchange = pin!(exchange);
        loop {
            // The end moves while a body is being sent, so it is looked at anew each time it is reached.
            let end = (Instant::now() + patience.saturating_sub(pulse.age())).min(self.ends());
            if let Ok(outcome) = timeout_at(end, &mut exchange).await {
                return Ok(Some(outcome));
            }
            if Instant::now() >= self.ends() {
                return Err(Broken::for_good(self.overdue(&asked_for())));
            }
            if pulse.age() >= silence {
                return Ok(None);
            }
            if patience < silence && pulse.age() >= patience {
                patience = silence;
                self.waits_for(place, silence);
            }
        }
    }

    fn waits_for(&self, place: &str, most: Duration) {
        let (usual, most) = (USUAL_SILENCE.as_secs(), most.as_secs());
        let what =
            format!("for {place}, which has said nothing for {usual} s; {most} s at most, then it is asked again");
        self.options.cancellation.waits_for(&what);
    }

    /// Waits until `end`, and says what for when it takes longer than usual.
    async fn told<T>(
        &self,
        end: Instant,
        what: impl FnOnce() -> String,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let mut work = pin!(work);
        let usual = Instant::now() + USUAL_SILENCE;
        if usual < end {
            if let Ok(done) = timeout_at(usual, &mut work).await {
                return Ok(done);
            }
            self.options.cancellation.waits_for(&what());
        }
        timeout_at(end, work).await
    }

    /// The next bytes of an answer's body.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, BodyError> {
        let idle = self.options.limits.idle;
        let end = (Instant::now() + idle).min(self.ends());
        let place =
            || format!("for the rest of what `{}` sends; {} s at most", authority(&self.registry), idle.as_secs());
        match self.told(end, place, response.chunk()).await {
            Ok(Ok(chunk)) => {
                self.received.fetch_add(chunk.as_ref().map_or(0, Bytes::len) as u64, Ordering::Relaxed);
                Ok(chunk)
            }
            // The URL may be a presigned one, whose query is as good as a password.
            Ok(Err(error)) => Err(BodyError::Cut(error.without_url())),
            Err(_) if Instant::now() >= self.ends() => Err(BodyError::Overdue(self.overdue("what it was sending"))),
            Err(_) => Err(BodyError::Silent),
        }
    }

    /// The fault of a wait that was given up: what was waited for, how long, and what came.
    pub(super) fn late(&self, message: &str, waited: Duration) -> Fault {
        let came = self.received.load(Ordering::Relaxed);
        Fault::new(Reason::RegistryUnavailable, format!("{message} within {waited:?}; {came} bytes came in all"))
    }

    /// The fault of an operation that took too long: which end came, after how long, and what was under way.
    fn overdue(&self, under_way: &str) -> Fault {
        let registry = authority(&self.registry);
        match self.options.timeout {
            Some(timeout) => self.late(
                &format!("the time that `--timeout` gives ended: `{registry}` did not get done with {under_way}"),
                timeout.length(),
            ),
            None => self.late(
                &format!(
                    "`{registry}` did not get done with {under_way}, nor with all that was asked for one reference,"
                ),
                self.options.limits.operation,
            ),
        }
    }

    /// An answer begins within the idle time, after a connection that may have to be made first.
    fn longest_silence(&self) -> Duration {
        self.options.limits.idle + self.options.limits.connect
    }
}
