//! What a plugin gets of servers that are there, and of those that mean no good.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_outbound::{Account, Asked, Broker, Destinations, Fetched, Grant, NotTaken, Outbound, Refused};
use aisoc_registry_client::Certificates;

/// A server on this machine that answers each connection with what a test makes of its request.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || {
                    let request = request(&mut stream);
                    seen.lock().expect("unpoisoned").push(request.clone());
                    answer(&request, &mut stream);
                });
            }
        });
        Self { port, asked }
    }

    /// One that says the same to everybody.
    fn saying(answer: &'static [u8]) -> Self {
        Self::new(move |_, stream| {
            let _ = stream.write_all(answer);
        })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("unpoisoned").clone()
    }
}

/// A request with as much of a body as it says.
fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if read.len() >= end + 4 + length.unwrap_or_default() {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: a\r\nConnection: close\r\n\r\nok";

/// What may lead to these, often enough for a test.
fn to(servers: &[&Server]) -> Outbound {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    granted(&urls, 1_000)
}

fn granted(inside: &[String], requests_per_minute: u32) -> Outbound {
    let destinations = Destinations::new(&[], inside).expect("destinations");
    let broker = Broker::begin(Certificates::default(), Box::new(|_| ())).expect("a thread");
    broker.outbound(&Grant { destinations, requests_per_minute })
}

fn fetch(outbound: &Outbound, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Fetched {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let asked = Asked { method, url, headers: &headers, body: body.to_vec() };
    outbound.fetch(asked, Duration::from_secs(20), &AtomicBool::new(false), &mut |_| Ok(()))
}

fn get(outbound: &Outbound, url: &str) -> Fetched {
    fetch(outbound, "GET", url, &[], b"")
}

fn refused(fetched: &Fetched) -> &Refused {
    fetched.answer.as_ref().expect_err("refused")
}

#[test]
fn what_is_asked_arrives_and_what_is_answered_comes_back() {
    let server = Server::saying(
        b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 3\r\nX-A: 1\r\nX-A: \xc3\xa9\r\nConnection: close\r\n\r\nabc",
    );
    let outbound = to(&[&server]);
    let url = format!("{}/v1/x?q=1#f", server.url());
    let fetched = fetch(&outbound, "POST", &url, &[("X-Api-Key", "key"), ("Content-Type", "a/b")], b"body");
    let answer = fetched.answer.expect("answered");
    assert_eq!((answer.status, answer.body.as_slice()), (418, b"abc".as_slice()));
    let values: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name == "x-a").map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["1", "\u{c3}\u{a9}"], "as Latin-1");
    assert_eq!(answer.url, format!("{}/v1/x?q=1", server.url()));
    let asked = server.asked().concat().to_ascii_lowercase();
    assert!(asked.starts_with("post /v1/x?q=1 http/1.1\r\n") && asked.ends_with("\r\n\r\nbody"), "{asked}");
    for line in [
        format!("host: 127.0.0.1:{}", server.port),
        "x-api-key: key".to_owned(),
        "content-type: a/b".to_owned(),
        "content-length: 4".to_owned(),
        format!("user-agent: aisoc/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(asked.contains(&format!("\r\n{line}\r\n")), "{line}: {asked}");
    }
    let account = fetched.account;
    assert_eq!((account.method.as_deref(), account.status), (Some("POST"), Some(418)));
    let headers = "X-Api-Key: key\r\nContent-Type: a/b\r\n".len();
    let sent = format!("{}/v1/x?q=1", server.url()).len() + headers + "body".len();
    assert_eq!((account.sent_bytes, account.received_bytes), (sent, 3));
    assert_eq!(account.destinations, [server.url()]);
}

#[test]
fn nobody_is_asked_whom_the_operator_has_not_written_down() {
    let (server, other) = (Server::saying(OK.as_bytes()), Server::saying(OK.as_bytes()));
    let outbound = to(&[&server]);
    let port = server.port;
    for url in [
        other.url(),
        format!("http://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest".to_owned(),
        "https://example.com/".to_owned(),
    ] {
        let fetched = get(&outbound, &url);
        assert_eq!(refused(&fetched).code(), "destination_not_allowed", "{url}");
        assert_eq!(fetched.account.destinations.len(), 1, "what was tried is written down");
    }
    assert!(server.asked().is_empty() && other.asked().is_empty());
    let nowhere = granted(&[], 60);
    assert_eq!(refused(&get(&nowhere, &server.url())).code(), "destination_not_allowed");
    get(&outbound, &server.url()).answer.expect("written down");
}

#[test]
fn each_hop_is_judged_and_secrets_stay_where_they_were_sent() {
    let end = Server::saying(OK.as_bytes());
    let target = end.url();
    let begin = Server::new(move |request, stream| {
        let status = if request.contains("/307") { "307 Temporary Redirect" } else { "302 Found" };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nLocation: {target}/there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    });
    let secrets = [("Authorization", "hunter2"), ("X-Api-Key", "hunter2"), ("Cookie", "hunter2"), ("Accept", "a/b")];
    let alone = to(&[&begin]);
    let fetched = fetch(&alone, "GET", &begin.url(), &secrets, b"");
    assert_eq!(refused(&fetched), &Refused::NotAllowed { destination: end.url() });
    assert_eq!(fetched.account.destinations, [begin.url(), end.url()]);
    assert!(end.asked().is_empty());
    let both = to(&[&begin, &end]);
    fetch(&both, "POST", &begin.url(), &secrets, b"hunter2").answer.expect("answered");
    fetch(&both, "POST", &format!("{}/307", begin.url()), &secrets, b"sent twice").answer.expect("answered");
    let [read, stored] = &end.asked()[..] else { panic!("{:?}", end.asked()) };
    assert!(read.starts_with("GET /there ") && !read.contains("hunter2") && read.contains("a/b"), "{read}");
    assert!(stored.starts_with("POST /there ") && !stored.contains("hunter2"), "{stored}");
    assert!(stored.ends_with("sent twice"), "{stored}");
}

#[test]
fn redirects_that_mean_no_good_are_not_followed() {
    for (location, code) in [
        ("Location: http://169.254.169.254/latest\r\n", "destination_not_allowed"),
        ("Location: file:///etc/passwd\r\n", "redirect_refused"),
        ("Location: http://user:hunter2@127.0.0.1/\r\n", "redirect_refused"),
        ("Location: /a\r\nLocation: /b\r\n", "redirect_refused"),
        ("Location: http://\r\n", "redirect_refused"),
        ("Location: /round\r\n", "redirect_refused"),
        // Others read it as `/ab`.
        ("Location: /a\tb\r\n", "redirect_refused"),
    ] {
        let server = Server::new(move |_, stream| {
            let _ = write!(stream, "HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n");
        });
        let fetched = get(&to(&[&server]), &server.url());
        assert_eq!(refused(&fetched).code(), code, "{location}");
        assert!(!refused(&fetched).to_string().contains("hunter2"));
        let most = if location.contains("round") { 6 } else { 1 };
        assert_eq!(server.asked().len(), most, "{location}");
        assert_eq!(fetched.account.status, Some(302), "{location}: that an answer was there is written down");
    }
    let without = Server::saying(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    assert_eq!(get(&to(&[&without]), &without.url()).answer.expect("an answer").status, 304);
}

#[test]
fn an_answer_is_taken_whole_up_to_2_mib_and_no_byte_more_of_it() {
    const MOST: usize = 2 << 20;
    let server = Server::new(|request, stream| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (way, length) = path.trim_start_matches('/').split_once('/').expect("a way and a length");
        let length: usize = length.parse().expect("a length");
        match way {
            "stated" => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&vec![b'x'; length.min(MOST + 1)]);
            }
            "chunked" => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
                let _ = write!(stream, "{length:x}\r\n");
                let _ = stream.write_all(&vec![b'x'; length]);
                let _ = write!(stream, "\r\n0\r\n\r\n");
            }
            _ => {
                // For as long as anybody listens.
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                while stream.write_all(&[b'x'; 65536]).is_ok() {}
            }
        }
    });
    let outbound = to(&[&server]);
    for way in ["stated", "chunked"] {
        for length in [0, MOST - 1, MOST] {
            let fetched = get(&outbound, &format!("{}/{way}/{length}", server.url()));
            assert_eq!(fetched.answer.expect("an answer").body.len(), length, "{way}");
        }
        let fetched = get(&outbound, &format!("{}/{way}/{}", server.url(), MOST + 1));
        assert_eq!(refused(&fetched), &Refused::TooLarge { destination: server.url(), most: MOST }, "{way}");
    }
    for length in ["stated/10000000000", "endless/0"] {
        let fetched = get(&outbound, &format!("{}/{length}", server.url()));
        assert_eq!(refused(&fetched).code(), "answer_too_large", "{length}");
        let Account { status, received_bytes, .. } = fetched.account;
        assert_eq!((status, received_bytes > MOST), (Some(200), length.starts_with("endless")), "{length}");
    }
    let short = Server::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc");
    assert_eq!(refused(&get(&to(&[&short]), &short.url())).code(), "unreachable", "it was cut off");
    let empty = Server::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n");
    fetch(&to(&[&empty]), "HEAD", &empty.url(), &[], b"").answer.expect("HEAD says how much there would be");
}

