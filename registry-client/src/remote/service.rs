//! `ServiceClient`: a service that is no registry, and that somebody has named by its URL. It is reached as a registry is:
//! over the same wire, by the same certificates, through the same proxies, within the same times.
//!
//! No login is looked for, no redirect is followed, and nothing is sent twice: what is asked there may be secret, and may
//! be something that stays.

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::{Request, Response, Url};
use tokio::time::timeout;

use super::broken::BodyError;
use super::origin::{authority, same_origin};
use super::pulse::Pulse;
use super::wire::Wire;
use crate::options::ClientOptions;

/// A service at one origin.
#[derive(Debug)]
pub struct ServiceClient {
    base: Url,
    wire: Wire,
}

/// What a service answered.
#[derive(Debug)]
pub struct ServiceAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// What came with a 2xx; of another answer nothing is read.
    pub body: Vec<u8>,
}

impl ServiceClient {
    /// The service at the origin of that URL. Makes no request. Settings of registries are no settings of it.
    pub fn new(base: Url, options: &ClientOptions) -> Self {
        Self { wire: Wire::new(&base, options), base }
    }

    /// Its host and port, for messages.
    pub fn place(&self) -> String {
        authority(&self.base)
    }

    /// Sends the request, and reads an answer of at most `max_bytes`, all of it within the time of one exchange.
    ///
    /// # Errors
    /// `registry_unavailable` where nobody answers in time or the answer breaks off, `registry_tls`, those of proxies and of
    /// addresses; `registry_protocol` for a longer answer; `internal` for a request to another origin, which is not sent.
    pub async fn ask(&self, request: Request, max_bytes: usize) -> Result<ServiceAnswer> {
        if !same_origin(request.url(), &self.base) {
            return Err(Fault::new(Reason::Internal, format!("a request for `{}` would go elsewhere", self.place())));
        }
        let most = self.wire.longest_exchange();
        let asked = timeout(most, Box::pin(self.exchange(request, max_bytes))).await;
        asked.unwrap_or_else(|_| Err(self.wire.late(&format!("`{}` did not send a whole answer", self.place()), most)))
    }

    async fn exchange(&self, request: Request, max_bytes: usize) -> Result<ServiceAnswer> {
        let sent = self.wire.exchange(request, &Pulse::start()).await;
        let response = sent.map_err(|broken| self.wire.given_up(broken))?;
        let status = response.status();
        let body = if status.is_success() { self.body(response, max_bytes).await? } else { Vec::new() };
        Ok(ServiceAnswer { status: status.as_u16(), body })
    }

    /// What it says of the length decides nothing: what comes is counted.
    async fn body(&self, mut response: Response, max_bytes: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.wire.chunk(&mut response).await.map_err(|error| self.broken(error))? {
            if body.len() + chunk.len() > max_bytes {
                let what = format!("`{}` answers with more than such an answer has", self.place());
                return Err(
                    Fault::new(Reason::RegistryProtocol, what).expected(format!("at most {max_bytes} bytes"), "more")
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn broken(&self, error: BodyError) -> Fault {
        let unavailable = |what: &str| Fault::new(Reason::RegistryUnavailable, format!("`{}` {what}", self.place()));
        match error {
            BodyError::Cut(error) => unavailable("broke off its answer").caused_by(error),
            BodyError::Silent => unavailable("went silent in the middle of its answer"),
            BodyError::Overdue(fault) => fault,
        }
    }
}
