//! `Service`: one question to one service, and what becomes of its answer.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::address::is_this_machine;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_registry_client::{ClientOptions, ServiceClient};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request, Url};

use crate::refusal;

/// Longest answer of a service. A chain of certificates has some 5 kB, an entry of a log 10 kB with its proof.
pub const MAX_SERVICE_ANSWER_BYTES: usize = 1 << 20;

/// Where a service is: `https://`, or `http://` on this machine alone, because one of them is shown a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

impl FromStr for ServiceUrl {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let url = secure(text)?;
        match url.query().is_none() && url.fragment().is_none() {
            true => Ok(Self(url)),
            false => Err(no_service("a URL without a query", "one with a query or a fragment")),
        }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl ServiceUrl {
    /// The URL of what is at that path below it.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }
}

/// A URL over which a secret may go.
pub(crate) fn secure(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| no_service("a URL", "something else").caused_by(error))?;
    let host = url.host_str().unwrap_or_default();
    let has_login = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        _ if has_login => Err(no_service("a URL without a login", "one with a user or a password")),
        "https" => Ok(url),
        "http" if is_this_machine(host) => Ok(url),
        scheme => {
            let found = format!("`{}://` and `{}`", shown(scheme, 20), shown(host, 80));
            Err(no_service("`https://`, or `http://` and this machine", &found))
        }
    }
}

fn no_service(expected: &str, found: &str) -> Fault {
    Fault::new(Reason::Usage, "what is to be the URL of a service is none that a secret may go to")
        .expected(expected, found)
        .hint("write the service's own URL, for example `https://fulcio.example`")
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Issuer,
    Fulcio,
    Rekor,
    TimestampAuthority,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Issuer => "GitHub Actions",
            Self::Fulcio => "Fulcio",
            Self::Rekor => "Rekor",
            Self::TimestampAuthority => "the timestamp authority",
        }
    }

    fn gives(self) -> &'static str {
        match self {
            Self::Issuer => "an identity token",
            Self::Fulcio => "a certificate",
            Self::Rekor => "an entry of its log",
            Self::TimestampAuthority => "a timestamp",
        }
    }
}

/// A service, for one question.
#[derive(Debug)]
pub(crate) struct Service {
    role: Role,
    client: ServiceClient,
}

impl Service {
    pub(crate) fn new(role: Role, url: Url, options: &ClientOptions) -> Self {
        Self { role, client: ServiceClient::new(url, options) }
    }

    /// It, and where it is, for messages.
    pub(crate) fn name(&self) -> String {
        format!("{} at `{}`", self.role.name(), self.place())
    }

    /// Where it is.
    pub(crate) fn place(&self) -> impl fmt::Display {
        self.client.place()
    }

    /// What it answers, where that is a yes. What it says beside a no is not shown: whoever has seen the token could
    /// write it there.
    pub(crate) async fn ask(&self, request: Request) -> Result<Vec<u8>> {
        let answer = self.client.ask(request, MAX_SERVICE_ANSWER_BYTES).await.map_err(|fault| self.not_asked(fault))?;
        let refused = |reason| {
            Fault::new(reason, format!("{} gives no {}", self.name(), without_article(self.role.gives())))
                .expected("an answer of its own", answer.status.to_string())
        };
        match answer.status {
            200..300 => Ok(answer.body),
            300..400 => Err(refused(Reason::SigningServiceRefused)
                .hint("name where the service itself is: nothing is followed, because a token would go along")),
            408 | 425 | 429 | 500.. => Err(refused(Reason::SigningServiceUnavailable)),
            _ => Err(refused(Reason::SigningServiceRefused)),
        }
    }

    /// An answer that is not what was asked for.
    pub(crate) fn mismatch(&self, why: impl fmt::Display) -> Fault {
        refusal::mismatch(&self.name(), why)
    }

    /// Why there was no answer. What stands in the way there has words of its own.
    fn not_asked(&self, fault: Fault) -> Fault {
        let next = fault.next_step().to_owned();
        let (reason, what, hint) = match fault.reason() {
            Reason::RegistryUnavailable => (Reason::SigningServiceUnavailable, "does not answer", Some(next)),
            Reason::RegistryTls => (Reason::SigningServiceRefused, "is not taken for it over TLS", Some(next)),
            Reason::RegistryProtocol => (Reason::SigningServiceMismatch, "answers what is no answer", None),
            _ => return fault,
        };
        let message = format!("{} {what}, so there is no {}", self.name(), without_article(self.role.gives()));
        let mut whole = Fault::new(reason, message);
        if let Some(difference) = fault.difference() {
            whole = whole.expected(difference.expected.clone(), difference.found.clone());
        }
        if let Some(hint) = hint {
            whole = whole.hint(hint);
        }
        whole.caused_by(fault)
    }
}

fn without_article(words: &str) -> &str {
    words.split_once(' ').map_or(words, |(_, rest)| rest)
}

/// A question with a body.
pub(crate) fn post(url: Url, content_type: &'static str, accept: &'static str, body: Bytes) -> Request {
    let mut request = Request::new(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    *request.body_mut() = Some(Body::from(body));
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_behind_tls_or_on_this_machine() {
        for (text, at) in [
            ("https://fulcio.example", "https://fulcio.example/api"),
            ("https://fulcio.example/", "https://fulcio.example/api"),
            ("https://sigstore.example:8443/fulcio/", "https://sigstore.example:8443/fulcio/api"),
            ("http://127.0.0.1:5555", "http://127.0.0.1:5555/api"),
            ("http://localhost:5555", "http://localhost:5555/api"),
        ] {
            assert_eq!(text.parse::<ServiceUrl>().expect(text).at("/api").as_str(), at);
        }
        for text in [
            "",
            "fulcio.example",
            "http://fulcio.example",
            "http://10.0.0.1",
            "ftp://fulcio.example",
            "https://user:hunter2@fulcio.example",
            "https://fulcio.example/?a=hunter2",
            "https://fulcio.example/#a",
        ] {
            let fault = text.parse::<ServiceUrl>().expect_err(text);
            assert_eq!(fault.reason(), Reason::Usage, "{text}");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }
}
