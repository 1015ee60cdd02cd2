//! Where a host listens: behind a socket of this machine, and over TLS.

mod support;

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aisoc_testkit::tls::certificate;
use support::host::{self, PATIENCE, ServedHost};
use support::{Bench, Run};

/// A bench with a plugin that is refused, which takes no Python, and a token that opens everything.
fn bench() -> Bench {
    let bench = host::bench();
    bench.run(&["plugin", "new", "bare", "--type", "widget", "-o", "plugins"]).ok();
    let made = bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]);
    bench.write("ops.token", &made.ok().stdout);
    bench
}

/// A host at that place, in production, with tokens.
fn serving(bench: &Bench, state: &str, words: &[&str]) -> Command {
    let fixed = ["serve", "--state", state, "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let mut command = bench.command(&[&fixed[..], &["--tokens", "tokens.json"], words].concat());
    command.env("ENVIRONMENT", "production");
    command
}

fn refused(bench: &Bench, words: &[&str], code: i32, reason: &str, what: &str) {
    let run = Run::of(&mut serving(bench, "other.json", words));
    run.refused(code, reason);
    assert!(run.stderr.contains(what), "{run:?}");
}

fn list(bench: &Bench, url: &str, words: &[&str]) -> Run {
    bench.run(&[&["api", "list", "--url", url, "--token-file", "ops.token"], words].concat())
}

#[test]
fn a_socket_appears_ready_and_goes_with_its_host() {
    let bench = bench();
    let socket = bench.path("host.sock");
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &["--listen", "unix:host.sock"]));
    assert_eq!(host.address, "unix:host.sock");
    let metadata = fs::symlink_metadata(&socket).expect("there");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    // It answers before it has looked for its plugins.
    host.wait_for(|_| list(&bench, "unix:host.sock", &[]).ok().stdout.contains("bare"));
    bench.run(&["api", "list", "--url", "unix:host.sock"]).refused(1, "not_authenticated");
    refused(&bench, &["--listen", "unix:host.sock"], 4, "locked", "somebody listens behind `host.sock`");
    assert!(
        fs::read_dir(bench.path(""))
            .expect("listed")
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().starts_with(".aisoc-socket") })
    );
    assert_eq!(host.terminate(), Some(0));
    assert!(!socket.exists());
    list(&bench, "unix:host.sock", &[]).refused(4, "host_unavailable");

    // What a killed host leaves gives way to the next.
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &["--listen", "unix:host.sock"]));
    host.kill();
    let left = fs::symlink_metadata(&socket).expect("left").ino();
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &["--listen", "unix:host.sock"]));
    assert_ne!(fs::symlink_metadata(&socket).expect("there").ino(), left);
    list(&bench, "unix:host.sock", &[]).ok();
    // Only what is its own goes with it.
    fs::remove_file(&socket).expect("removed");
    let _other = UnixListener::bind(&socket).expect("bound");
    assert_eq!(host.terminate(), Some(0));
    assert!(socket.exists());
}

#[test]
fn without_a_login_a_socket_is_its_users_alone() {
    let bench = bench();
    let words = ["serve", "--listen", "unix:host.sock", "--state", "host.json", "--plugins-dir", "plugins"];
    let mut command = bench.command(&[&words[..], &["--trusted-keys", "keys"]].concat());
    let _host = ServedHost::begin(command.env("ENVIRONMENT", "development"));
    let metadata = fs::symlink_metadata(bench.path("host.sock")).expect("there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    bench.run(&["api", "list", "--url", "unix:host.sock"]).ok();
}

#[test]
fn a_socket_takes_nobodys_place_and_no_place_that_is_anybodys() {
    let bench = bench();
    bench.write("file", "x");
    for (place, reason) in [("unix:file", "already_exists"), ("unix:keys", "already_exists")] {
        refused(&bench, &["--listen", place], 1, reason, "something else than a socket");
    }
    assert_eq!(fs::read_to_string(bench.path("file")).expect("read"), "x");
    refused(&bench, &["--listen", "unix:nowhere/x"], 1, "io_not_found", "nowhere");
    for place in ["unix:", "somewhere", "127.0.0.1"] {
        refused(&bench, &["--listen", place], 2, "usage", "--listen");
    }
    let open = bench.path("open");
    fs::create_dir(&open).expect("made");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).expect("set");
    refused(&bench, &["--listen", "unix:open/x"], 1, "directory_insecure", "open");
    assert_eq!(fs::read_dir(&open).expect("listed").count(), 0);

    // As long as a client can name it, and one byte longer.
    let directory = "d".repeat(100);
    fs::create_dir(bench.path(&directory)).expect("made");
    let longest = format!("unix:{directory}/{}", "s".repeat(6));
    refused(&bench, &["--listen", &format!("{longest}s")], 2, "usage", "107 bytes");
    let _host = ServedHost::begin(&mut serving(&bench, "host.json", &["--listen", &longest]));
    list(&bench, &longest, &[]).ok();
}

