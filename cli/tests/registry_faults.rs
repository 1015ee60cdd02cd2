//! A registry that misbehaves: what an operator sees, and that nothing was written.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_testkit::registry::{Act, Login, Registry, Rule};
use support::Bench;

/// A registry that holds the bench's plugin as `team/demo:1`.
fn published(bench: &Bench) -> Registry {
    let registry = Registry::start();
    bench.published();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    registry
}

#[test]
fn each_misbehaviour_has_one_exit_code_and_writes_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    let reference = registry.reference("team/demo:1");
    let cases = [
        (Rule::on("/manifests/", Act::Status(401)), 1, "registry_denied"),
        (Rule::on("/manifests/", Act::Status(403)), 1, "registry_denied"),
        (Rule::on("/manifests/", Act::Status(404)), 1, "reference_not_found"),
        (Rule::on("/manifests/", Act::Html), 4, "registry_protocol"),
        (Rule::on("/manifests/", Act::Status(405)), 1, "registry_refused"),
        (Rule::on("/manifests/", Act::RedirectTo("http://10.0.0.1/".to_owned())), 1, "redirect_refused"),
        (Rule::on("/blobs/", Act::Html), 4, "registry_protocol"),
        (Rule::on("/blobs/", Act::OtherBytes), 3, "pull_failed"),
        (Rule::on("/blobs/", Act::Status(404)), 1, "reference_not_found"),
    ];
    for (rule, code, reason) in cases {
        let shown = format!("{rule:?}");
        registry.set_rules(vec![rule]);
        let run = bench.install(&reference);
        assert_eq!((run.code, run.error_line().contains(&format!("[{reason}]"))), (code, true), "{shown}: {run:?}");
        assert!(!bench.path("plugins").exists(), "{shown} left something behind");
    }
    // Twice the same: a tampered manifest is found by the digest that was asked for.
    registry.set_rules(Vec::new());
    let pinned = bench.install(&reference).ok().stdout.trim().to_owned();
    let before = bench.snapshot("plugins");
    registry.set_rules(vec![Rule::on("/manifests/", Act::OtherBytes)]);
    bench.install(&pinned).refused(3, "pull_failed");
    assert_eq!(bench.snapshot("plugins"), before);
}

/// Answers every request with these bytes, as they are, and hangs up.
fn answering(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = BufReader::new(client.try_clone().expect("cloned")).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = client.write_all(&answer);
        }
    });
    address
}

/// A digest says no to what came whole. What ends in its middle is no other manifest, however its end is written.
#[test]
fn a_manifest_that_was_cut_is_damaged_and_one_that_is_another_is_refused() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("layout/index.json")).expect("read")).expect("JSON");
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
    let whole = fs::read(bench.path("layout/blobs").join(digest.replace(':', "/"))).expect("read");
    let half = &whole[..whole.len() / 2];
    let other = String::from_utf8(whole.clone()).expect("UTF-8").replace("demo", "dome").into_bytes();
    let chunk = |bytes: &[u8], length: usize| [format!("{length:x}\r\n").as_bytes(), bytes, b"\r\n"].concat();
    let end = b"0\r\n\r\n".to_vec();
    let (chunked, closed) = ("Transfer-Encoding: chunked\r\n", "");
    let stated = format!("Content-Length: {}\r\n", whole.len());
    for (headers, body, code, reason) in [
        (chunked, chunk(half, half.len()), 4, "registry_unavailable"),
        (chunked, [format!("{:x}\r\n", whole.len()).as_bytes(), half].concat(), 4, "registry_unavailable"),
        (&stated, half.to_vec(), 4, "registry_unavailable"),
        (chunked, [chunk(half, half.len()), end.clone()].concat(), 4, "download_damaged"),
        (chunked, end.clone(), 4, "download_damaged"),
        (closed, half.to_vec(), 4, "download_damaged"),
        (chunked, [chunk(&other, other.len()), end.clone()].concat(), 3, "pull_failed"),
        (closed, other.clone(), 3, "pull_failed"),
        (closed, b"not JSON".to_vec(), 3, "pull_failed"),
        (chunked, [chunk(&whole, whole.len()), chunk(b"\n", 1), end.clone()].concat(), 3, "pull_failed"),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nConnection: close\r\n{headers}\r\n"
        );
        let address = answering([head.as_bytes(), &body].concat());
        bench.install(&format!("{address}/team/demo@{digest}")).refused(code, reason);
        assert!(!bench.path("plugins").exists(), "{headers:?} {reason}");
        if code == 4 {
            // By a tag there is no digest that could say no, and half a manifest is none.
            bench.install(&format!("{address}/team/demo:1")).refused(4, reason);
        }
    }
}

