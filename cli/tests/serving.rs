//! `aisoc registry serve`, and what it does not serve.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use aisoc_testkit::tls::certificate;
use serde_json::Value;
use support::Bench;

const SERVE: [&str; 6] = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"];

#[test]
fn a_store_that_others_can_change_is_not_served() {
    let bench = Bench::new();
    fs::create_dir(bench.path("registry")).expect("made");
    fs::set_permissions(bench.path("registry"), fs::Permissions::from_mode(0o777)).expect("set");
    let run = bench.run(&SERVE);
    assert!(run.refused(1, "directory_insecure").stderr.contains("chmod o-w registry"), "{run:?}");
    fs::set_permissions(bench.path("registry"), fs::Permissions::from_mode(0o755)).expect("set");
    if chown(bench.path("registry"), Some(12_345), None).is_ok() {
        bench.run(&SERVE).refused(1, "directory_insecure");
    }
    fs::rename(bench.path("registry"), bench.path("elsewhere")).expect("moved");
    symlink("elsewhere", bench.path("registry")).expect("linked");
    bench.run(&SERVE).refused(1, "directory_insecure");
    assert_eq!(fs::read_dir(bench.path("elsewhere")).expect("listed").count(), 0);
    fs::remove_file(bench.path("registry")).expect("removed");
    assert!(bench.registry().address.starts_with("127.0.0.1:"), "one that is made is served");
}

