//! A host that a service manager starts: on the socket that it is handed, telling how it does.

mod support;

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aisoc_testkit::tls::certificate;
use support::host::{PATIENCE, ServedHost, bench, has_python};
use support::{Bench, Run};

/// Becomes a program that has what is on standard input as its descriptor 3, under an id that is known before.
const LAUNCHER: &str = r#"exec 3<&0 0</dev/null; LISTEN_PID="${LISTEN_PID:-$$}" exec "$@""#;

/// A host that is handed that descriptor.
fn handed(bench: &Bench, descriptor: impl Into<OwnedFd>, words: &[&str]) -> Command {
    let fixed = ["serve", "--state", "host.json", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let host = bench.command(&[&fixed[..], words].concat());
    let mut launcher = Command::new("sh");
    launcher.args(["-c", LAUNCHER, "sh"]).arg(host.get_program()).args(host.get_args());
    launcher.current_dir(host.get_current_dir().expect("a bench has a place"));
    for (name, value) in host.get_envs() {
        match value {
            Some(value) => launcher.env(name, value),
            None => launcher.env_remove(name),
        };
    }
    launcher.env("LISTEN_FDS", "1").env("ENVIRONMENT", "development").stdin(Stdio::from(descriptor.into()));
    launcher
}

const SYSTEMD: [&str; 2] = ["--listen", "systemd"];

/// What a service manager hears next.
fn heard(socket: &UnixDatagram) -> String {
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut message = [0; 256];
    let length = socket.recv(&mut message).expect("told");
    String::from_utf8(message[..length].to_vec()).expect("text")
}

/// And the first of those that are no sign of life.
fn told(socket: &UnixDatagram) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "it was told nothing else");
        match heard(socket) {
            alive if alive == "WATCHDOG=1" => {}
            other => return other,
        }
    }
}

#[test]
fn a_host_answers_on_what_it_was_handed_and_tells_how_it_does() {
    let bench = bench();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    let manager = UnixDatagram::bind(bench.path("notify.sock")).expect("bound");
    let mut command = handed(&bench, listener.try_clone().expect("cloned"), &SYSTEMD);
    command.env("NOTIFY_SOCKET", bench.path("notify.sock")).env("WATCHDOG_USEC", "200000");
    let host = ServedHost::begin(command.env("LISTEN_FDNAMES", "aisoc.socket"));
    assert_eq!(host.address, address.to_string());
    assert_eq!(told(&manager), "READY=1\nSTATUS=it has looked for its plugins");
    assert_eq!(host.get("/readyz").status, 200, "it is ready once it says so");
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(heard(&manager), "WATCHDOG=1");
        assert!(began.elapsed() < Duration::from_secs(5), "again and again");
    }
    host.tell_to_end();
    assert_eq!(told(&manager), "STOPPING=1");
    assert_eq!(host.end(), Some(0));
    TcpStream::connect(address).expect("the socket is whose it was, and waits for the next host");
}

#[test]
fn a_host_that_cannot_look_for_plugins_says_so_and_is_there() {
    let bench = bench();
    let name = format!("aisoc-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("bound");
    let listener = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).expect("bound");
    let mut command = handed(&bench, listener, &[&SYSTEMD[..], &["--plugins-lock", "plugins.lock"]].concat());
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    bench.write("plugins.lock", "no lock");
    let host = ServedHost::begin(&mut command);
    assert_eq!(told(&manager), "READY=1\nSTATUS=it could not look for its plugins (lock_invalid)");
    assert_eq!((host.get("/healthz").status, host.get("/readyz").status), (200, 503));
    drop(manager);
    host.tell_to_end();
    let warned = |host: &ServedHost| host.said().contains("warning[service_manager_not_told]: ");
    host.wait_for(warned);
    assert_eq!(host.end(), Some(0));
}

#[test]
fn a_socket_of_this_machine_is_the_service_managers() {
    let bench = bench();
    let path = bench.path("host.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
    let before = fs::symlink_metadata(&path).expect("there").ino();
    let host = ServedHost::begin(&mut handed(&bench, listener.try_clone().expect("cloned"), &SYSTEMD));
    assert_eq!(host.address, format!("unix:{}", path.display()));
    bench.run(&["api", "list", "--url", &host.address]).ok();
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(fs::symlink_metadata(&path).expect("it stays").ino(), before);
    UnixStream::connect(&path).expect("and waits for the next host");
    drop(listener);

    // Who may reach it is asked as of one of our own.
    let shared = |mode: u32, words: &[&str]| {
        fs::remove_file(&path).expect("removed");
        let listener = UnixListener::bind(&path).expect("bound");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        handed(&bench, listener, &[&SYSTEMD[..], words].concat())
    };
    bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]).ok();
    let tokens = ["--tokens", "tokens.json"];
    for (mode, words) in [(0o660, &[][..]), (0o602, &[]), (0o666, &tokens), (0o662, &tokens)] {
        Run::of(&mut shared(mode, words)).refused(1, "directory_insecure");
    }
    let host = ServedHost::begin(&mut shared(0o660, &tokens));
    assert_eq!(host.terminate(), Some(0));
    fs::copy(certificate("issued"), bench.path("tls.pem")).expect("copied");
    fs::set_permissions(bench.path("tls.pem"), Permissions::from_mode(0o600)).expect("set");
    let tls = ["--tls-certificate", "tls.pem", "--tls-private-key", "tls.pem"];
    refused(&mut shared(0o600, &tls), "no TLS is spoken there");
}

