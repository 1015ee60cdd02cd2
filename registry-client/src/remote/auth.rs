//! `Auth`: proving who we are to one registry, when it asks, with as little as it takes.
//!
//! Anonymous first. A password goes to the registry's own origin or to the token service that it
//! names over TLS; a token is asked for one repository and for what the task needs; both stay in
//! memory and out of every message.

use std::sync::{Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::RegistryReference;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::Access;
use super::challenge::Challenge;
use super::credentials::{self, Credential};
use super::wire::{BodyError, Broken, Pulse, Wire, is_loopback};
use crate::limits::MAX_TOKEN_ANSWER_BYTES;
use crate::options::{ClientOptions, Credentials, Secret};

/// Who we are at one registry.
#[derive(Debug)]
pub(super) struct Auth {
    registry: String,
    base: Url,
    scope: String,
    access: Access,
    credentials: Credentials,
    found: OnceCell<Option<Credential>>,
    /// What `Authorization` was last; marked sensitive, so that nothing prints it.
    known: Mutex<Option<HeaderValue>>,
    /// Why stored credentials could not be used, for the message of a later refusal.
    trouble: Mutex<Option<String>>,
}

impl Auth {
    pub(super) fn new(reference: &RegistryReference, base: &Url, options: &ClientOptions, access: Access) -> Self {
        let actions = match access {
            Access::Pull => "pull",
            Access::PullPush => "pull,push",
        };
        Self {
            registry: reference.registry(),
            base: base.clone(),
            // Ours, and not the one that the challenge asks us to ask for.
            scope: format!("repository:{}:{actions}", reference.repository()),
            access,
            credentials: options.credentials.clone(),
            found: OnceCell::new(),
            known: Mutex::new(None),
            trouble: Mutex::new(None),
        }
    }

    /// The header that the registry accepted last.
    pub(super) fn known(&self) -> Option<HeaderValue> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The header that the registry asks for, or nothing when it asks for nothing we know.
    pub(super) async fn answer(&self, wire: &Wire, headers: &HeaderMap) -> Result<Option<HeaderValue>, Broken> {
        let credential = self.credential().await.map_err(Broken::for_good)?;
        let header = match (Challenge::read(headers), credential) {
            (None, _) | (Some(Challenge::Basic), None | Some(Credential::IdentityToken(_))) => return Ok(None),
            (Some(Challenge::Basic), Some(Credential::Login { username, password })) => {
                basic(username, password).map_err(Broken::for_good)?
            }
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let realm = self.check_realm(&realm).map_err(Broken::for_good)?;
                match self.token(wire, &realm, service.as_deref(), credential).await {
                    Err(broken) if credential.is_some() && self.may_go_anonymous(&broken) => {
                        self.token(wire, &realm, service.as_deref(), None).await?
                    }
                    token => token?,
                }
            }
        };
        Ok(Some(self.remember(header)))
    }

    /// A token without credentials, when the one with them was refused and reading may need none.
    pub(super) async fn answer_anonymously(
        &self,
        wire: &Wire,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Broken> {
        let used_credentials = self.found.get().is_some_and(Option::is_some);
        match Challenge::read(headers) {
            Some(Challenge::Bearer { realm, service }) if used_credentials && self.access == Access::Pull => {
                let realm = self.check_realm(&realm).map_err(Broken::for_good)?;
                let token = self.token(wire, &realm, service.as_deref(), None).await?;
                Ok(Some(self.remember(token)))
            }
            _ => Ok(None),
        }
    }

    /// A refusal of the registry, with what we know about our side of it.
    pub(super) fn denial(&self, message: String) -> Fault {
        let fault = Fault::new(Reason::RegistryDenied, message);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fault = match trouble {
            Some(trouble) => fault.caused_by(trouble),
            None => fault,
        };
        let registry = &self.registry;
        match self.found.get() {
            Some(Some(_)) => fault.hint(format!(
                "the stored credentials for `{registry}` were refused or do not reach this repository: \
                 log in again with `docker login {registry}` or `oras login {registry}`"
            )),
            _ if !self.is_private() => fault.hint(format!(
                "credentials are not sent without TLS, except to this machine: reach `{registry}` over HTTPS"
            )),
            _ => {
                let unused = self.credentials.unused.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                fault.hint(format!(
                    "no credentials for `{registry}` were found{unused}: log in with `docker login {registry}` or \
                     `oras login {registry}`, or set AISOC_REGISTRY_HOST={registry}, AISOC_REGISTRY_USERNAME and \
                     AISOC_REGISTRY_PASSWORD"
                ))
            }
        }
    }

    /// The stored credential, looked up once. When reading, trouble with the store is no reason to
    /// fail yet: a public repository needs no credential.
    async fn credential(&self) -> Result<Option<&Credential>> {
        if !self.is_private() {
            return Ok(None);
        }
        let found = self.found.get_or_try_init(|| async {
            match credentials::find(&self.credentials, &self.registry).await {
                Err(fault) if self.access == Access::Pull => {
                    *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
                    Ok(None)
                }
                found => found,
            }
        });
        Ok(found.await?.as_ref())
    }

    /// Whether nobody in between reads what is sent: over TLS, or on this machine.
    fn is_private(&self) -> bool {
        self.base.scheme() == "https" || is_loopback(&self.base)
    }

    fn may_go_anonymous(&self, broken: &Broken) -> bool {
        self.access == Access::Pull && broken.fault.reason() == Reason::RegistryDenied
    }

    fn remember(&self, header: HeaderValue) -> HeaderValue {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(header.clone());
        header
    }

    /// CVE-2026-48978, CVE-2025-51471: a realm is where a client sends its password because the
    /// registry says so.
    fn check_realm(&self, realm: &str) -> Result<Url> {
        let refuse = |why: &str| {
            let message = format!("`{}` asks for a token from a place that {why}", self.registry);
            Fault::new(Reason::RegistryProtocol, message)
                .hint("tell the operator of the registry; its `WWW-Authenticate` realm must be an https URL")
        };
        let url = Url::parse(realm).map_err(|_| refuse("is not a URL"))?;
        let plain = self.base.scheme() == "http" && is_loopback(&self.base) && is_loopback(&url);
        if url.scheme() != "https" && !(url.scheme() == "http" && plain) {
            return Err(refuse("is not reached over TLS"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refuse("carries a user name or a fragment"));
        }
        Ok(url)
    }

    /// A token, within half the time for the exchange that needs it: the one who is late is named.
    async fn token(
        &self,
        wire: &Wire,
        realm: &Url,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, Broken> {
        let most = wire.longest_exchange() / 2;
        let asked = timeout(most, self.ask_for_token(wire, realm, service, credential));
        asked.await.unwrap_or_else(|_| {
            let place = super::wire::authority(realm);
            let message = format!("the token service `{place}` did not send a whole token");
            Err(Broken::for_good(wire.late(&message, most)))
        })
    }

    async fn ask_for_token(
        &self,
        wire: &Wire,
        realm: &Url,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, Broken> {
        let request = self.token_request(realm, service, credential).map_err(Broken::for_good)?;
        let mut response = wire.exchange(request, &Pulse::start()).await?;
        let place = super::wire::authority(realm);
        match response.status() {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let message = format!("`{place}` gives no token for `{}`: {}", self.scope, response.status());
                return Err(Broken::for_good(self.denial(message)));
            }
            status => {
                let reason = if super::send::is_transient(status) {
                    Reason::RegistryUnavailable
                } else {
                    Reason::RegistryProtocol
                };
                let message = format!("the token service `{place}` answered {status}");
                return Err(Broken { fault: Fault::new(reason, message), tries: 3 });
            }
        }
        let body = read_token_answer(wire, &mut response, &place).await?;
        bearer(&body, &place).map_err(Broken::for_good)
    }

    /// GET with Basic for a login, an OAuth2 POST for an identity token, GET with nothing otherwise.
    fn token_request(&self, realm: &Url, service: Option<&str>, credential: Option<&Credential>) -> Result<Request> {
        if let Some(Credential::IdentityToken(token)) = credential {
            let mut form = Url::parse("form:?").map_err(|source| internal("a form").caused_by(source))?;
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("service", service.unwrap_or(&self.registry))
                .append_pair("client_id", "aisoc")
                .append_pair("scope", &self.scope)
                .append_pair("refresh_token", token.reveal());
            let mut request = Request::new(Method::POST, realm.clone());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, kind);
            *request.body_mut() = Some(Body::from(form.query().unwrap_or_default().to_owned()));
            return Ok(request);
        }
        let mut url = realm.clone();
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &self.scope);
        let mut request = Request::new(Method::GET, url);
        if let Some(Credential::Login { username, password }) = credential {
            request.headers_mut().insert(AUTHORIZATION, basic(username, password)?);
        }
        Ok(request)
    }
}

async fn read_token_answer(wire: &Wire, response: &mut Response, place: &str) -> Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    loop {
        match wire.chunk(response).await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_TOKEN_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Ok(Some(_)) => {
                let message = format!("the token service `{place}` sends more than any token needs");
                return Err(Broken::for_good(Fault::new(Reason::RegistryProtocol, message)));
            }
            Err(BodyError::Overdue(fault)) => return Err(Broken::for_good(fault)),
            Err(_) => {
                let message = format!("the token service `{place}` stopped in the middle of an answer");
                return Err(Broken { fault: Fault::new(Reason::RegistryUnavailable, message), tries: 3 });
            }
        }
    }
}

/// `token` and `access_token` are two names for the same thing.
fn bearer(body: &[u8], place: &str) -> Result<HeaderValue> {
    #[derive(Deserialize)]
    struct TokenAnswer {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        access_token: Option<String>,
    }
    // The body holds the token when it can be read and may hold it when not: no part of it is shown.
    let refuse = || Fault::new(Reason::RegistryProtocol, format!("the token service `{place}` gives no usable token"));
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| refuse())?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or_else(refuse)?;
    sensitive(&format!("Bearer {token}")).ok_or_else(refuse)
}

fn basic(username: &str, password: &Secret) -> Result<HeaderValue> {
    let encoded = STANDARD.encode(format!("{username}:{}", password.reveal()));
    sensitive(&format!("Basic {encoded}")).ok_or_else(|| internal("a header"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn internal(what: &str) -> Fault {
    Fault::new(Reason::Internal, format!("cannot make {what}"))
}
