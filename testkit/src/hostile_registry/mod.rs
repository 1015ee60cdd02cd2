//! `HostileRegistry`: a registry that means harm, byte by byte, and what came of it.
//!
//! It is at home at one address, where it asks for a login that its client has, so that there is always a password
//! and a token that could go astray. What no deed is named for, it answers as it should. Two more listeners look
//! on: *elsewhere*, another port of the same machine, which a loopback registry may lead to, and *inside*, another
//! address, where nobody may be led. An attack fails when either of them hears of a login: an `Authorization`
//! header, a cookie, the password in any form, or the token.
//!
//! Every connection carries one request, so that connections are counted and not guessed.

mod attacked;
mod content;
mod deeds;
mod line;

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

pub use attacked::{Attacked, Ended};
use attacked::{differences, tree};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use content::Content;
pub use deeds::{Deed, drips, endless, in_turn, leads_to, raw, resets, says, stalls, unmeasured};
pub use line::Line;
use line::{Places, Record};

use crate::{by_hand, tls};

/// The user of whoever is attacked.
pub const USER: &str = "ada";
/// The user's password.
pub const PASSWORD: &str = "analytical-engine-1843";
/// What the token service gives for it.
pub const TOKEN: &str = "token-of-the-difference-engine";

/// A deed, and for which requests it is.
#[derive(Debug)]
struct Rule {
    method: &'static str,
    path: String,
    /// Whether it is done to those who show no login too.
    to_anybody: bool,
    done: AtomicUsize,
    deed: Deed,
}

/// What the threads of a registry share.
#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Vec<Arc<Rule>>>,
    rules_elsewhere: Mutex<Vec<Arc<Rule>>>,
    content: Mutex<Content>,
    places: Mutex<Places>,
    home: Arc<Record>,
    elsewhere: Arc<Record>,
    inside: Arc<Record>,
    /// Connections that were made where TLS is spoken.
    front: AtomicUsize,
}

/// Which listener is asked.
#[derive(Debug, Clone, Copy)]
enum Side {
    Home,
    Elsewhere,
    Inside,
}

/// A registry that means harm.
#[derive(Debug)]
pub struct HostileRegistry {
    shared: Arc<Shared>,
    /// Whether clients come to where TLS is spoken.
    speaks_tls: bool,
}

impl HostileRegistry {
    /// One that holds this and does no harm yet.
    pub fn holding(content: Content) -> Self {
        let shared = Arc::new(Shared { content: Mutex::new(content), ..Shared::default() });
        let listen = |place, side| {
            let shared = Arc::clone(&shared);
            by_hand::accept(place, move |stream| shared.talk(side, stream)).to_string()
        };
        let places = Places {
            home: listen("127.0.0.1:0", Side::Home),
            elsewhere: listen("127.0.0.1:0", Side::Elsewhere),
            inside: listen("127.0.0.2:0", Side::Inside),
            scheme: "http",
        };
        *lock(&shared.places) = places;
        Self { shared, speaks_tls: false }
    }

    /// Does that to logged-in requests of that method (`*` for any) whose path has `path` in it.
    #[must_use]
    pub fn on(self, method: &'static str, path: &str, deed: Deed) -> Self {
        lock(&self.shared.rules).push(Rule::new(method, path, false, deed));
        self
    }

    /// The same to whoever asks, with a login or without one.
    #[must_use]
    pub fn at_once(self, method: &'static str, path: &str, deed: Deed) -> Self {
        lock(&self.shared.rules).push(Rule::new(method, path, true, deed));
        self
    }

    /// Does that at the other listener.
    #[must_use]
    pub fn elsewhere(self, method: &'static str, path: &str, deed: Deed) -> Self {
        lock(&self.shared.rules_elsewhere).push(Rule::new(method, path, true, deed));
        self
    }

    /// Asks for the login so, in place of how it should: header lines of a 401.
    #[must_use]
    pub fn challenging(self, lines: &str) -> Self {
        let lines = lines.to_owned();
        let deed = Deed::new(move |line| match shows_login(line) {
            true => line.say("403 Forbidden", b""),
            false => line.say(&format!("401 Unauthorized\n{lines}"), b""),
        });
        self.at_once("*", "/v2/", deed)
    }

    /// Is at home at another address, where it speaks TLS with the certificate of that name.
    #[must_use]
    pub fn over_tls(self, certificate: &str) -> Self {
        self.over_tls_with_key_of(certificate, certificate)
    }

    /// The same with the key of another certificate.
    #[must_use]
    pub fn over_tls_with_key_of(self, key: &str, certificate: &str) -> Self {
        let server = tls::serve_with_key_of(key, certificate, &self.home()).to_string();
        let shared = Arc::clone(&self.shared);
        let front = by_hand::accept("127.0.0.1:0", move |stream| {
            shared.front.fetch_add(1, Ordering::SeqCst);
            hand_on(stream, &server)
        });
        let mut places = lock(&self.shared.places);
        (places.home, places.scheme) = (front.to_string(), "https");
        drop(places);
        Self { speaks_tls: true, ..self }
    }

