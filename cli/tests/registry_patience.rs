//! A registry that keeps an operator waiting or sends what nobody wants: when it ends, and what is left.

mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::digest::ContentDigest;
use aisoc_manifests::oci::{
    ARTIFACT_TYPE, Annotations, CONFIG_MEDIA_TYPE, CONTENT_DIGEST, Descriptor, ImageManifest, LAYER_MEDIA_TYPE,
    MANIFEST_MEDIA_TYPE, TITLE, UNPACK, to_bytes,
};
use aisoc_testkit::by_hand;
use support::Bench;

/// Announces a layer of 1 GiB that is no archive, and sends it: zeros without a pause, or nothing more.
fn of_a_large_layer(goes_on: bool) -> (SocketAddr, Arc<AtomicU64>) {
    let size: u64 = 1 << 30;
    let notes = [(TITLE, "demo"), (UNPACK, "true"), (CONTENT_DIGEST, &ContentDigest::of(b"x").to_string())];
    let annotations: Annotations = notes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let manifest = to_bytes(&ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: Descriptor::of(CONFIG_MEDIA_TYPE, b"{}"),
        layers: vec![Descriptor { size, annotations, ..Descriptor::of(LAYER_MEDIA_TYPE, b"a layer") }],
        subject: None,
        annotations: Annotations::new(),
    });
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let address = by_hand::serve("127.0.0.1:0", move |head, stream| {
        if head.contains("/manifests/") {
            let length = manifest.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: {MANIFEST_MEDIA_TYPE}\r\nContent-Length: {length}\r\n\r\n"
            )?;
            return stream.write_all(&manifest);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")?;
        loop {
            counted.fetch_add(stream.write(&[0; 65_536])? as u64, Ordering::SeqCst);
            if !goes_on {
                thread::sleep(Duration::from_secs(600));
            }
        }
    });
    (address, sent)
}

#[test]
fn the_rest_of_a_refused_layer_is_not_downloaded() {
    for goes_on in [true, false] {
        let bench = Bench::new();
        bench.published();
        let (address, sent) = of_a_large_layer(goes_on);
        let began = Instant::now();
        bench.install(&format!("{address}/team/demo:1")).refused(1, "unsafe_archive");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(sent.load(Ordering::SeqCst) < 32 << 20, "{} bytes were sent", sent.load(Ordering::SeqCst));
        assert!(!bench.path("plugins").exists());
    }
}

#[test]
fn a_redirect_into_this_machine_ends_the_install() {
    let bench = Bench::new();
    bench.published();
    let witness = TcpListener::bind("127.0.0.1:0").expect("a port");
    witness.set_nonblocking(true).expect("set");
    let port = witness.local_addr().expect("an address").port();
    let registry = aisoc_testkit::registry::Registry::start();
    bench.run(&["plugin", "push", "demo.tar", &registry.reference("team/demo:1")]).ok();
    // The registry as it is seen from another address of this machine: its blobs are `elsewhere`.
    let home = registry.host();
    let address = by_hand::serve("127.0.0.2:0", move |head, stream| {
        if head.contains("/blobs/") {
            return write!(
                stream,
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://localhost:{port}/x\r\nContent-Length: 0\r\n\r\n"
            );
        }
        let mut home = std::net::TcpStream::connect(&home)?;
        home.write_all(
            head.replace("127.0.0.2", "127.0.0.1").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes(),
        )?;
        std::io::copy(&mut home, stream).map(|_| ())
    });
    let run = bench.install(&format!("{address}/team/demo:1"));
    run.refused(1, "redirect_refused");
    assert!(run.error_line().contains("`localhost`"), "{run:?}");
    assert!(witness.accept().is_err(), "the address inside was connected to");
    assert!(!bench.path("plugins").exists());
}

#[test]
fn a_proxy_of_the_environment_is_used_under_its_name_and_only_for_other_machines() {
    let bench = Bench::new();
    bench.published();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let proxy = by_hand::serve("127.0.0.1:0", move |head, stream| {
        log.lock().expect("whole").push(head.lines().next().unwrap_or_default().to_owned());
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    });
    let variables = [("http_proxy", &*format!("http://localhost:{}", proxy.port()))];
    let words = |reference: &'static str| {
        ["plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", "plugins", "--plain-http"]
    };
    bench.run_with(&words("registry.example:80/team/demo:1"), &variables).refused(1, "reference_not_found");
    bench.run_with(&words("localhost:1/team/demo:1"), &variables).refused(4, "registry_unavailable");
    let seen = seen.lock().expect("whole");
    // The tag, and then, because there is none, those that there are.
    let asked = ["manifests/1", "tags/list?n=1000"];
    assert_eq!(*seen, asked.map(|what| format!("GET http://registry.example/v2/team/demo/{what} HTTP/1.1")));
}

#[test]
fn ctrl_c_ends_every_wait_for_a_registry() {
    let bench = Bench::new();
    bench.published();
    let silent = by_hand::serve("127.0.0.1:0", |_, _| {
        loop {
            thread::sleep(Duration::from_secs(600));
        }
    });
    let hints = by_hand::serve("127.0.0.1:0", |_, stream| {
        loop {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")?;
        }
    });
    let later = by_hand::serve("127.0.0.1:0", |_, stream| {
        stream.write_all(b"HTTP/1.1 503 Unavailable\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n")
    });
    for address in [silent, hints, later] {
        let reference = format!("{address}/team/demo:1");
        let words = ["plugin", "install", &reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
        let child = bench.command(&words).stderr(Stdio::piped()).spawn().expect("started");
        thread::sleep(Duration::from_millis(700));
        let told = Instant::now();
        let status = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error[interrupted]"), "{output:?}");
        assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
        assert!(!bench.path("plugins").exists());
    }
}
