//! The token endpoint: one question to the service that a registry names, and one token.
//!
//! GET with a password or with nothing (distribution's token specification), POST with an identity token
//! (RFC 6749, 6). The service is as foreign as the registry: what it says is bounded and never shown.

use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::authorization::{basic, bearer};
use super::broken::{BodyError, Broken};
use super::credentials::Credential;
use super::origin::authority;
use super::pulse::Pulse;
use super::scope::Wanted;
use super::status::{Place, Standing, retry_after};
use super::wire::Wire;
use crate::limits::{MAX_TOKEN_ANSWER_BYTES, MAX_TRIES};
use crate::options::Secret;

/// What is asked, of whom, and as whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The token service. Judged before: a password may go there.
    pub(super) realm: &'a Url,
    /// What the registry calls itself: the token is for it and no other that the same service serves.
    pub(super) service: Option<&'a str>,
    /// The registry as we call it.
    pub(super) registry: &'a str,
    pub(super) wanted: &'a Wanted,
    pub(super) credential: Option<&'a Credential>,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// The service does not give us one, in words.
    Refused(String),
    /// It could not be asked.
    Broken(Broken),
}

impl NoToken {
    fn for_good(fault: Fault) -> Self {
        Self::Broken(Broken::for_good(fault))
    }

    /// Twice more, whatever the caller would do: the exchange that needs the token is waiting.
    fn for_now(reason: Reason, message: String) -> Self {
        Self::Broken(Broken { fault: Fault::new(reason, message), tries: 3, after: None, unreached: None })
    }

    /// As often as any request that is answered so, and not before the time that was asked for.
    fn later(message: String, after: Option<Duration>) -> Self {
        let fault = Fault::new(Reason::RegistryUnavailable, message);
        Self::Broken(Broken { fault, tries: MAX_TRIES, after, unreached: None })
    }
}

impl Question<'_> {
    /// A token, within half the time for the exchange that needs it: the one who is late is named.
    pub(super) async fn ask(&self, wire: &Wire) -> Result<HeaderValue, NoToken> {
        let most = wire.longest_exchange() / 2;
        timeout(most, self.ask_without_end(wire)).await.unwrap_or_else(|_| {
            let message = format!("the token service `{}` did not send a whole token", authority(self.realm));
            Err(NoToken::for_good(wire.late(&message, most)))
        })
    }

    async fn ask_without_end(&self, wire: &Wire) -> Result<HeaderValue, NoToken> {
        let request = self.request().map_err(NoToken::for_good)?;
        // Through the same wire as everything: its address is judged as that of any place a registry names.
        let mut response = wire.exchange(request, &Pulse::start()).await.map_err(NoToken::Broken)?;
        let place = authority(self.realm);
        self.check(&place, response.status(), retry_after(response.headers()))?;
        let body = read(wire, &mut response, &place).await?;
        token(&body, &place).map_err(NoToken::for_good)
    }

    /// A redirect is not followed: the password would be sent on to wherever it leads.
    fn check(&self, place: &str, status: StatusCode, after: Option<Duration>) -> Result<(), NoToken> {
        let message = format!("the token service `{place}` answered {status}");
        match Standing::of(status) {
            Standing::Done => Ok(()),
            Standing::Later => Err(NoToken::later(message, after)),
            Standing::Elsewhere => Err(NoToken::for_good(Fault::new(Reason::RedirectRefused, message))),
            // 400 is what OAuth2 services answer to an identity token that is no more (RFC 6749, 5.2).
            Standing::Denied => Err(self.refused(place, status)),
            Standing::Never if status == StatusCode::BAD_REQUEST => Err(self.refused(place, status)),
            // No such exchange for an identity token, which says nothing of who has none.
            Standing::Absent | Standing::Never if self.is_exchange() => Err(self.refused(place, status)),
            // The service itself is not there; it has no repositories that could be missing.
            Standing::Absent => Err(NoToken::for_good(Fault::new(Reason::RegistryProtocol, message))),
            standing => Err(NoToken::for_good(Fault::new(standing.reason(Place::Registry), message))),
        }
    }

    fn is_exchange(&self) -> bool {
        matches!(self.credential, Some(Credential::IdentityToken(_)))
    }

    fn refused(&self, place: &str, status: StatusCode) -> NoToken {
        let wanted = self.wanted.line();
        let wanted = if wanted.is_empty() { String::new() } else { format!(" for `{wanted}`") };
        NoToken::Refused(format!("`{place}` gives no token{wanted}: {status}"))
    }

    /// One of three, by what is stored: an identity token, a password, nothing.
    fn request(&self) -> Result<Request> {
        match self.credential {
            Some(Credential::IdentityToken(token)) => self.exchange_of(token),
            Some(Credential::Login { username, password }) => {
                let mut request = self.query();
                request.headers_mut().insert(AUTHORIZATION, basic(username, password)?);
                Ok(request)
            }
            // What the registry takes by itself is none of the service's business.
            Some(Credential::RegistryToken(_)) | None => Ok(self.query()),
        }
    }

    /// Added to what the realm has in its query, which is the registry's own.
    fn query(&self) -> Request {
        let mut url = self.realm.clone();
        if let Some(service) = self.service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().extend_pairs(self.wanted.each().map(|scope| ("scope", scope)));
        Request::new(Method::GET, url)
    }

    /// An identity token for one that the registry takes. In the body and not in the URL, which servers and
    /// proxies log.
    fn exchange_of(&self, token: &Secret) -> Result<Request> {
        let mut form = Url::parse("form:?")
            .map_err(|source| Fault::new(Reason::Internal, "cannot make a form").caused_by(source))?;
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", self.service.unwrap_or(self.registry))
            // Required by distribution's form of OAuth2, and checked by nobody.
            .append_pair("client_id", "aisoc")
            // One word or more, if it is there at all (RFC 6749, 3.3).
            .extend_pairs(Some(self.wanted.line()).filter(|line| !line.is_empty()).map(|line| ("scope", line)))
            .append_pair("refresh_token", token.reveal());
        let mut request = Request::new(Method::POST, self.realm.clone());
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.body_mut() = Some(Body::from(form.query().unwrap_or_default().to_owned()));
        Ok(request)
    }
}