    /// `127.0.0.1:PORT`, where it is at home.
    pub fn home(&self) -> String {
        lock(&self.shared.places).home.clone()
    }

    /// `127.0.0.1:PORT` of the other listener.
    pub fn other(&self) -> String {
        lock(&self.shared.places).elsewhere.clone()
    }

    /// Everything that was said to it at home: heads and bodies of requests.
    pub fn heard(&self) -> String {
        self.shared.home.heard()
    }

    /// Lets somebody run into it, and looks at what comes of that below `watched`. No login is heard by the other
    /// listeners, and none is shown.
    #[track_caller]
    pub fn attack(&self, watched: &Path, victim: impl FnOnce() -> Ended) -> Attacked {
        let (before, began) = (tree(watched), Instant::now());
        let ended = victim();
        let (took, shared) = (began.elapsed(), &self.shared);
        for (who, heard) in [("elsewhere", &shared.elsewhere), ("inside", &shared.inside)] {
            heard.settle();
            assert_eq!(login_in(&heard.heard()), None, "{who} was told who asks: {}", heard.heard());
        }
        for secret in secrets() {
            assert!(!ended.shown.contains(&secret), "a secret is shown: {}", ended.shown);
        }
        let inside = shared.inside.connections.load(Ordering::SeqCst);
        assert_eq!(inside, 0, "somebody was led inside: {ended:?}");
        let home = if self.speaks_tls { &shared.front } else { &shared.home.connections };
        Attacked {
            ended,
            read: [&shared.home, &shared.elsewhere].iter().map(|record| record.sent.load(Ordering::SeqCst)).sum(),
            connections: home.load(Ordering::SeqCst),
            elsewhere: shared.elsewhere.connections.load(Ordering::SeqCst),
            took,
            written: differences(&before, &tree(watched)),
            is_elsewhere_said: false,
        }
    }
}

impl Rule {
    fn new(method: &'static str, path: &str, to_anybody: bool, deed: Deed) -> Arc<Self> {
        Arc::new(Self { method, path: path.to_owned(), to_anybody, done: AtomicUsize::new(0), deed })
    }

    fn is_for(&self, line: &Line, is_known: bool) -> bool {
        (self.to_anybody || is_known)
            && (self.method == "*" || self.method == line.method())
            && line.path().contains(&self.path)
    }
}

impl Shared {
    /// One connection, from its first byte to its last.
    fn talk(&self, side: Side, stream: TcpStream) -> io::Result<()> {
        let record = match side {
            Side::Home => &self.home,
            Side::Elsewhere => &self.elsewhere,
            Side::Inside => &self.inside,
        };
        record.connections.fetch_add(1, Ordering::SeqCst);
        record.open.fetch_add(1, Ordering::SeqCst);
        let places = lock(&self.places).clone();
        let done = Line::open(stream, record, places).and_then(|mut line| {
            let done = self.answer(side, &mut line);
            line.part();
            done
        });
        record.open.fetch_sub(1, Ordering::SeqCst);
        done
    }

    fn answer(&self, side: Side, line: &mut Line) -> io::Result<()> {
        let is_home = matches!(side, Side::Home);
        let is_known = !is_home || line.header("authorization") == Some(&format!("Bearer {TOKEN}"));
        let rules = if is_home { &self.rules } else { &self.rules_elsewhere };
        let rule = lock(rules).iter().find(|rule| rule.is_for(line, is_known)).cloned();
        if let Some(rule) = rule {
            line.turn = rule.done.fetch_add(1, Ordering::SeqCst);
            return rule.deed.on(line);
        }
        match line.path().starts_with("/token") {
            true if shows_login(line) => {
                line.say("200 OK\nContent-Type: application/json", format!("{{\"token\":\"{TOKEN}\"}}").as_bytes())
            }
            false if is_known => lock(&self.content).answer(line),
            _ => line.say("401 Unauthorized\nWWW-Authenticate: Bearer realm=\"{scheme}://{home}/token\"", b""),
        }
    }
}

/// Whether the password or the token is shown.
fn shows_login(line: &Line) -> bool {
    line.header("authorization").is_some_and(|shown| secrets().iter().any(|secret| shown.contains(secret)))
}

/// The password and the token, in every form that they travel in.
fn secrets() -> [String; 3] {
    [PASSWORD.to_owned(), STANDARD.encode(format!("{USER}:{PASSWORD}")), TOKEN.to_owned()]
}

/// What in those requests tells who asks.
fn login_in(heard: &str) -> Option<String> {
    let headers = ["authorization:", "proxy-authorization:", "cookie:"];
    let lines = heard.lines().map(str::to_ascii_lowercase);
    let header = lines.into_iter().find(|line| headers.iter().any(|header| line.starts_with(header)));
    header.or_else(|| secrets().into_iter().find(|secret| heard.contains(secret)))
}

/// Carries bytes in both directions until one side hangs up.
fn hand_on(stream: TcpStream, server: &str) -> io::Result<()> {
    let (mut client, mut server) = (stream, TcpStream::connect(server)?);
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let done = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
        done
    });
    io::copy(&mut client, &mut server)?;
    let _ = server.shutdown(std::net::Shutdown::Write);
    drop(back.join());
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
