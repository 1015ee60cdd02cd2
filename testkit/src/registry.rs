//! `Registry`: a real registry on this machine that misbehaves on demand, and remembers who asked
//! what.
//!
//! It runs on a thread with a runtime of its own, so that synchronous tests can use it too. Behind
//! the script stands `aisoc_registry_server`: what no rule touches works. A second listener
//! plays the host that must never see credentials.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_registry_server::{self as server, ServeOptions, Store};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

mod answers;
mod login;
mod perform;
mod script;
mod state;
mod tokens;

use answers::{answer, drained, oci_error};
pub use login::{Login, TokenService};
use perform::Reply;
use script::Side;
pub use script::{Act, Rule};
pub use state::Seen;
use state::{Shared, State};

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

impl Registry {
    /// A registry that behaves.
    pub fn start() -> Self {
        Self::with_rules(Vec::new())
    }

    /// A registry with a script. The first rule that matches and is not used up applies.
    pub fn with_rules(rules: Vec<Rule>) -> Self {
        let store = tempfile::tempdir().expect("a directory for the registry");
        let registry = server::Registry::new(Store::open(store.path()).expect("a store"), ServeOptions::default());
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

impl Shared {
    async fn elsewhere(&self, mut request: Request<Incoming>) -> Reply {
        self.state().seen_elsewhere.push(Seen::of(&request));
        let whole = request.uri().to_string();
        *request.uri_mut() = whole.strip_prefix("/elsewhere").unwrap_or(&whole).parse().expect("a path");
        let act = self.act(Side::Elsewhere, request.method(), request.uri().path());
        self.perform(act, request).await
    }

    async fn home(&self, request: Request<Incoming>) -> Reply {
        let seen = Seen::of(&request);
        self.state().seen.push(seen.clone());
        if seen.path == "/token" {
            return match self.token_act(&seen) {
                None => Ok(self.give_token(&seen, request).await),
                act => self.perform(act, request).await,
            };
        }
        if let Some(challenge) = self.challenge(&seen) {
            let hides = seen.authorization.is_none() && seen.path != "/v2/";
            if let Some(status) = self.hidden(&seen.path).filter(|_| hides) {
                return Ok(drained(request, answer(status, &[], oci_error("DENIED"))).await);
            }
            let headers = [("www-authenticate", challenge)];
            return Ok(drained(request, answer(401, &headers, oci_error("UNAUTHORIZED"))).await);
        }
        let act = self.act(Side::Home, request.method(), request.uri().path());
        self.perform(act, request).await
    }
}

/// A digest that nothing has.
pub fn lie() -> String {
    Digest::of(b"a lie").to_string()
}
