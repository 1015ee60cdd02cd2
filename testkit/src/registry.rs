//! `Registry`: a real registry on this machine that misbehaves on demand, and remembers who asked
//! what.
//!
//! It runs on a thread with a runtime of its own, so that synchronous tests can use it too. Behind
//! the script stands `aisoc_registry_client::serve`: what no rule touches works. A second listener
//! plays the host that must never see credentials.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::serve::{self, Body, ServeOptions, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A registry that does what the script says.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    elsewhere: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _store: TempDir,
}

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What follows the `?`.
    pub query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
}

/// A rule: what to do with requests of that method and path.
#[derive(Debug, Clone)]
pub struct Rule {
    method: Option<Method>,
    path: String,
    times: usize,
    act: Act,
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers that status with an OCI error body.
    Status(u16),
    /// Answers that status with those headers and that body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers 200 with a web page.
    Html,
    /// Sends other bytes of the same length.
    OtherBytes,
    /// Announces the whole body and breaks off after so many bytes.
    CutAfter(usize),
    /// Sends so many bytes, then nothing, without hanging up.
    StallAfter(usize),
    /// Sends one byte per pause.
    Drip(Duration),
    /// Sends the body and never stops.
    Endless,
    /// Answers a `Range` with the whole.
    IgnoreRange,
    /// Answers a `Range` with another one.
    WrongRange,
    /// Sends that header instead of, or besides, the right one; an empty value removes it.
    Header(&'static str, String),
    /// Redirects to the other listener, which has the same content.
    RedirectElsewhere,
    /// Redirects to that URL.
    RedirectTo(String),
    /// Opens upload sessions at the other listener.
    UploadElsewhere,
    /// Opens upload sessions at an absolute URL of its own, with a query, as other registries do.
    UploadAbsolute,
    /// Never answers.
    Silence,
}

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// Everybody may do everything.
    #[default]
    None,
    /// With this user name and password.
    Basic(&'static str, &'static str),
    /// With a token from the token service.
    Bearer(TokenService),
}

/// How the token service behaves.
#[derive(Debug, Clone, Default)]
pub struct TokenService {
    /// The only user and password that it knows.
    pub user: Option<(&'static str, &'static str)>,
    /// The only identity token that it knows.
    pub identity_token: Option<&'static str>,
    /// Whether tokens for reading are given to everybody.
    pub anonymous_pull: bool,
    /// The realm that the challenge names, when it is not the registry's own service.
    pub realm: Option<String>,
    /// How often a token is accepted; 0 for always.
    pub uses_per_token: usize,
}

#[derive(Debug)]
struct Shared {
    registry: serve::Registry,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    login: Login,
    tokens: Vec<Token>,
    seen: Vec<Seen>,
    seen_elsewhere: Vec<Seen>,
    address: String,
    elsewhere: String,
}

#[derive(Debug)]
struct Token {
    text: String,
    scope: String,
    uses: usize,
}

impl Registry {
    /// A registry that behaves.
    pub fn start() -> Self {
        Self::with_rules(Vec::new())
    }

    /// A registry with a script. The first rule that matches and is not used up applies.
    pub fn with_rules(rules: Vec<Rule>) -> Self {
        let store = tempfile::tempdir().expect("a directory for the registry");
        let registry = serve::Registry::new(Store::open(store.path()).expect("a store"), ServeOptions::default());
        let shared = Arc::new(Shared { registry, state: Mutex::new(State { rules, ..State::default() }) });
        let (listener, address) = listen();
        let (other, elsewhere) = listen();
        {
            let mut state = shared.state();
            state.address = address.to_string();
            state.elsewhere = elsewhere.to_string();
        }
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(&shared, listener, other, stopped)
        });
        Self { address, elsewhere, shared, stop: Some(stop), thread: Some(thread), _store: store }
    }

    /// Asks for a login from now on.
    #[must_use]
    pub fn login(self, login: Login) -> Self {
        self.shared.state().login = login;
        self
    }

    /// Replaces the script.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.shared.state().rules = rules;
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `127.0.0.1:PORT` of the host that must never see credentials.
    pub fn elsewhere(&self) -> String {
        self.elsewhere.to_string()
    }

    /// `127.0.0.1:PORT/REST`, a reference.
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }

    /// What arrived since the last [`Registry::forget`], in order.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// What arrived at the other listener.
    pub fn requests_elsewhere(&self) -> Vec<Seen> {
        self.shared.state().seen_elsewhere.clone()
    }

    /// Empties both logs.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.seen.clear();
        state.seen_elsewhere.clear();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Rule {
    /// Applies to every request whose path contains `path`.
    pub fn on(path: &str, act: Act) -> Self {
        Self { method: None, path: path.to_owned(), times: usize::MAX, act }
    }

    /// Applies to this method only.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.parse().expect("a method")), ..self }
    }

    /// Applies so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

