//! Providers that answer, and those that mean no good: each is its asker's trouble and nobody else's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_outbound::{Broker, Certificates, Provider, ProviderAddress, ProviderRule, ProviderToken, Unanswered};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A provider on a socket that answers each connection with what a test makes of its request.
struct Served {
    place: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Served {
    fn new(answer: impl Fn(&mut UnixStream) + Send + Sync + 'static) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(place.path().join("p.sock")).expect("bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || {
                    let request = request(&mut stream);
                    seen.lock().expect("unpoisoned").push(request);
                    answer(&mut stream);
                });
            }
        });
        Self { place, asked }
    }

    fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |stream| drop(stream.write_all(&answer)))
    }

    fn address(&self) -> ProviderAddress {
        format!("unix:{}/p.sock", self.place.path().display()).parse().expect("an address")
    }

    fn provider(&self, token: Option<Arc<ProviderToken>>, rate: u32) -> Provider {
        let broker = Broker::begin(Certificates::default(), Box::new(|_| ())).expect("a thread");
        broker.provider(ProviderRule::new(self.address(), token, rate).expect("a rule"))
    }

    fn count(&self) -> usize {
        self.asked.lock().expect("unpoisoned").len()
    }
}

/// A request with as much of a body as it says.
fn request(stream: &mut UnixStream) -> String {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
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

fn whole(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn ask(provider: &Provider, plugin: &str, patience: Duration) -> Result<Vec<u8>, Unanswered> {
    provider.ask(plugin, b"{\"a\": 1}".to_vec(), patience, &AtomicBool::new(false), &mut || Ok(()))
}

#[test]
fn a_provider_is_asked_once_with_the_token_of_that_moment() {
    let served = Served::saying(whole("{}"));
    let count = Arc::new(AtomicUsize::new(0));
    let token = move || Ok(format!("token-{}", count.fetch_add(1, Ordering::SeqCst)));
    let provider = served.provider(Some(Arc::new(token)), 100);
    assert_eq!(ask(&provider, "a", PATIENCE).expect("answered"), b"{}");
    ask(&provider, "a", PATIENCE).expect("answered");
    let asked = served.asked.lock().expect("unpoisoned").clone();
    assert_eq!(asked.len(), 2);
    for (number, request) in asked.iter().enumerate() {
        assert!(request.starts_with("POST / HTTP/1.1\r\nhost: localhost\r\n"), "{request}");
        assert!(request.contains(&format!("authorization: Bearer token-{number}\r\n")), "{request}");
        assert!(request.contains("content-type: application/json\r\n") && request.ends_with("{\"a\": 1}"), "{request}");
    }
    assert!(!format!("{provider:?}").contains("token"), "{provider:?}");
}

#[test]
fn without_the_token_that_it_is_to_be_shown_a_provider_is_not_asked() {
    let served = Served::saying(whole("{}"));
    let gone: Arc<ProviderToken> = Arc::new(|| Err(Fault::new(Reason::IoNotFound, "it is gone")));
    let long = "a".repeat(4 << 10);
    let longer = format!("{long}a");
    let of = |text: &str| {
        let text = text.to_owned();
        Arc::new(move || Ok(text.clone())) as Arc<ProviderToken>
    };
    for token in [gone, of(""), of("a b"), of("a\r\nX: y"), of("ä"), of(&longer)] {
        let refused = ask(&served.provider(Some(token), 100), "a", PATIENCE).expect_err("no token");
        assert_eq!(refused.code(), "token_unavailable", "{refused}");
        assert!(!refused.to_string().contains("X: y"), "{refused}");
    }
    assert_eq!(served.count(), 0);
    ask(&served.provider(Some(of(&long)), 100), "a", PATIENCE).expect("the longest");
}

#[test]
fn an_answer_is_whole_of_a_size_and_of_status_200() {
    let large = |bytes: usize| whole(&"x".repeat(bytes));
    assert_eq!(ask(&Served::saying(large(256 << 10)).provider(None, 9), "a", PATIENCE).expect("at").len(), 256 << 10);
    let chunked =
        |chunk: &str, count| "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(count);
    let headers = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 2\r\n\r\n{{}}", "X-A: b\r\n".repeat(65));
    let head = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\nContent-Length: 2\r\n\r\n{{}}", "x".repeat(70 << 10));
    for (answer, code) in [
        (large((256 << 10) + 1), "answer_too_large"),
        (chunked("a\r\nxxxxxxxxxx\r\n", 300_000), "answer_too_large"),
        (chunked("1\r\nx\r\n", 300_000), "unreachable"),
        (headers, "unreachable"),
        (head, "unreachable"),
        (String::new(), "unreachable"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_owned(), "unreachable"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_owned(), "unreachable"),
        ("no HTTP\r\n\r\n".to_owned(), "unreachable"),
        ("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".to_owned(), "other_status"),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "other_status"),
        ("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}".to_owned(), "other_status"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(), "other_status"),
        // Interim answers, up to the end of what is read at all.
        ("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100_000), "unreachable"),
    ] {
        let served = Served::saying(answer.clone());
        let refused = ask(&served.provider(None, 9), "a", PATIENCE).expect_err(code);
        assert_eq!(refused.code(), code, "{}: {refused}", &answer[..answer.len().min(60)]);
        assert_eq!(served.count(), 1, "once");
    }
}

#[test]
fn whoever_hangs_or_drips_is_waited_for_so_long_and_no_longer() {
    let hangs = Served::new(|_| thread::sleep(PATIENCE));
    let drips = Served::new(|stream| {
        let mut write = |text: &str| stream.write_all(text.as_bytes()).is_ok();
        while write("HTTP/1.1 103 E\r\n\r\n") {
            thread::sleep(Duration::from_millis(20));
        }
    });
    for served in [&hangs, &drips] {
        let (provider, began) = (served.provider(None, 100), Instant::now());
        let refused = ask(&provider, "a", Duration::from_millis(300)).expect_err("late");
        assert_eq!(refused.code(), "timed_out", "{refused}");
        assert!((Duration::from_millis(300)..PATIENCE / 2).contains(&began.elapsed()));
        let stopped = provider.ask("a", Vec::new(), PATIENCE, &AtomicBool::new(true), &mut || Ok(()));
        let stopped = stopped.expect_err("stopped");
        assert_eq!(stopped, Unanswered::Stopped);
    }
}

#[test]
fn one_plugin_that_waits_leaves_the_others_their_places_and_its_rate_is_its_own() {
    let served = Served::new(|_| thread::sleep(Duration::from_secs(2)));
    let provider = Arc::new(served.provider(None, 100));
    let asking: Vec<_> = (0..9)
        .map(|_| {
            let provider = Arc::clone(&provider);
            thread::spawn(move || ask(&provider, "hangs", Duration::from_secs(1)).expect_err("none answers").code())
        })
        .collect();
    let codes: Vec<_> = asking.into_iter().map(|one| one.join().expect("no panic")).collect();
    assert_eq!(codes.iter().filter(|code| **code == "too_many_requests").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "timed_out").count(), 8, "{codes:?}");

    let served = Served::saying(whole("{}"));
    let provider = served.provider(None, 3);
    for _ in 0..3 {
        ask(&provider, "a", PATIENCE).expect("answered");
    }
    assert_eq!(ask(&provider, "a", PATIENCE).expect_err("too often").code(), "rate_limited");
    ask(&provider, "b", PATIENCE).expect("another one's");
    // Of as many as are known at a time those go of whom nothing is known.
    for number in 0..4_094 {
        ask(&provider, &number.to_string(), PATIENCE).expect("answered");
    }
    assert_eq!(
        ask(&provider, "one too many", PATIENCE).expect_err("all have asked lately").code(),
        "too_many_requests"
    );
}

#[test]
fn what_stands_in_the_place_of_the_socket_is_judged_each_time() {
    let served = Served::saying(whole("{}"));
    let provider = served.provider(None, 100);
    ask(&provider, "a", PATIENCE).expect("answered");
    let path = served.place.path().join("p.sock");
    let set = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("set");
    };
    set(0o777);
    let refused = ask(&provider, "a", PATIENCE).expect_err("everybody may");
    assert_eq!(refused.code(), "socket_refused", "{refused}");
    set(0o600);
    ask(&provider, "a", PATIENCE).expect("answered");
    std::fs::rename(&path, served.place.path().join("other.sock")).expect("moved");
    assert_eq!(ask(&provider, "a", PATIENCE).expect_err("gone").code(), "unreachable");
    std::os::unix::fs::symlink("other.sock", &path).expect("linked");
    assert_eq!(ask(&provider, "a", PATIENCE).expect_err("a link").code(), "socket_refused");
    assert_eq!(served.count(), 2);
}