/// The certificate of `testdata/tls` and its key, as files of a user's own.
fn copied(bench: &Bench, name: &str, to: &str) {
    let path = bench.path(to);
    fs::copy(certificate(name), &path).expect("copied");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
}

const TLS: [&str; 4] = ["--tls-certificate", "tls.pem", "--tls-private-key", "tls.pem"];

fn with_tls<'a>(listen: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    [&["--listen", listen], words].concat()
}

#[test]
fn over_tls_a_host_is_who_its_certificate_says() {
    let bench = bench();
    copied(&bench, "issued", "tls.pem");
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &with_tls("127.0.0.1:0", &TLS)));
    let authority = certificate("authority").display().to_string();
    let port = host.address.rsplit_once(':').expect("a port").1.to_owned();
    for name in ["127.0.0.1", "localhost"] {
        list(&bench, &format!("https://{name}:{port}"), &["--ca-file", &authority]).ok();
    }
    let unknown = list(&bench, &host.address, &[]);
    unknown.refused(1, "host_tls");
    assert!(unknown.stderr.contains("--ca-file FILE"), "{unknown:?}");
    list(&bench, &format!("http://127.0.0.1:{port}"), &[]).refused(4, "host_unavailable");
    // Somebody who says nothing is in nobody's way.
    let _silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(format!("127.0.0.1:{port}")).expect("connected")).collect();
    let begun = Instant::now();
    list(&bench, &host.address, &["--ca-file", &authority]).ok();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    // A certificate that is renewed is shown from then on; one that cannot be used is not.
    bench.write("new.pem", "-----BEGIN CERTIFICATE-----\n");
    fs::set_permissions(bench.path("new.pem"), Permissions::from_mode(0o600)).expect("set");
    fs::rename(bench.path("new.pem"), bench.path("tls.pem")).expect("renamed");
    host.wait_for(|host| host.said().contains("warning[certificate_kept]: "));
    list(&bench, &host.address, &["--ca-file", &authority]).ok();
    copied(&bench, "self", "new.pem");
    fs::rename(bench.path("new.pem"), bench.path("tls.pem")).expect("renamed");
    let renewed = certificate("self").display().to_string();
    let begun = Instant::now();
    while list(&bench, &host.address, &["--ca-file", &renewed]).code != 0 {
        assert!(begun.elapsed() < PATIENCE, "{}", host.said());
    }
    assert_eq!(host.said().matches("warning[certificate_kept]: ").count(), 1);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_certificate_that_proves_nothing_is_not_shown() {
    let bench = bench();
    copied(&bench, "issued", "tls.pem");
    copied(&bench, "self", "other.pem");
    bench.write("none.pem", "");
    fs::set_permissions(bench.path("none.pem"), Permissions::from_mode(0o600)).expect("set");
    let files =
        |certificate, key| with_tls("127.0.0.1:0", &["--tls-certificate", certificate, "--tls-private-key", key]);
    refused(&bench, &files("tls.pem", "other.pem"), 2, "usage", "not the one of the certificate");
    refused(&bench, &files("none.pem", "tls.pem"), 2, "usage", "holds none that can be read as PEM");
    refused(&bench, &files("tls.pem", "none.pem"), 2, "usage", "holds none that can be used for TLS");
    refused(&bench, &files("absent.pem", "tls.pem"), 1, "io_not_found", "absent.pem");
    refused(&bench, &files("tls.pem", "absent.pem"), 1, "io_not_found", "absent.pem");
    refused(&bench, &files("keys", "tls.pem"), 2, "usage", "is no certificate");
    refused(&bench, &["--tls-certificate", "tls.pem"], 2, "usage", "--tls-private-key");
    let chain = fs::read_to_string(certificate("self")).expect("read");
    let one = &chain[chain.find("-----BEGIN CERT").expect("begins")..chain.find("-----END CERT").expect("ends") + 26];
    for (count, is_taken) in [(16, true), (17, false)] {
        bench.write("chain.pem", vec![one; count].join("\n"));
        match is_taken {
            true => drop(ServedHost::begin(&mut serving(&bench, "host.json", &files("chain.pem", "other.pem")))),
            false => refused(&bench, &files("chain.pem", "other.pem"), 2, "usage", "at most 16"),
        }
    }
    fs::set_permissions(bench.path("tls.pem"), Permissions::from_mode(0o644)).expect("set");
    refused(&bench, &files("tls.pem", "tls.pem"), 1, "private_key_exposed", "chmod 600");
}

