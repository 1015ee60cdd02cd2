//! One request over one connection, which is judged before anything is sent: a socket by who listens at it, a server by its
//! certificate.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;

use aisoc_manifests::address::LOCALHOST;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use tokio::net::UnixStream;
use url::Url;

use super::unanswered::Unanswered;
use crate::asked::{authority, destination};
use crate::exchange::{AGENT, Connected, Exchange, Seen, Unconnected, Written, connect};
use crate::limits::MAX_PROVIDED_BYTES;
use crate::resolver::{Judged, Side, system};

/// How the socket is called in words: its path stands in the configuration.
const SOCKET: &str = "unix:";
const JSON: &str = "application/json";

/// Where it is asked.
pub(super) enum To {
    /// This very socket, whatever its path leads to by now.
    Socket(OwnedFd),
    /// A server, over TLS.
    Server(Url, Arc<ClientConfig>),
}

/// Asks. A redirect leads nowhere, as any other status than 200 does.
pub(super) async fn ask(to: To, token: Option<HeaderValue>, body: Bytes) -> Result<Vec<u8>, Unanswered> {
    let (mut exchange, request) = match to {
        To::Socket(socket) => {
            (Exchange::over(SOCKET, known(&socket).await?).await?, written("/", LOCALHOST, token, body))
        }
        To::Server(url, tls) => {
            let judged = Judged { side: Side::Inside, lookup: system };
            let exchange = Exchange::begin(&destination(&url), connect(&url, judged, Some(tls))).await?;
            (exchange, written(url.path(), &authority(&url), token, body))
        }
    };
    let (head, body) = exchange.ask(request).await?.into_parts();
    if head.status != 200 {
        return Err(Unanswered::Status { status: head.status.as_u16() });
    }
    Ok(exchange.body(body, MAX_PROVIDED_BYTES, &Seen::default()).await?)
}

/// Connects to a socket at which root or this user listens: who may write its directory is not who may answer for it.
async fn known(socket: &OwnedFd) -> Result<Connected, Unanswered> {
    let unconnected =
        |error: std::io::Error| Unanswered::Unreached { why: format!("`{SOCKET}` cannot be asked: {error}") };
    let connected = UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await;
    let stream = connected.map_err(unconnected)?;
    let (user, own) = (stream.peer_cred().map_err(unconnected)?.uid(), aisoc_files::effective_user());
    if user == 0 || user == own {
        return Ok(Connected::plain(stream));
    }
    Err(Unanswered::Socket { why: format!("user {user} listens at the socket, and neither root nor user {own}") })
}

fn written(path: &str, host: &str, token: Option<HeaderValue>, body: Bytes) -> Result<Written, Unconnected> {
    let mut written = Request::post(path).body(Full::new(body))?;
    let headers = written.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(host)?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in [(USER_AGENT, AGENT), (CONTENT_TYPE, JSON), (ACCEPT, JSON)] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, token);
    }
    Ok(written)
}
