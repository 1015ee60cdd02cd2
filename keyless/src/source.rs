//! `TokenSource`: where an identity token comes from. Nobody is asked at a terminal, and no browser is opened.

use std::fmt;

use aisoc_manifests::fault::Result;
use aisoc_registry_client::ClientOptions;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::refusal;
use crate::service::{Role, Service, secure};
use crate::token::{AUDIENCE, IdentityToken};

/// By which a job asks GitHub for a token of its own. No message and no `Debug` has it.
pub struct BearerToken(Zeroizing<Vec<u8>>);

/// Where a token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// GitHub Actions gives one to a job that may ask (`permissions: id-token: write`).
    GitHub {
        /// What the job is told to ask: `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// And with what: `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        bearer: BearerToken,
    },
    /// It is there already.
    Given(IdentityToken),
}

/// What GitHub answers, where it stands: a token has no character that JSON would write in another way.
#[derive(Deserialize)]
struct Answered<'a> {
    value: &'a str,
}

impl BearerToken {
    /// Hides it.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    fn header(&self) -> Result<HeaderValue> {
        let text = [b"Bearer ", self.0.trim_ascii()].concat();
        let mut value = HeaderValue::from_bytes(&Zeroizing::new(text)).map_err(|_| {
            refusal::token("cannot be asked for: ACTIONS_ID_TOKEN_REQUEST_TOKEN cannot stand in a header")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

impl TokenSource {
    /// The token.
    ///
    /// # Errors
    /// `identity_token_invalid`, and those of a service.
    pub(crate) async fn token(self, options: &ClientOptions, now: Timestamp) -> Result<IdentityToken> {
        match self {
            Self::Given(token) => Ok(token),
            Self::GitHub { url, bearer } => of_github(&url, &bearer, options, now).await,
        }
    }
}

async fn of_github(url: &str, bearer: &BearerToken, options: &ClientOptions, now: Timestamp) -> Result<IdentityToken> {
    let mut url = secure(url).map_err(|fault| {
        refusal::token("cannot be asked for: ACTIONS_ID_TOKEN_REQUEST_URL names no place that a secret may go to")
            .caused_by(fault)
    })?;
    // It has a query of its own.
    url.query_pairs_mut().append_pair("audience", AUDIENCE);
    let service = Service::new(Role::Issuer, url.clone(), options);
    let mut request = Request::new(Method::GET, url);
    request.headers_mut().insert(AUTHORIZATION, bearer.header()?);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    let body = Zeroizing::new(service.ask(request).await?);
    let answered: Answered<'_> = serde_json::from_slice(&body)
        .map_err(|_| service.mismatch("answers with no token").expected("the member `value`", "something else"))?;
    IdentityToken::read(answered.value.as_bytes(), &format!("the answer of {}", service.name()), now)
}
