//! `Asked`: what a plugin asks for, held to what HTTP is before anything is sent.

use std::fmt;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::limits::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_HOST_BYTES, MAX_SENT_BYTES, MAX_URL_BYTES};
use crate::refused::Refused;

/// The methods that there are. `CONNECT` would open a tunnel past everything that is judged here, and `TRACE` shows what was
/// added on the way.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Headers that are not a plugin's to set: where a message ends, how it is carried, who is on the way, and whom it is for.
const NOT_THEIRS: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-real-ip",
];

/// So begin those of proxies.
const OF_PROXIES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Headers that go along to another origin. Any other may be a secret: `X-Api-Key`, a cookie, a signature.
const HARMLESS: [&str; 5] = ["accept", "accept-language", "content-language", "content-type", "user-agent"];

/// What a plugin asks for.
#[derive(Clone)]
pub struct Asked<'a> {
    /// One of the seven methods.
    pub method: &'a str,
    /// An absolute URL.
    pub url: &'a str,
    /// Names and values, in order.
    pub headers: &'a [(String, String)],
    /// What is sent; of nothing, no body.
    pub body: Vec<u8>,
}

/// The same, read.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Nothing of it but the method: any other part may be a secret.
impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("method", &self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("destination", &self.destination())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// # Errors
    /// What cannot be sent.
    pub(crate) fn read(asked: Asked<'_>) -> Result<Self, Refused> {
        let Asked { method, url, headers, body } = asked;
        let method = METHODS
            .iter()
            .find(|known| known.as_str() == method)
            .ok_or_else(|| no("method", "expected GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"))?;
        if method == Method::HEAD && !body.is_empty() {
            return Err(no("body", "HEAD has none"));
        }
        let (url, headers) = (read_url(url)?, read_headers(headers)?);
        let request = Self { method: method.clone(), url, headers, body: body.into() };
        match request.length() {
            found if found > MAX_SENT_BYTES => {
                let why =
                    format!("expected at most {MAX_SENT_BYTES} bytes with the URL and the headers, found {found}");
                Err(no("body", why))
            }
            _ => Ok(request),
        }
    }

    /// How much is sent, in bytes: whatever a plugin says may be what it knows, in a body or elsewhere.
    pub(crate) fn length(&self) -> usize {
        let header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + ": \r\n".len();
        self.url.as_str().len() + self.headers.iter().map(header).sum::<usize>() + self.body.len()
    }

    /// Scheme, host and port: all of a URL that is shown.
    pub(crate) fn destination(&self) -> String {
        destination(&self.url)
    }

    /// What is asked at `to` after an answer of that status. What was to be stored is sent again only by a status that says
    /// so (RFC 9110, 15.4); another origin gets nothing that may be a secret.
    pub(crate) fn redirected(&self, status: u16, to: Url) -> Self {
        let mut next = Self { url: to, ..self.clone() };
        let becomes_read = match status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if becomes_read {
            next.method = Method::GET;
            next.body = Bytes::new();
            next.headers.remove("content-type");
            next.headers.remove("content-language");
        }
        if next.destination() != self.destination() {
            let names: Vec<HeaderName> = next.headers.keys().cloned().collect();
            for name in names.iter().filter(|name| !HARMLESS.contains(&name.as_str())) {
                next.headers.remove(name);
            }
        }
        next
    }
}