/// A registry that serves, and what it says.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Serving {
    fn start(bench: &Bench, words: &[&str]) -> Self {
        let mut command = bench.command(&[&["registry", "serve", "--dir", "registry"], words].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the registry starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of the answer of a registry at `address` that is called `host`.
fn asked(address: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    write!(stream, "GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn with_json_one_line_says_where_as_soon_as_it_can_be_asked() {
    let bench = Bench::new();
    let mut serving = Serving::start(&bench, &["--listen", "127.0.0.1:0", "--json"]);
    let document: Value = serde_json::from_str(&serving.line()).expect("one line is the whole document");
    let address = document["address"].as_str().expect("an address");
    assert_ne!(address, "127.0.0.1:0", "the port that it has");
    assert_eq!(asked(address, address), "HTTP/1.1 200 OK");
    assert_eq!(
        document,
        serde_json::json!({
            "schema_version": 2, "ok": true, "address": address, "addresses": [address], "directory": "registry",
            "process_id": serving.child.id(),
        })
    );
    serving.child.kill().expect("killed");
    let (mut more, mut said) = (String::new(), String::new());
    serving.stdout.read_to_string(&mut more).expect("read");
    serving.stderr.read_to_string(&mut said).expect("read");
    assert_eq!((more.as_str(), said.as_str()), ("", ""));
}

#[test]
fn localhost_is_both_of_its_addresses_under_one_port() {
    let bench = Bench::new();
    for listen in ["localhost:0", "LOCALHOST:0", ":0", "0"] {
        let mut serving = Serving::start(&bench, &["--listen", listen]);
        let address = serving.line();
        let port = address.strip_prefix("localhost:").expect("a name that can stand in a reference").to_owned();
        let mut status = String::new();
        serving.stderr.read_line(&mut status).expect("a status line");
        assert_eq!(asked(&format!("127.0.0.1:{port}"), &address), "HTTP/1.1 200 OK", "{listen}");
        assert!(status.contains(&format!("http://127.0.0.1:{port}")), "{status}");
        if has_ipv6() {
            assert_eq!(asked(&format!("[::1]:{port}"), &address), "HTTP/1.1 200 OK", "{listen}");
            assert!(status.contains(&format!("http://[::1]:{port}")), "{status}");
        }
    }
}

#[test]
fn an_upload_begun_at_one_address_goes_on_at_the_other() {
    let bench = Bench::new();
    bench.published();
    let mut serving = Serving::start(&bench, &["--listen", "localhost:0"]);
    let address = serving.line();
    let reference = format!("{address}/team/demo:1");
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    for other in ["127.0.0.1", "[::1]"].iter().take(if has_ipv6() { 2 } else { 1 }) {
        let reference = reference.replace("localhost", other);
        bench.run(&["plugin", "verify", &reference, "--keys", "keys"]).ok();
    }
}

#[test]
fn a_port_that_another_program_has_on_one_of_the_addresses_is_taken() {
    let bench = Bench::new();
    for host in ["127.0.0.1", "[::1]"].iter().take(if has_ipv6() { 2 } else { 1 }) {
        let taken = TcpListener::bind(format!("{host}:0")).expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let run = bench.run(&["registry", "serve", "--dir", "registry", "--listen", &format!("localhost:{port}")]);
        let run = run.refused(1, "io_error");
        assert!(run.stderr.contains(&format!("cannot listen on {host}:{port}")), "{run:?}");
        assert!(run.stderr.contains("--listen 127.0.0.1:0"), "{run:?}");
        assert!(!bench.path("registry").exists(), "nothing is made");
    }
}

#[test]
fn an_address_of_another_form_is_a_wrong_argument() {
    let bench = Bench::new();
    for listen in ["", "localhost:", "localhost:65536", "::1:99999", "http://localhost:5000", "user@localhost:1", "a b"]
    {
        bench.run(&["registry", "serve", "--dir", "registry", "--listen", listen]).refused(2, "usage");
    }
    let mut alone = Serving::start(&bench, &["--listen", "[::ffff:127.0.0.1]:0"]);
    assert!(alone.line().starts_with("[::ffff:127.0.0.1]:"));
}

/// `analytical engine`.
const USERS: &str = "ada:$2y$04$DA6S3jBzKrNxQwNRjBjYou.NauLo2gzgk/rurwuuf5P8ugDlTEDcK\n";
const RIGHTS: &str = "[[allow]]\nwho = [\"ada\"]\nrepositories = [\"*\"]\nactions = [\"pull\", \"push\"]\n";
const ACCESS: [&str; 4] = ["--htpasswd", "users", "--rights", "rights"];
const TLS: [&str; 4] = ["--tls-certificate", "tls.pem", "--tls-private-key", "tls.pem"];

/// A bench with users, what they may, and a certificate with its key.
fn guarded() -> Bench {
    let bench = Bench::new();
    bench.write("users", USERS);
    bench.write("rights", RIGHTS);
    fs::copy(certificate("self"), bench.path("tls.pem")).expect("copied");
    fs::set_permissions(bench.path("tls.pem"), fs::Permissions::from_mode(0o600)).expect("set");
    bench
}

#[test]
fn an_address_that_other_machines_reach_takes_a_login_and_tls_unless_somebody_says_otherwise() {
    let bench = guarded();
    let serve = |words: &[&str]| {
        let base = ["registry", "serve", "--dir", "registry", "--listen", "0.0.0.0:0"];
        bench.run(&[&base[..], words].concat())
    };
    for (words, missing, advice) in [
        (&[][..], "there is no login", "--rights FILE"),
        (&TLS[..], "there is no login", "--rights FILE"),
        (&["--no-tls"], "there is no login", "--rights FILE"),
        (&ACCESS[..], "there is no TLS", "--tls-certificate FILE"),
    ] {
        let run = serve(words);
        let run = run.refused(2, "usage");
        assert!(run.stderr.contains(missing) && run.stderr.contains(advice), "{words:?}: {run:?}");
        assert!(!run.stderr.contains("--no-"), "no hint trusts more: {run:?}");
        assert!(!bench.path("registry").exists(), "nothing is made");
    }
    for words in [
        [&ACCESS[..], &TLS[..]].concat(),
        [&ACCESS[..], &["--no-tls"]].concat(),
        vec!["--no-login"],
        [&["--no-login"], &TLS[..]].concat(),
    ] {
        let mut serving = Serving::start(&bench, &[&["--listen", "0.0.0.0:0"], &words[..]].concat());
        assert!(serving.line().starts_with("0.0.0.0:"), "{words:?}");
        let mut said = String::new();
        serving.stderr.read_line(&mut said).expect("a line");
        assert_eq!(said.contains("warning[registry_open]"), words.contains(&"--no-login"), "{words:?}: {said}");
    }
    for words in [
        &["--htpasswd", "users"][..],
        &["--tokens", "users"],
        &["--no-login", "--rights", "rights"],
        &["--tls-certificate", "tls.pem"],
        &[TLS[0], TLS[1], TLS[2], TLS[3], "--no-tls"],
    ] {
        serve(words).refused(2, "usage");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_by_line_and_column_before_anything_is_served() {
    let bench = guarded();
    bench.write("rights", "[[allow]]\nwho = [\"ada\"]\nrepository = []\n");
    let base = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"];
    let run = bench.run(&[&base[..], &ACCESS[..]].concat());
    let run = run.refused(1, "registry_access_invalid");
    assert!(run.stderr.contains("rights:3:1: "), "{run:?}");
    bench.write("rights", RIGHTS);
    bench.write("users", "ada:secret");
    let run = bench.run(&[&base[..], &ACCESS[..]].concat());
    let run = run.refused(1, "registry_access_invalid");
    assert!(run.stderr.contains("users:1:5: ") && !run.stderr.contains("secret"), "{run:?}");
    bench.write("users", USERS);
    fs::set_permissions(bench.path("users"), fs::Permissions::from_mode(0o666)).expect("set");
    bench.run(&[&base[..], &ACCESS[..]].concat()).refused(1, "directory_insecure");
    fs::set_permissions(bench.path("users"), fs::Permissions::from_mode(0o600)).expect("set");
    fs::set_permissions(bench.path("tls.pem"), fs::Permissions::from_mode(0o644)).expect("set");
    bench.run(&[&base[..], &TLS[..]].concat()).refused(1, "private_key_exposed");
    assert!(!bench.path("registry").exists(), "nothing is made");
}

#[test]
fn a_registry_that_is_read_alone_makes_nothing() {
    let bench = Bench::new();
    let base = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0", "--read-only"];
    bench.run(&base).refused(1, "io_not_found");
    assert!(!bench.path("registry").exists());
    bench.published();
    let reference = {
        let registry = bench.registry();
        let reference = format!("{}/team/demo:1", registry.address);
        bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
        reference
    };
    let before = bench.snapshot("registry");
    let mut serving = Serving::start(&bench, &["--listen", "127.0.0.1:0", "--read-only"]);
    let address = serving.line();
    let (_, path) = reference.split_once('/').expect("a path");
    bench.run(&["plugin", "verify", &format!("{address}/{path}"), "--keys", "keys"]).ok();
    bench.run(&["plugin", "push", "demo.tar", &format!("{address}/team/other:1")]).refused(1, "registry_refused");
    assert_eq!(bench.snapshot("registry"), before);
}

#[test]
fn over_tls_with_a_login_clients_push_and_pull_and_a_new_certificate_ends_no_connection() {
    let bench = guarded();
    bench.published();
    let words = [&["--listen", "localhost:0", "--access-log", "access.log"], &ACCESS[..], &TLS[..]].concat();
    let mut serving = Serving::start(&bench, &words);
    let address = serving.line();
    let reference = format!("{address}/team/demo:1");
    let authority = certificate("self").display().to_string();
    let push = ["plugin", "push", "demo.tar", &reference, "--ca-file", &authority];
    bench.run(&push).refused(1, "registry_denied");
    let auth = format!("{{\"auths\":{{\"{address}\":{{\"auth\":\"YWRhOmFuYWx5dGljYWwgZW5naW5l\"}}}}}}");
    fs::create_dir(bench.path("docker")).expect("made");
    bench.write("docker/config.json", &auth);
    fs::set_permissions(bench.path("docker/config.json"), fs::Permissions::from_mode(0o600)).expect("set");
    let run = bench.command(&push).env("DOCKER_CONFIG", bench.path("docker")).output().expect("run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = fs::read_to_string(bench.path("access.log")).expect("a log");
    assert!(text.contains("\"user\":\"ada\"") && !text.contains("analytical"), "{text}");
    // What was shown is shown on to a connection that is open, and what is new to the next.
    let mut open = Command::new("openssl");
    open.args(["s_client", "-quiet", "-connect", &address]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut open) = open.stderr(Stdio::null()).spawn() else {
        eprintln!("SKIPPED: there is no openssl here");
        return;
    };
    let mut stdin = open.stdin.take().expect("piped");
    let mut stdout = BufReader::new(open.stdout.take().expect("piped"));
    let mut ask = || {
        write!(stdin, "GET /v2/ HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("sent");
        stdin.flush().expect("sent");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let mut length = 0;
        loop {
            let mut header = String::new();
            stdout.read_line(&mut header).expect("a line");
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a number");
            }
            if header.trim().is_empty() {
                break;
            }
        }
        stdout.read_exact(&mut vec![0; length]).expect("a body");
        line
    };
    assert!(ask().starts_with("HTTP/1.1 401"));
    let shown = || {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address]).stdin(Stdio::null());
        let said = client.output().expect("run").stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        said.split("-----BEGIN CERTIFICATE-----").nth(1).unwrap_or_default().to_owned()
    };
    let before = shown();
    fs::copy(certificate("self-again"), bench.path("new.pem")).expect("copied");
    fs::set_permissions(bench.path("new.pem"), fs::Permissions::from_mode(0o600)).expect("set");
    fs::rename(bench.path("new.pem"), bench.path("tls.pem")).expect("renamed");
    let began = Instant::now();
    while shown() == before {
        assert!(began.elapsed() < Duration::from_secs(15), "the new certificate is not shown");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(ask().starts_with("HTTP/1.1 401"), "over the connection that was open all the time");
    let _ = open.kill();
    let _ = open.wait();
}

#[test]
fn a_registry_with_few_descriptors_serves_the_next_client_beside_silent_ones() {
    let bench = Bench::new();
    let words = ["registry", "serve", "--dir", "registry", "--listen", "127.0.0.1:0"];
    let plain = bench.command(&words);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(plain.get_current_dir().expect("a place"));
    command.envs(plain.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the registry starts");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut serving = Serving { child, stdout, stderr };
    let address = serving.line();
    let silent: Vec<_> = (0..260).map(|_| TcpStream::connect(&address).expect("connected")).collect();
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(asked(&address, &address), "HTTP/1.1 200 OK");
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    }
    assert!(serving.child.try_wait().expect("asked").is_none(), "it goes on");
    drop(silent);
}
