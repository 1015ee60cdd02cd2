//! One question to a timestamp authority (RFC 3161, 3.4), and one answer, which is nobody's word until it is judged.

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Request, Response, Url};
use tokio::time::timeout;

use super::broken::BodyError;
use super::origin::{authority, is_loopback};
use super::pulse::Pulse;
use super::status::{Place, Standing};
use super::wire::Wire;
use crate::limits::MAX_TIMESTAMP_ANSWER_BYTES;
use crate::options::ClientOptions;

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// Asks the authority at that URL, once and without a login, within the time for one exchange. The answer leads nowhere
/// else: what is asked is a digest, and who was named is the one who answers.
///
/// # Errors
/// `usage` for what is no URL that may be asked; `redirect_refused`, `registry_protocol` for another type and for more than
/// any answer has; what the network and the status come to.
pub async fn ask_for_timestamp(url: &str, query: Vec<u8>, options: &ClientOptions) -> Result<Vec<u8>> {
    let url = asked(url)?;
    let wire = Wire::new(&url, options);
    let most = wire.longest_exchange();
    let late = |_| Err(wire.late(&format!("`{}` gave no timestamp", authority(&url)), most));
    timeout(most, Box::pin(exchange(&wire, &url, query))).await.unwrap_or_else(late)
}

/// Whether an authority may be asked at that URL, which says it before anything is signed.
///
/// # Errors
/// `usage`.
pub fn check_timestamp_url(url: &str) -> Result<()> {
    asked(url).map(drop)
}

fn asked(text: &str) -> Result<Url> {
    let usage = |what: &str| {
        Fault::new(Reason::Usage, format!("a timestamp authority {what}"))
            .hint("name it as `--timestamp https://HOST/PATH`, or fetch its answer yourself and name that file")
    };
    let url = Url::parse(text).map_err(|error| usage("is named by a URL").caused_by(error))?;
    if !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
        return Err(usage("is asked without a login"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        scheme => Err(usage("is asked over TLS, but on this machine").expected("https", scheme)),
    }
}

async fn exchange(wire: &Wire, url: &Url, query: Vec<u8>) -> Result<Vec<u8>> {
    let mut request = Request::new(Method::POST, url.clone());
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(QUERY));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(REPLY));
    *request.body_mut() = Some(Body::from(query));
    let mut response = wire.exchange(request, &Pulse::start()).await.map_err(|broken| broken.fault)?;
    let place = authority(url);
    let status = response.status();
    let refused = |reason| Err(Fault::new(reason, format!("the timestamp authority `{place}` answered {status}")));
    match Standing::of(status) {
        Standing::Done => {}
        Standing::Elsewhere => return refused(Reason::RedirectRefused),
        // It has no repositories that could be missing.
        Standing::Absent => return refused(Reason::RegistryProtocol),
        standing => return refused(standing.reason(Place::Registry)),
    }
    if !is_reply(response.headers()) {
        let message = format!("the timestamp authority `{place}` answers with something else than a timestamp");
        return Err(Fault::new(Reason::RegistryProtocol, message).expected(REPLY, "another media type"));
    }
    read(wire, &mut response, &place).await
}

fn is_reply(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    named.split(';').next().is_some_and(|named| named.trim().eq_ignore_ascii_case(REPLY))
}

async fn read(wire: &Wire, response: &mut Response, place: &str) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match wire.chunk(response).await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_TIMESTAMP_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Ok(Some(_)) => {
                let message = format!("the timestamp authority `{place}` sends more than any timestamp needs");
                return Err(Fault::new(Reason::RegistryProtocol, message)
                    .expected(format!("at most {MAX_TIMESTAMP_ANSWER_BYTES} bytes"), "more"));
            }
            Err(BodyError::Overdue(fault)) => return Err(fault),
            Err(BodyError::Cut(_) | BodyError::Silent) => {
                let message = format!("the timestamp authority `{place}` stopped in the middle of an answer");
                return Err(Fault::new(Reason::RegistryUnavailable, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_asked_over_tls_but_on_this_machine() {
        for url in ["https://time.test/tsr", "http://127.0.0.1:3161/", "http://localhost/tsr", "http://[::1]:80/"] {
            asked(url).unwrap_or_else(|fault| panic!("{url}: {fault}"));
        }
        for url in ["http://time.test/", "ftp://time.test/", "https://user:word@time.test/", "time.test", "https://"] {
            assert_eq!(asked(url).expect_err(url).reason(), Reason::Usage, "{url}");
        }
    }

    #[test]
    fn an_answer_says_that_it_is_a_timestamp() {
        for (named, is_one) in [
            (REPLY, true),
            ("Application/Timestamp-Reply; charset=binary", true),
            ("application/timestamp-query", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(named))]);
            assert_eq!(is_reply(&headers), is_one, "{named}");
        }
        assert!(!is_reply(&HeaderMap::new()));
    }
}