#[test]
fn whoever_answers_slowly_is_given_up_and_whoever_does_not_wait_is_not_waited_for() {
    let dripping = Server::new(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let interim = Server::new(|_, stream| {
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let silent = Server::new(|_, _| thread::sleep(Duration::from_secs(60)));
    for server in [&dripping, &interim, &silent] {
        let outbound = to(&[server]);
        let (url, began) = (server.url(), Instant::now());
        let asked = || Asked { method: "GET", url: &url, headers: &[], body: Vec::new() };
        let patience = Duration::from_millis(300);
        let fetched = outbound.fetch(asked(), patience, &AtomicBool::new(false), &mut |_| Ok(()));
        assert_eq!(refused(&fetched), &Refused::Late { destination: server.url(), after: patience });
        assert!(began.elapsed() >= patience && began.elapsed() < Duration::from_secs(10));
        let (stop, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let seen = Arc::clone(&stop);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            seen.store(true, Ordering::SeqCst);
        });
        let fetched = outbound.fetch(asked(), Duration::from_secs(20), &stop, &mut |_| Ok(()));
        assert_eq!(refused(&fetched), &Refused::Stopped);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_plugin_asks_so_often_and_so_much_at_a_time() {
    let server = Server::saying(OK.as_bytes());
    let outbound = granted(&[server.url()], 3);
    for number in 0..3 {
        get(&outbound, &server.url()).answer.unwrap_or_else(|_| panic!("{number}"));
    }
    assert_eq!(refused(&get(&outbound, &server.url())).code(), "rate_limited");
    assert_eq!(server.asked().len(), 3);

    let slow = Server::new(|_, stream| {
        thread::sleep(Duration::from_millis(1_500));
        let _ = stream.write_all(OK.as_bytes());
    });
    let outbound = to(&[&slow]);
    let codes: Vec<&'static str> = thread::scope(|scope| {
        let asking: Vec<_> = (0..9)
            .map(|_| {
                scope.spawn(|| get(&outbound, &slow.url()).answer.map_or_else(|refused| refused.code(), |_| "answered"))
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().expect("ended")).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == "answered").count(), 8, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "too_many_requests").count(), 1, "{codes:?}");
    get(&outbound, &slow.url()).answer.expect("there is a place again");
}

#[test]
fn who_speaks_no_http_or_is_not_there_is_said_so_without_what_was_asked_for() {
    for answer in [
        "garbage\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
    ] {
        let server = Server::saying(answer.as_bytes());
        let fetched = get(&to(&[&server]), &format!("{}/hunter2?hunter2", server.url()));
        let said = refused(&fetched).to_string();
        assert_eq!(refused(&fetched).code(), "unreachable", "{answer}");
        assert!(!said.contains("hunter2") && said.contains(&server.url()), "{said}");
    }
    let many: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(65)).into_boxed_str());
    let server = Server::saying(many.as_bytes());
    assert_eq!(refused(&get(&to(&[&server]), &server.url())).code(), "unreachable");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let nobody = format!("http://127.0.0.1:{port}");
    let said = refused(&get(&granted(std::slice::from_ref(&nobody), 60), &nobody)).to_string();
    assert!(said.contains("cannot be asked: no connection: "), "{said}");
}

