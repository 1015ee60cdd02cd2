//! `aisoc registry serve`, and what it does not serve.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use std::process::{Child, ChildStderr, ChildStdout, Stdio};

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