#[test]
fn a_layer_that_the_registry_has_lost_is_no_misspelled_reference() {
    let bench = Bench::new();
    let registry = published(&bench);
    registry.set_rules(vec![Rule::on("/blobs/", Act::Status(404)).method("GET")]);
    let run = bench.install(&registry.reference("team/demo:1"));
    run.refused(1, "reference_not_found");
    assert!(run.stderr.contains("hint: the registry has lost what the manifest names"), "{run:?}");
    assert!(!bench.path("plugins/demo").exists());
}

/// The tags are asked for once, and not for long: the refusal stands without them.
#[test]
fn a_registry_that_cannot_list_its_tags_makes_no_other_refusal_of_a_missing_one() {
    let bench = Bench::new();
    let registry = published(&bench);
    for act in [Act::Status(403), Act::Status(503), Act::Html, Act::StallAfter(0)] {
        let shown = format!("{act:?}");
        registry.set_rules(vec![Rule::on("/tags/", act)]);
        let begun = Instant::now();
        let run = bench.install(&registry.reference("team/demo:2"));
        run.refused(1, "reference_not_found");
        assert!(run.stderr.contains("hint: check the spelling of the reference"), "{shown}: {run:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{shown}: {:?}", begun.elapsed());
    }
}

#[test]
fn the_same_digest_again_is_one_request() {
    let bench = Bench::new();
    let registry = published(&bench);
    let reference = registry.reference("team/demo:1");
    registry.forget();
    bench.install(&reference).ok();
    assert_eq!(registry.requests().len(), 2, "a manifest and a layer: {:?}", registry.requests());
    let before = bench.snapshot("plugins");
    registry.forget();
    assert!(bench.install(&reference).ok().stderr.contains("Up to date"));
    assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn a_second_push_sends_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    registry.forget();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    let sent: Vec<_> =
        registry.requests().into_iter().filter(|seen| !matches!(&*seen.method, "GET" | "HEAD")).collect();
    assert!(sent.is_empty(), "{sent:?}");
}

#[test]
fn an_interrupted_install_leaves_nothing() {
    let bench = Bench::new();
    let registry = published(&bench);
    registry.set_rules(vec![Rule::on("/blobs/", Act::StallAfter(100))]);
    let reference = registry.reference("team/demo:1");
    let words = ["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins"];
    let child = bench.command(&words).stderr(std::process::Stdio::piped()).spawn().expect("started");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !bench.path("plugins").exists() {
        assert!(Instant::now() < deadline, "the install never began to stage");
        thread::sleep(Duration::from_millis(10));
    }
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[interrupted]"), "{output:?}");
    assert!(!bench.path("plugins").exists());
}

/// Guarded registries, and the login variables for a host.
fn login(host: Option<&str>) -> Vec<(&'static str, String)> {
    let login = [("AISOC_REGISTRY_USERNAME", "me".to_owned()), ("AISOC_REGISTRY_PASSWORD", "secret".to_owned())];
    login.into_iter().chain(host.map(|host| ("AISOC_REGISTRY_HOST", host.to_owned()))).collect()
}

fn run_with_login(bench: &Bench, words: &[&str], host: Option<&str>) -> support::Run {
    let variables = login(host);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bench.run_with(words, &variables)
}

#[test]
fn a_password_is_for_the_host_that_the_environment_names_and_for_no_other() {
    let bench = Bench::new();
    bench.published();
    let (ours, theirs) =
        (Registry::start().login(Login::Basic("me", "secret")), Registry::start().login(Login::Basic("me", "secret")));
    let (to_us, to_them) = (ours.reference("team/demo:1"), theirs.reference("team/demo:1"));
    let host = ours.host();
    run_with_login(&bench, &["plugin", "push", "demo.tar", &to_us], Some(&host)).ok();
    for other in [None, Some(host.as_str()), Some("ghcr.io"), Some("127.0.0.1")] {
        let run = run_with_login(&bench, &["plugin", "push", "demo.tar", &to_them], other);
        assert!(run.refused(1, "registry_denied").stderr.contains("AISOC_REGISTRY_HOST"), "{run:?}");
        assert!(!run.stderr.contains("secret"), "{run:?}");
    }
    run_with_login(&bench, &["plugin", "push", &to_us, &to_them], Some(&host)).refused(1, "registry_denied");
    assert!(!theirs.requests().is_empty());
    assert!(theirs.requests().iter().all(|seen| seen.authorization.is_none()), "{:?}", theirs.requests());
    run_with_login(&bench, &["plugin", "push", &to_us, &to_them], Some(&theirs.host())).refused(1, "registry_denied");
}