fn refused(command: &mut Command, what: &str) {
    let run = Run::of(command);
    run.refused(2, "usage");
    assert!(run.stderr.contains(what), "{run:?}");
}

#[test]
fn what_is_no_one_socket_that_listens_is_refused() {
    let bench = bench();
    let tcp = || TcpListener::bind("127.0.0.1:0").expect("bound");
    let with = |name: &str, value: &str| {
        let mut command = handed(&bench, tcp(), &SYSTEMD);
        command.env(name, value);
        command
    };
    let mut alone = bench.command(&["serve", "--state", "host.json", "--listen", "systemd"]);
    refused(alone.env("ENVIRONMENT", "development"), "no socket was handed to this process");
    for (name, value, what) in [
        ("LISTEN_PID", "1", "no socket was handed to this process"),
        ("LISTEN_FDS", "0", "it is not one socket"),
        ("LISTEN_FDS", "2", "it is not one socket"),
        ("LISTEN_FDS", "1 ", "it is not one socket"),
        ("LISTEN_FDS", "", "no socket was handed to this process"),
        ("LISTEN_FDNAMES", "one:two", "several sockets are named"),
        ("LISTEN_FDS_FIRST_FD", "0", "the socket is said to be elsewhere"),
        ("NOTIFY_SOCKET", "notify.sock", "`NOTIFY_SOCKET` names no socket"),
        ("NOTIFY_SOCKET", "@", "`NOTIFY_SOCKET` names no socket"),
        ("NOTIFY_SOCKET", &format!("/{}", "x".repeat(200)), "`NOTIFY_SOCKET` names no socket"),
    ] {
        refused(&mut with(name, value), what);
    }
    for time in ["0", "-1", "soon", "1s"] {
        let mut command = with("WATCHDOG_USEC", time);
        refused(command.env("NOTIFY_SOCKET", "/run/nobody"), "`WATCHDOG_USEC` is no time");
    }
    let (connection, _other) = UnixStream::pair().expect("a pair");
    let abstracted = SocketAddr::from_abstract_name(format!("aisoc-host-{}", std::process::id())).expect("a name");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("bound");
    for (descriptor, what) in [
        (OwnedFd::from(File::open("/dev/null").expect("opened")), "no stream socket"),
        (udp.into(), "no stream socket"),
        (UnixDatagram::unbound().expect("made").into(), "no stream socket"),
        (connection.into(), "takes no connections"),
        (UnixListener::bind_addr(&abstracted).expect("bound").into(), "everybody on this machine reaches"),
        (TcpListener::bind("0.0.0.0:0").expect("bound").into(), "there is no TLS"),
    ] {
        refused(&mut handed(&bench, descriptor, &SYSTEMD), what);
    }
    refused(&mut handed(&bench, tcp(), &["--listen", "127.0.0.1:0"]), "it is to listen elsewhere");
    refused(handed(&bench, tcp(), &SYSTEMD).env("ENVIRONMENT", "production"), "there is no login");
    // What was meant for whoever has started it is nothing to a host.
    let elsewhere = ServedHost::begin(handed(&bench, tcp(), &["--listen", "127.0.0.1:0"]).env("LISTEN_PID", "1"));
    assert_eq!(elsewhere.get("/healthz").status, 200);
}

#[test]
fn plugins_are_told_and_handed_nothing_of_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    let code = "import os\n\n\ndef link(name):\n    try:\n        return os.readlink('/proc/self/fd/' + name)\n    except OSError:\n        return ''\n\n\nclass Plugin:\n    def run(self, payload, context):\n        return {'environment': sorted(os.environ), 'open': [link(name) for name in os.listdir('/proc/self/fd')]}\n";
    bench.write("plugins/demo/plugin.py", code);
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/demo", "--private-key", "release.key"]).ok();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let socket =
        fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener))).expect("a link");
    let _manager = UnixDatagram::bind(bench.path("notify.sock")).expect("bound");
    let mut command = handed(&bench, listener.try_clone().expect("cloned"), &SYSTEMD);
    command.env("NOTIFY_SOCKET", bench.path("notify.sock")).env("WATCHDOG_USEC", "60000000");
    // Confined, it could not look.
    command.env("AISOC_SANDBOX", "off");
    let host = ServedHost::begin(command.env("LISTEN_FDNAMES", "aisoc.socket"));
    host.wait_for(|host| host.get("/readyz").status == 200);
    let seen = host.post("/api/v1/plugins/demo/run", "").ok();
    let said = seen["result"].to_string();
    for name in ["LISTEN", "NOTIFY", "WATCHDOG"] {
        assert!(!said.contains(name), "{said}");
    }
    let open = seen["result"]["open"].as_array().expect("descriptors");
    assert!(!open.is_empty() && open.iter().all(|link| link.as_str() != socket.to_str()), "{said}");
}