/// Scheme, host and port of a URL.
pub(crate) fn destination(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port_or_known_default() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Host and port of a URL, as a server is told which of its names is meant.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL, if it is one that somebody is asked by. What follows `#` is nobody else's.
pub(crate) fn read_url(text: &str) -> Result<Url, Refused> {
    if text.len() > MAX_URL_BYTES {
        return Err(no("URL", format!("expected at most {MAX_URL_BYTES} bytes, found {}", text.len())));
    }
    // `Url` takes tabs and line breaks away, as browsers do: whoever writes them means something else.
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(no("URL", "it has a blank or a control character"));
    }
    let mut url = Url::parse(text).map_err(|error| no("URL", error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(no("URL", "expected https:// or http:// and a host"));
    }
    if let Some(found) = url.host_str().map(str::len).filter(|length| *length > MAX_HOST_BYTES) {
        return Err(no("URL", format!("expected a host of at most {MAX_HOST_BYTES} bytes, found {found}")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(no("URL", "it has a login, which belongs into a header"));
    }
    url.set_fragment(None);
    Ok(url)
}

fn read_headers(headers: &[(String, String)]) -> Result<HeaderMap, Refused> {
    if headers.len() > MAX_HEADERS {
        return Err(no("headers", format!("expected at most {MAX_HEADERS}, found {}", headers.len())));
    }
    let mut read = HeaderMap::new();
    for (name, value) in headers {
        // The name is not repeated where it is none: it may hold what somebody took for a value.
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| no("headers", "a name is no token (RFC 9110)"))?;
        // As whoever hands headers on in variables (CGI, WSGI) reads them: there `_` and `-` are one.
        let read_as = name.as_str().replace('_', "-");
        if NOT_THEIRS.contains(&read_as.as_str()) || OF_PROXIES.iter().any(|prefix| read_as.starts_with(prefix)) {
            return Err(no("headers", format!("`{name}` is the host's to set")));
        }
        if value.len() > MAX_HEADER_BYTES {
            let found = value.len();
            return Err(no("headers", format!("`{name}`: expected at most {MAX_HEADER_BYTES} bytes, found {found}")));
        }
        // The library takes any bytes above ASCII, which servers read in several ways.
        let value = HeaderValue::from_str(value).ok().filter(|_| value.is_ascii());
        let value = value.ok_or_else(|| no("headers", format!("`{name}`: expected visible ASCII, blanks and tabs")))?;
        read.append(name, value);
    }
    Ok(read)
}

fn no(part: &'static str, why: impl Into<String>) -> Refused {
    Refused::NoRequest { part, why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, url: &str, headers: &[(&str, &str)], body: usize) -> Result<Request, String> {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::read(Asked { method, url, headers: &headers, body: vec![b'x'; body] }).map_err(|refused| {
            assert_eq!(refused.code(), "invalid_request");
            refused.to_string()
        })
    }

    const URL: &str = "https://a.test/x?token=hunter2";

    #[test]
    fn there_are_seven_methods_and_a_body_of_a_bounded_size() {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            read(method, URL, &[], 0).expect(method);
        }
        for method in ["CONNECT", "TRACE", "get", "", "GET ", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "PROPFIND"] {
            assert!(read(method, URL, &[], 0).expect_err(method).starts_with("the method of the request"), "{method}");
        }
        let left = MAX_SENT_BYTES - URL.len();
        read("POST", URL, &[], left - 1).expect("below");
        assert_eq!(read("POST", URL, &[], left).expect("at").length(), MAX_SENT_BYTES);
        read("POST", URL, &[], left + 1).expect_err("above");
        read("HEAD", URL, &[], 1).expect_err("a body of HEAD");
    }

    #[test]
    fn what_headers_and_the_url_take_is_not_there_for_the_body() {
        let value = "v".repeat(MAX_HEADER_BYTES - "x-a".len() - ": \r\n".len());
        let eight = [("X-A", value.as_str()); 8];
        let said = read("GET", URL, &eight, 0).expect_err("the URL is beyond that");
        assert!(said.contains("at most 65536") && said.contains(&(MAX_SENT_BYTES + URL.len()).to_string()), "{said}");
        read("GET", URL, &eight[1..], MAX_HEADER_BYTES - URL.len()).expect("at");
        read("GET", URL, &eight[1..], MAX_HEADER_BYTES - URL.len() + 1).expect_err("above");
    }

    #[test]
    fn a_host_is_no_longer_than_a_name_can_be() {
        let url = |length: usize| format!("https://{}/", "a.".repeat(length).get(..length).expect("ASCII"));
        read("GET", &url(MAX_HOST_BYTES), &[], 0).expect("at");
        let said = read("GET", &url(MAX_HOST_BYTES + 1), &[], 0).expect_err("above");
        assert!(said.contains("a host of at most 253 bytes, found 254"), "{said}");
    }

    #[test]
    fn a_url_is_absolute_and_holds_no_login_and_nothing_of_it_is_repeated() {
        let long = |length: usize| format!("https://a.test/{}", "x".repeat(length - "https://a.test/".len()));
        read("GET", &long(MAX_URL_BYTES), &[], 0).expect("at");
        for url in [
            "/x?token=hunter2",
            "https://?token=hunter2",
            "file:///etc/passwd?hunter2",
            "https://user:hunter2@a.test/",
            "https://hunter2@a.test/",
            "https://a.test/\r\nX-hunter2: 1",
            "https://a.test/ hunter2",
            "https://a.test/\thunter2",
            "https://a.test:99999/hunter2",
            "https://[::1/hunter2",
            &long(MAX_URL_BYTES + 1),
        ] {
            let said = read("GET", url, &[], 0).expect_err(url);
            assert!(said.starts_with("the URL of the request") && !said.contains("hunter2"), "{said}");
        }
        assert_eq!(read("GET", "https://a.test/x#secret", &[], 0).expect("read").url.as_str(), "https://a.test/x");
    }

    #[test]
    fn a_header_says_nothing_of_the_message_and_ends_where_it_ends() {
        for name in NOT_THEIRS.into_iter().chain([
            "Host",
            "TRANSFER-ENCODING",
            "Proxy-Authorization",
            "proxy-x",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "x-forwarded-proto",
            "Content_Length",
            "transfer_encoding",
            "X_Forwarded_For",
            "x-real_ip",
        ]) {
            let said = read("GET", URL, &[(name, "hunter2")], 0).expect_err(name);
            assert!(said.contains("is the host's to set") && !said.contains("hunter2"), "{said}");
        }
        for (name, value) in [
            ("X-A", "hunter2\r\nHost: b.test"),
            ("X-A", "hunter2\nX: y"),
            ("X-A", "hunter2\0"),
            ("X-A", "hunter2\u{7f}"),
            ("X-A", "hunter2 é"),
            ("X A", "hunter2"),
            ("X-A: hunter2\r\nY", "x"),
            ("", "hunter2"),
            ("X-é", "hunter2"),
        ] {
            let said = read("GET", URL, &[(name, value)], 0).expect_err(value);
            assert!(said.starts_with("the headers of the request") && !said.contains("hunter2"), "{said}");
        }
        read("GET", URL, &[("api_key", "v")], 0).expect("one that is nobody else's");
        let value = "v".repeat(MAX_HEADER_BYTES);
        read("GET", URL, &[("X-A", &value)], 0).expect("at");
        read("GET", URL, &[("X-A", &format!("{value}v"))], 0).expect_err("above");
        let many = vec![("X-A", "v"); MAX_HEADERS + 1];
        assert_eq!(read("GET", URL, &many[1..], 0).expect("at").headers.len(), MAX_HEADERS);
        read("GET", URL, &many, 0).expect_err("above");
    }

    #[test]
    fn another_origin_gets_no_secret_and_what_was_to_be_stored_is_not_sent_to_where_one_reads() {
        let headers = [
            ("Authorization", "hunter2"),
            ("Cookie", "hunter2"),
            ("X-Api-Key", "hunter2"),
            ("Accept", "a/b"),
            ("Accept", "c/d"),
            ("Content-Type", "e/f"),
        ];
        let asked = read("POST", URL, &headers, 3).expect("read");
        let to = |url: &str| Url::parse(url).expect(url);
        let same = asked.redirected(307, to("https://a.test:443/y"));
        assert_eq!((same.method.as_str(), same.body.len(), same.headers.len()), ("POST", 3, 6));
        for other in ["https://b.test/", "https://a.test:444/", "http://a.test/", "https://a.test./"] {
            let next = asked.redirected(308, to(other));
            let mut names: Vec<_> = next.headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, ["accept", "accept", "content-type"], "{other}");
            assert_eq!((next.method.as_str(), next.body.len()), ("POST", 3));
        }
        for (method, status, becomes) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("PUT", 302, "PUT"),
            ("DELETE", 301, "DELETE"),
            ("POST", 307, "POST"),
        ] {
            let body = usize::from(method != "HEAD");
            for place in ["https://a.test/", "https://b.test/"] {
                let next = read(method, URL, &headers, body).expect("read").redirected(status, to(place));
                assert_eq!(next.method.as_str(), becomes, "{method} {status}");
                let is_kept = method == becomes;
                assert_eq!(!next.body.is_empty(), is_kept && body > 0, "{method} {status}");
                assert_eq!(next.headers.contains_key("content-type"), is_kept, "{method} {status}");
            }
        }
    }
}