/// The whole answer, counted before it is kept: a service can send for as long as it likes.
async fn read(wire: &Wire, response: &mut Response, place: &str) -> Result<Vec<u8>, NoToken> {
    let mut body = Vec::new();
    loop {
        match wire.chunk(response).await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_TOKEN_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Ok(Some(_)) => {
                let message = format!("the token service `{place}` sends more than any token needs");
                return Err(NoToken::for_good(Fault::new(Reason::RegistryProtocol, message)));
            }
            Err(BodyError::Overdue(fault)) => return Err(NoToken::for_good(fault)),
            Err(BodyError::Cut(_) | BodyError::Silent) => {
                let message = format!("the token service `{place}` stopped in the middle of an answer");
                return Err(NoToken::for_now(Reason::RegistryUnavailable, message));
            }
        }
    }
}

/// `token` and `access_token` are two names for the same thing: the one is distribution's, the other
/// OAuth2's (RFC 6749, 5.1). Services fill in one, or both; what is empty, `null`, no text or cannot stand in a
/// header is none, and the other counts.
fn token(body: &[u8], place: &str) -> Result<HeaderValue> {
    // The body holds the token when it can be read and may hold it when not: no part of it is shown.
    let refuse = || Fault::new(Reason::RegistryProtocol, format!("the token service `{place}` gives no usable token"));
    let answer: Map<String, Value> = serde_json::from_slice(body).map_err(|_| refuse())?;
    let mut names = ["token", "access_token"].into_iter();
    names.find_map(|name| bearer(answer.get(name)?.as_str()?)).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usable_token_of_the_two_counts() {
        for (body, expected) in [
            (r#"{"token":"a","access_token":"b"}"#, Some("Bearer a")),
            (r#"{"access_token":"b","expires_in":300}"#, Some("Bearer b")),
            (r#"{"token":"","access_token":"b"}"#, Some("Bearer b")),
            (r#"{"token":null,"access_token":"b"}"#, Some("Bearer b")),
            (r#"{"token":7,"access_token":"b"}"#, Some("Bearer b")),
            (r#"{"token":"a b","access_token":"b"}"#, Some("Bearer b")),
            (r#"{"token":"a","access_token":""}"#, Some("Bearer a")),
            (r#"{"token":"a","access_token":null}"#, Some("Bearer a")),
            (r#"{"token":"","access_token":""}"#, None),
            (r#"{"token":null}"#, None),
            (r#"{"token":["hunter2"]}"#, None),
            (r#"{"token":"hunter2 x"}"#, None),
            (r#"{"token":"hunter2\n"}"#, None),
            (r#"{"token":"hunter2\u00e9"}"#, None),
            (r#"["hunter2"]"#, None),
            ("{}", None),
            ("", None),
        ] {
            match (token(body.as_bytes(), "auth.example"), expected) {
                (Ok(header), Some(expected)) => {
                    assert_eq!(header.to_str().expect("text"), expected, "{body}");
                    assert!(header.is_sensitive());
                }
                (Err(fault), None) => {
                    assert_eq!(fault.reason(), Reason::RegistryProtocol);
                    assert!(fault.message().contains("`auth.example`"), "{fault}");
                    assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
                }
                (read, _) => panic!("{body}: {read:?}"),
            }
        }
    }
}
