//! Clients of a host that hold what they do not use: connections, and answers that nobody reads.

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::Bench;
use support::host::{PATIENCE, ServedHost, bench, command};

/// How soon somebody who asks is answered, whatever others hold, on a machine that runs other tests as well.
const SOON: Duration = Duration::from_secs(5);
/// More connections than a host has places for, by far.
const CROWD: usize = 10_000;

/// As many descriptors as the system lets this process have; how many connections that is good for.
fn crowd() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, most).expect("up to the hard limit");
    limit.maximum.map_or(CROWD, |most| CROWD.min(usize::try_from(most).expect("fits").saturating_sub(200)))
}

fn asked_soon(host: &ServedHost) {
    let began = Instant::now();
    assert_eq!(host.get("/healthz").status, 200);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// What comes over a connection until it ends, which is within the time that anything may take.
fn rest(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8(answer).expect("text")
}

fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = vec![0; 64 << 10];
    let length = stream.read(&mut answer).expect("answered");
    String::from_utf8(answer[..length].to_vec()).expect("text")
}

/// A host that may have so many files and connections open, and no more.
fn with_descriptors(bench: &Bench, most: u32) -> ServedHost {
    let serving = command(bench, &[]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]).arg(serving.get_program());
    limited.args(serving.get_args()).current_dir(serving.get_current_dir().expect("the bench"));
    for (name, value) in serving.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    ServedHost::ready(&mut limited)
}

/// Clients leave descriptors to their host: it goes on, reads keys, and answers whoever comes.
#[test]
fn connections_take_no_descriptor_that_a_host_needs() {
    let bench = bench();
    for most in [100, 200, 300] {
        let host = with_descriptors(&bench, most);
        let mut idle = Vec::with_capacity(400);
        for round in 0..400 {
            idle.push(host.connect());
            if round % 100 == 99 {
                asked_soon(&host);
                host.post("/api/v1/plugins/discover", "").ok();
            }
        }
        // More than one round of judging.
        std::thread::sleep(Duration::from_secs(3));
        asked_soon(&host);
        let said = host.said();
        assert!(!said.contains("not_judged_again") && !said.contains("Too many open files"), "{said}");
        drop(idle);
        asked_soon(&host);
    }
}

#[test]
fn connections_that_say_nothing_are_in_nobodys_way() {
    let crowd = crowd();
    let host = ServedHost::start(&bench(), &[]);
    let mut idle = Vec::with_capacity(crowd);
    for _ in 0..crowd {
        idle.push(host.connect());
    }
    asked_soon(&host);
    // Half a head is no more than none.
    for stream in &mut idle {
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: ");
    }
    asked_soon(&host);
    drop(idle);
    asked_soon(&host);
    assert_eq!(host.terminate(), Some(0));
}

/// Asks for more than the system holds of an answer, and reads nothing.
fn deaf(host: &ServedHost, request: &str) -> TcpStream {
    let mut stream = host.connect();
    // It may have been in the way of others before all of it was written.
    let _ = stream.write_all(request.repeat(60).as_bytes());
    stream
}

#[test]
fn answers_that_nobody_reads_are_in_nobodys_way_and_end() {
    crowd();
    let bench = bench();
    for number in 0..100 {
        bench.write(&format!("plugins/broken-{number}/plugin.yaml"), "id: [\n");
    }
    let host = ServedHost::start(&bench, &[]);
    let listed = host.get("/api/v1/plugins").text.len();
    assert!(listed > 30_000, "{listed}");
    let request = format!("GET /api/v1/plugins HTTP/1.1\r\nHost: {}\r\n\r\n", host.address);
    let mut all: Vec<TcpStream> = (0..400).map(|_| deaf(&host, &request)).collect();
    asked_soon(&host);
    // Nobody else comes, and they end all the same: the host waits for nobody without an end.
    let (began, mut last) = (Instant::now(), all.pop().expect("one"));
    last.set_write_timeout(Some(Duration::from_millis(200))).expect("set");
    let is_end = |error: ErrorKind| !matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    while !last.write_all(request.as_bytes()).is_err_and(|error| is_end(error.kind())) {
        assert!(began.elapsed() < PATIENCE, "it is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(host.terminate(), Some(0));
}

/// A host that asks for tokens, and one that it knows.
fn with_token(bench: &Bench) -> (ServedHost, String) {
    let made = bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]);
    let token = made.ok().stdout.trim().to_owned();
    let mut command = command(bench, &["--tokens", "tokens.json"]);
    let host = ServedHost::ready(command.env("ENVIRONMENT", "production"));
    (host, token)
}

#[test]
fn a_client_with_a_token_keeps_its_place_before_those_without() {
    crowd();
    let bench = bench();
    let (host, token) = with_token(&bench);
    let request =
        format!("GET /api/v1/plugins HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n", host.address);
    let mut known = host.connect();
    assert!(ask(&mut known, &request).starts_with("HTTP/1.1 200 "));
    // As late as the ones that come: who has no token has it no better for asking what needs none.
    let idle: Vec<TcpStream> = (0..600).map(|_| host.connect()).collect();
    assert!(ask(&mut known, &request).starts_with("HTTP/1.1 200 "), "it had to make room");
    drop(idle);
}

#[test]
fn who_shows_no_token_that_counts_asks_once_per_connection() {
    let bench = bench();
    let (host, token) = with_token(&bench);
    let request = |token: &str| {
        format!("GET /api/v1/plugins HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n", host.address)
    };
    let mut stream = host.connect();
    stream.write_all(request(&token.replace('a', "b")).repeat(3).as_bytes()).expect("sent");
    let answers = rest(stream);
    assert!(answers.starts_with("HTTP/1.1 401 ") && answers.contains("connection: close"), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    let mut stream = host.connect();
    for _ in 0..3 {
        assert!(ask(&mut stream, &request(&token)).starts_with("HTTP/1.1 200 "));
    }
}

/// What another reader of the same bytes could take for two requests, or for another one, is none.
#[test]
fn requests_of_two_meanings_are_refused_and_nothing_behind_them_is_answered() {
    let host = ServedHost::start(&bench(), &[]);
    let behind = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host.address);
    for head in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: +2\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length : 2\r\n",
        "X: 1\r\n continued\r\n",
        "X: 1\nY: 2\r\n",
        "Host: evil.example\r\n",
    ] {
        let mut stream = host.connect();
        let request =
            format!("POST /api/v1/plugins/absent/run HTTP/1.1\r\nHost: {}\r\n{head}\r\n{{}}{behind}", host.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let answers = rest(stream);
        assert!(answers.starts_with("HTTP/1.1 400 "), "{head:?}: {answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answers}");
    }
    let mut stream = host.connect();
    let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let request = format!("POST /api/v1/plugins/absent/run HTTP/1.1\r\nHost: {}\r\n{chunked}{behind}", host.address);
    stream.write_all(request.as_bytes()).expect("sent");
    let answers = rest(stream);
    assert!(answers.starts_with("HTTP/1.1 422 ") && answers.matches("HTTP/1.1 ").count() == 1, "{answers}");
}