#[test]
fn half_a_login_and_a_host_that_is_none_are_usage_errors() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let reference = registry.reference("team/demo:1");
    let push = ["plugin", "push", "demo.tar", &reference];
    for variables in [
        &[("AISOC_REGISTRY_USERNAME", "me")][..],
        &[("AISOC_REGISTRY_PASSWORD", "hunter2hunter2")],
        &[("AISOC_REGISTRY_USERNAME", "me"), ("AISOC_REGISTRY_PASSWORD", "")],
    ] {
        let run = bench.run_with(&push, variables);
        assert!(!run.refused(2, "usage").stderr.contains("hunter2"), "{run:?}");
    }
    for host in ["https://ghcr.io", "ghcr.io/team", "me@ghcr.io", "ghcr.io:x", " ", "ghcr.io evil.example"] {
        run_with_login(&bench, &push, Some(host)).refused(2, "usage");
    }
    bench.run_with(&push, &[("AISOC_REGISTRY_HOST", "ghcr.io")]).ok();
}

#[test]
fn a_password_leaves_this_machine_without_tls_only_by_a_word_that_is_warned_of() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start().login(Login::Basic("me", "secret"));
    let Some(address) = outside_address() else {
        eprintln!("SKIPPED: this machine has no address but loopback");
        return;
    };

    let forward = Forward::start(address, registry.host());
    let reference = format!("{}:{}/team/demo:1", address, forward.port);
    let host = format!("{address}:{}", forward.port);
    let push = ["plugin", "push", "demo.tar", &reference];
    run_with_login(&bench, &push, Some(&host)).refused(1, "registry_tls");
    assert_eq!(registry.requests(), [], "TLS comes first");

    let in_clear = [&push[..], &["--plain-http"]].concat();
    let run = run_with_login(&bench, &in_clear, Some(&registry.host()));
    let run = run.refused(1, "registry_denied");
    assert!(run.stderr.contains("warning[connection_unencrypted]: ") && run.stderr.contains("without TLS"), "{run:?}");
    assert!(registry.requests().iter().all(|seen| seen.authorization.is_none()), "it is for another host");
    let run = run_with_login(&bench, &in_clear, Some(&host));
    let run = run.ok();
    assert!(run.stderr.contains(&format!("`{host}` is spoken to without TLS")), "{run:?}");
    assert!(!run.stderr.contains("secret"), "{run:?}");
}

#[test]
fn a_host_that_a_registry_may_lead_to_is_a_host() {
    let bench = Bench::new();
    let registry = published(&bench);
    let reference = registry.reference("team/demo:1");
    for host in ["https://gitlab.corp", "gitlab.corp:443", "gitlab corp", "", "[::1"] {
        bench.run(&["plugin", "inspect", &reference, "--also-reach", host]).refused(2, "usage");
    }
    bench.run(&["plugin", "inspect", &reference, "--also-reach", "gitlab.corp", "--also-reach", "[fd00::1]"]).ok();
}

#[test]
fn plain_http_to_this_machine_needs_no_word_and_no_warning() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    for words in [&[][..], &["--plain-http"]] {
        let reference = registry.reference("team/demo");
        let run = bench.run(&[&["plugin", "push", "demo.tar", &reference], words].concat());
        let run = run.ok();
        assert!(!run.stderr.contains("warning"), "{run:?}");
    }
}

/// This machine's address on a network, for which nothing has to be sent.
fn outside_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

/// Carries connections from an address of the network to a registry on loopback, until the test ends.
struct Forward {
    port: u16,
}

impl Forward {
    fn start(address: IpAddr, to: String) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("bound");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for inward in listener.incoming().flatten() {
                let Ok(outward) = TcpStream::connect(&to) else { return };
                for (mut from, mut into) in
                    [(inward.try_clone().expect("cloned"), outward.try_clone().expect("cloned")), (outward, inward)]
                {
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = into.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
        });
        Self { port }
    }
}