impl Seen {
    fn of(request: &Request<Incoming>) -> Self {
        let header = |name: HeaderName| {
            request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            authorization: header(AUTHORIZATION),
            range: header(hyper::header::RANGE),
        }
    }
}

fn listen() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener for the runtime");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn run(shared: &Arc<Shared>, home: std::net::TcpListener, other: std::net::TcpListener, stop: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            () = accept(home, Arc::clone(shared), Side::Home) => {}
            () = accept(other, Arc::clone(shared), Side::Elsewhere) => {}
            _ = stop => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Home,
    Elsewhere,
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>, side: Side) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move {
                match side {
                    Side::Home => shared.home(request).await,
                    Side::Elsewhere => shared.elsewhere(request).await,
                }
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// No answer at all: the connection is closed.
type Reply = Result<Response<Body>, io::Error>;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn elsewhere(&self, mut request: Request<Incoming>) -> Reply {
        self.state().seen_elsewhere.push(Seen::of(&request));
        let path = request.uri().path().strip_prefix("/elsewhere").unwrap_or("/").to_owned();
        *request.uri_mut() = path.parse().expect("a path");
        Ok(self.registry.answer(request).await)
    }

    async fn home(&self, request: Request<Incoming>) -> Reply {
        let seen = Seen::of(&request);
        self.state().seen.push(seen.clone());
        if seen.path == "/token" {
            return Ok(self.give_token(&seen, request).await);
        }
        if let Some(challenge) = self.challenge(&seen) {
            let headers = [("www-authenticate", challenge)];
            return Ok(drained(request, answer(401, &headers, oci_error("UNAUTHORIZED"))).await);
        }
        let act = self.act(request.method(), request.uri().path());
        self.perform(act, request).await
    }

    fn act(&self, method: &Method, path: &str) -> Option<Act> {
        let mut state = self.state();
        let rule = state.rules.iter_mut().find(|rule| {
            rule.times > 0 && path.contains(&rule.path) && rule.method.as_ref().is_none_or(|only| only == method)
        })?;
        rule.times -= 1;
        Some(rule.act.clone())
    }

    async fn perform(&self, act: Option<Act>, mut request: Request<Incoming>) -> Reply {
        let elsewhere = format!("http://{}/elsewhere", self.state().elsewhere);
        let path = request.uri().path().to_owned();
        match act {
            None => Ok(self.registry.answer(request).await),
            Some(Act::Status(status)) => Ok(drained(request, answer(status, &[], oci_error("TOOBAD"))).await),
            Some(Act::Answer(status, headers, body)) => Ok(drained(request, answer(status, &headers, body)).await),
            Some(Act::Html) => {
                let headers = [("content-type", "text/html; charset=utf-8".to_owned())];
                let page = b"<!doctype html><title>Log in</title>".to_vec();
                Ok(drained(request, answer(200, &headers, page)).await)
            }
            Some(Act::RedirectElsewhere) => Ok(answer(307, &[("location", format!("{elsewhere}{path}"))], vec![])),
            Some(Act::RedirectTo(location)) => Ok(answer(307, &[("location", location)], vec![])),
            Some(Act::Silence) => std::future::pending().await,
            Some(Act::IgnoreRange) => {
                request.headers_mut().remove(hyper::header::RANGE);
                Ok(self.registry.answer(request).await)
            }
            Some(act) => Ok(self.distort(act, self.registry.answer(request).await, &elsewhere).await),
        }
    }

    /// Changes a right answer into a wrong one.
    async fn distort(&self, act: Act, response: Response<Body>, elsewhere: &str) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let cut = |after: usize| bytes.slice(..after.min(bytes.len()));
        let length = HeaderValue::from(bytes.len());
        let body = match act {
            Act::OtherBytes => full(bytes.iter().map(|byte| byte ^ 1).collect()),
            Act::CutAfter(after) => {
                head.headers.insert("content-length", length);
                chunks(vec![Ok(cut(after)), Err(io::Error::other("cut"))])
            }
            Act::StallAfter(after) => {
                head.headers.insert("content-length", length);
                let stalled = stream::iter([Ok(cut(after))]).chain(stream::pending());
                StreamBody::new(stalled.map(|chunk: io::Result<Bytes>| chunk.map(Frame::data))).boxed_unsync()
            }
            Act::Drip(pause) => {
                head.headers.insert("content-length", length);
                drip(bytes, pause)
            }
            Act::Endless => {
                head.headers.remove("content-length");
                let more =
                    stream::iter([Ok(bytes)]).chain(stream::repeat_with(|| Ok(Bytes::from_static(&[0; 65_536]))));
                StreamBody::new(more.map(|chunk: io::Result<Bytes>| chunk.map(Frame::data))).boxed_unsync()
            }
            Act::WrongRange => {
                head.headers.insert("content-range", HeaderValue::from_static("bytes 1-2/3"));
                full(bytes.to_vec())
            }
            Act::Header(name, value) => {
                set(&mut head.headers, name, &value);
                full(bytes.to_vec())
            }
            Act::UploadElsewhere | Act::UploadAbsolute => {
                let own = format!("http://{}", self.state().address);
                let host = if matches!(act, Act::UploadElsewhere) { elsewhere } else { &own };
                if let Some(path) = head.headers.get("location").and_then(|path| path.to_str().ok()) {
                    let location = format!("{host}{path}?_state=a%2Bb");
                    set(&mut head.headers, "location", &location);
                }
                full(bytes.to_vec())
            }
            _ => full(bytes.to_vec()),
        };
        Response::from_parts(head, body)
    }

    /// The challenge for a request that may not pass.
    fn challenge(&self, seen: &Seen) -> Option<String> {
        let mut state = self.state();
        match state.login.clone() {
            Login::None => None,
            Login::Basic(user, password) => {
                let right = basic(user, password);
                (seen.authorization.as_ref() != Some(&right)).then(|| "Basic realm=\"test\"".to_owned())
            }
            Login::Bearer(service) => {
                let needed = if matches!(seen.method.as_str(), "GET" | "HEAD") { "pull" } else { "push" };
                if state.spend(seen.authorization.as_deref(), needed, service.uses_per_token) {
                    return None;
                }
                let realm = service.realm.unwrap_or_else(|| format!("http://{}/token", state.address));
                Some(format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:other:delete\""))
            }
        }
    }

    async fn give_token(&self, seen: &Seen, request: Request<Incoming>) -> Response<Body> {
        let Login::Bearer(service) = self.state().login.clone() else {
            return answer(404, &[], vec![]);
        };
        let is_post = request.method() == Method::POST;
        let form = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let form = String::from_utf8_lossy(&form).into_owned();
        let fields = if is_post { &form } else { &seen.query };
        let field = |name: &str| {
            let value = fields.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            value.unwrap_or_default().replace("%3A", ":").replace("%2C", ",").replace("%2F", "/")
        };
        let scope = field("scope");
        let known = match (&seen.authorization, is_post) {
            (_, true) => service.identity_token == Some(&field("refresh_token")) && field("client_id") == "aisoc",
            (Some(given), false) => service.user.is_some_and(|(user, password)| *given == basic(user, password)),
            (None, false) => service.anonymous_pull && scope.ends_with(":pull"),
        };
        if !known {
            return answer(401, &[], oci_error("UNAUTHORIZED"));
        }
        let mut state = self.state();
        let text = format!("token-{}", state.tokens.len());
        state.tokens.push(Token { text: text.clone(), scope, uses: 0 });
        let name = if is_post { "access_token" } else { "token" };
        answer(200, &[], format!(r#"{{"{name}":"{text}","expires_in":300}}"#).into_bytes())
    }
}

impl State {
    /// Whether the header holds a token that still allows this.
    fn spend(&mut self, authorization: Option<&str>, needed: &str, limit: usize) -> bool {
        let Some(text) = authorization.and_then(|header| header.strip_prefix("Bearer ")) else {
            return false;
        };
        let Some(token) = self.tokens.iter_mut().find(|token| token.text == text) else {
            return false;
        };
        token.uses += 1;
        token.scope.contains(needed) && (limit == 0 || token.uses <= limit)
    }
}

/// A body whose sender is heard out first: hanging up on it would hide the answer.
async fn drained(request: Request<Incoming>, response: Response<Body>) -> Response<Body> {
    drop(request.into_body().collect().await);
    response
}

fn answer(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        set(response.headers_mut(), name, value);
    }
    response
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.remove(name);
    if !value.is_empty() {
        headers.insert(name, value.parse().expect("a header value"));
    }
}

fn oci_error(code: &str) -> Vec<u8> {
    format!(r#"{{"errors":[{{"code":"{code}","message":"as the script\u001b[31m says"}}]}}"#).into_bytes()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

fn chunks(chunks: Vec<io::Result<Bytes>>) -> Body {
    // The pause lets the bytes before a cut arrive before the cut does.
    let spaced = stream::iter(chunks).then(|chunk| async {
        if chunk.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        chunk.map(Frame::data)
    });
    StreamBody::new(spaced).boxed_unsync()
}

fn drip(bytes: Bytes, pause: Duration) -> Body {
    let single = stream::iter(0..bytes.len()).then(move |at| {
        let byte = bytes.slice(at..=at);
        async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(byte))
        }
    });
    StreamBody::new(single).boxed_unsync()
}

/// A digest that nothing has.
pub fn lie() -> String {
    Digest::of(b"a lie").to_string()
}