/// Who may write the directory of a socket is not who may answer for it: it is asked of the system who listens.
#[test]
fn a_socket_at_which_another_user_listens_is_not_asked() {
    if aisoc_files::effective_user() != 0 {
        return println!("SKIPPED: not root, so nobody else listens");
    }
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("p.sock");
    // Bound by root, so that the socket itself is beyond suspicion.
    let code = "import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\nos.setuid(int(sys.argv[2]))\n\
                s.listen()\nprint('listens', flush=True)\nc, _ = s.accept()\nprint('read', len(c.recv(65536)), flush=True)\n";
    let ask = |user: &str| {
        let _ = std::fs::remove_file(&path);
        let mut child = Command::new("python3").args(["-c", code]).arg(&path).arg(user).stdout(Stdio::piped()).spawn();
        let child = child.as_mut().expect("python3");
        let mut said = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert_eq!(said.next().expect("a line").expect("read"), "listens");
        let address: ProviderAddress = format!("unix:{}", path.display()).parse().expect("an address");
        let broker = Broker::begin(Certificates::default(), Box::new(|_| ())).expect("a thread");
        let provider = broker.provider(ProviderRule::new(address, None, 60).expect("a rule"));
        let stop = AtomicBool::new(false);
        let answered = provider.ask("demo", b"{\"secret\": 1}".to_vec(), PATIENCE, &stop, &mut || Ok(()));
        let read = said.next().expect("a line").expect("read");
        let _ = child.wait();
        (answered.expect_err("nobody answers").to_string(), read)
    };
    let (why, read) = ask("65534");
    assert!(why.contains("user 65534 listens at the socket"), "{why}");
    assert_eq!(read, "read 0", "nothing was sent");
    let (_, read) = ask("0");
    assert_ne!(read, "read 0", "who is root is asked");
}