#[test]
fn what_leaves_is_told_before_and_does_not_leave_where_nobody_takes_it() {
    let end = Server::saying(OK.as_bytes());
    let target = end.url();
    let begin = Server::new(move |_, stream| {
        let _ = write!(
            stream,
            "HTTP/1.1 303 See Other\r\nLocation: {target}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    });
    let outbound = to(&[&begin, &end]);
    let url = begin.url();
    let ask = |takes: usize| {
        let mut told = Vec::new();
        let asked = Asked { method: "POST", url: &url, headers: &[], body: b"body".to_vec() };
        let fetched = outbound.fetch(asked, Duration::from_secs(20), &AtomicBool::new(false), &mut |leaving| {
            assert!(begin.asked().len() + end.asked().len() <= told.len(), "it has left before");
            told.push(format!("{} {}", leaving.method, leaving.destination));
            if told.len() > takes { Err(NotTaken) } else { Ok(()) }
        });
        (fetched, told)
    };
    let (refused_at_once, told) = ask(0);
    assert_eq!((refused(&refused_at_once), told.len()), (&Refused::NotTaken, 1));
    assert!(begin.asked().is_empty(), "nothing has left");
    assert_eq!(refused_at_once.account.sent_bytes, 0);
    let (refused_further, told) = ask(1);
    assert_eq!((refused(&refused_further), told.len()), (&Refused::NotTaken, 2));
    assert_eq!((begin.asked().len(), end.asked().len()), (1, 0), "nor does what an answer leads to");
    begin.asked.lock().expect("unpoisoned").clear();
    let (fetched, told) = ask(2);
    assert_eq!(fetched.answer.expect("answered").status, 200);
    assert_eq!(told, [format!("POST {}", begin.url()), format!("GET {}", end.url())]);
    assert_eq!(fetched.account.sent_bytes, url.len() + 1 + "body".len() + end.url().len() + 1, "of both hops");
}

#[test]
fn a_server_that_sends_without_end_is_given_up_and_takes_nothing_from_others() {
    let kind = |head: &'static str, again: String| {
        Server::new(move |_, stream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(again.as_bytes()).is_ok() {}
        })
    };
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let neighbour = Server::saying(OK.as_bytes());
    let broker = Broker::begin(Certificates::default(), Box::new(|_| ())).expect("a thread");
    let granted = |server: &Server| {
        let destinations = Destinations::new(&[], &[server.url()]).expect("a destination");
        broker.outbound(&Grant { destinations, requests_per_minute: 60_000 })
    };
    let other = granted(&neighbour);
    for (what, server) in [
        ("interim", kind("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(200))),
        ("large ones", kind("", format!("HTTP/1.1 103 E\r\n{}\r\n", "X-A: b\r\n".repeat(60)))),
        ("zeros", kind(chunked, "0".repeat(10_000))),
        ("small chunks", kind(chunked, "1\r\nx\r\n".repeat(1_000))),
    ] {
        let flooded = granted(&server);
        let waits = thread::scope(|scope| {
            let flooding: Vec<_> =
                (0..8).map(|_| scope.spawn(|| get(&flooded, &server.url()).answer.map_err(|why| why.code()))).collect();
            let mut waits = Vec::new();
            while flooding.iter().any(|one| !one.is_finished()) || waits.is_empty() {
                let began = Instant::now();
                get(&other, &neighbour.url()).answer.expect("a neighbour has its answer");
                waits.push(began.elapsed());
            }
            for one in flooding {
                let came = one.join().expect("ended");
                assert_eq!(came.expect_err("nobody reads all of it"), "unreachable", "{what}");
            }
            waits.sort_unstable();
            waits
        });
        let middle = waits[waits.len() / 2];
        println!("{what}: {middle:?} of {} in the middle, {:?} at most", waits.len(), waits.last());
        assert!(middle < Duration::from_secs(1), "{what}: {middle:?}");
    }
}

#[test]
fn an_answer_behind_interim_ones_comes_whole() {
    let answer = format!(
        "{}HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100),
        "v".repeat(40_000),
        2 << 20,
        "b".repeat(2 << 20),
    );
    let server = Server::saying(Box::leak(answer.into_boxed_str()).as_bytes());
    let answer = get(&to(&[&server]), &server.url()).answer.expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (200, 2 << 20));
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "v".repeat(64 << 10));
    let server = Server::saying(Box::leak(long.into_boxed_str()).as_bytes());
    assert_eq!(refused(&get(&to(&[&server]), &server.url())).code(), "unreachable", "a head has its bound");
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    // The library would read them at the first request: nothing here may depend on it.
    let server = Server::saying(OK.as_bytes());
    let outbound = to(&[&server]);
    get(&outbound, &server.url()).answer.expect("answered");
    assert!(server.asked().concat().starts_with("GET / HTTP/1.1"), "not in the form that proxies are asked in");
}