/// Handshakes that never end: of nobody who says anything, of a record that is half there, of a message whose end does not come,
/// and of what is no TLS at all.
const UNFINISHED: [&[u8]; 4] = [
    b"",
    b"\x16\x03\x01\x02",
    // Of 508 bytes of a first message six are there.
    b"\x16\x03\x01\x00\x0a\x01\x00\x01\xfc\x03\x03abcd",
    b"GET /healthz HTTP/1.1\r\n",
];

#[test]
fn handshakes_that_never_end_are_in_nobodys_way_and_leave_nothing() {
    let bench = bench();
    copied(&bench, "issued", "tls.pem");
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &with_tls("127.0.0.1:0", &TLS)));
    let authority = certificate("authority").display().to_string();
    let address = host.address.strip_prefix("https://").expect("over TLS").to_owned();
    list(&bench, &host.address, &["--ca-file", &authority]).ok();
    let open = || fs::read_dir(format!("/proc/{}/fd", host.id())).expect("listed").count();
    let before = open();
    let mut flood: Vec<TcpStream> = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..6 {
        for number in 0..200 {
            let mut stream = TcpStream::connect(&address).expect("connected");
            // One that had to make room is closed by then.
            let _ = stream.write_all(UNFINISHED[number % UNFINISHED.len()]);
            flood.push(stream);
        }
        let begun = Instant::now();
        list(&bench, &host.address, &["--ca-file", &authority]).ok();
        slowest = slowest.max(begun.elapsed());
        let now = open();
        assert!(now <= before + 256 + 16, "round {round}: {now} descriptors, and {before} before");
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    // Those who go on waiting are let go of, whatever they do.
    let begun = Instant::now();
    host.wait_for(|_| open() <= before);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    drop(flood);
    list(&bench, &host.address, &["--ca-file", &authority]).ok();
    assert!(open() <= before, "{} and {before}", open());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn other_machines_reach_a_host_over_tls_and_with_a_login_alone() {
    let bench = bench();
    copied(&bench, "issued", "tls.pem");
    refused(&bench, &["--listen", "0.0.0.0:0"], 2, "usage", "and there is no TLS");
    refused(&bench, &with_tls("unix:host.sock", &TLS), 2, "usage", "no TLS is spoken there");
    let words = ["serve", "--state", "host.json", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let mut command = bench.command(&[&words[..], &with_tls("0.0.0.0:0", &TLS)].concat());
    let open = Run::of(command.env("ENVIRONMENT", "development"));
    open.refused(2, "usage");
    assert!(open.stderr.contains("and there is no login"), "{open:?}");
    let host = ServedHost::begin(&mut serving(&bench, "host.json", &with_tls("0.0.0.0:0", &TLS)));
    let port = host.address.rsplit_once(':').expect("a port").1;
    let authority = certificate("authority").display().to_string();
    list(&bench, &format!("https://localhost:{port}"), &["--ca-file", &authority]).ok();
    if Path::new("/usr/bin/curl").exists() {
        let ask = |name: &str| {
            let url = format!("https://{name}:{port}/healthz");
            let resolved = format!("{name}:{port}:127.0.0.1");
            let words = ["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--resolve", &resolved, &url];
            Run::of(Command::new("/usr/bin/curl").args(words)).stdout
        };
        assert_eq!((ask("registry.corp"), ask("evil.example")), ("200".to_owned(), "421".to_owned()));
    }
}
