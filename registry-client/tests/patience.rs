//! A registry that keeps us waiting, in every way there is: each has an end, and says so.

mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::oci::Descriptor;
use aisoc_registry_client::{ClientOptions, Fetch as _, Limits, Slowest, Tagging as _, Target};
use aisoc_testkit::registry::{Act, Login, Rule, TokenService};
use support::{impatient, options, reading_impatiently, reference, sample, shown, stocked};

fn by_hand(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    aisoc_testkit::by_hand::serve("127.0.0.1:0", move |_, stream| answer(stream))
}

fn target(address: SocketAddr, options: &ClientOptions) -> Target {
    Target::open(&reference(&format!("{address}/plugin:1")), options).expect("a target")
}

async fn manifest(address: SocketAddr, options: &ClientOptions) -> Fault {
    target(address, options).fetch_manifest(None).await.expect_err("no manifest")
}

fn within(limits: Limits) -> ClientOptions {
    ClientOptions { limits, ..options() }
}

#[tokio::test]
async fn interim_answers_without_end_end_with_the_exchange() {
    let address = by_hand(|stream| {
        loop {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")?;
        }
    });
    let began = Instant::now();
    let fault = manifest(address, &impatient()).await;
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    assert!(fault.message().contains("did not answer GET /v2/plugin/manifests/1 within "), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_hint_now_and_then_ends_with_the_exchange() {
    let address = by_hand(|stream| {
        loop {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")?;
            thread::sleep(Duration::from_millis(180));
        }
    });
    let began = Instant::now();
    let fault = manifest(address, &impatient()).await;
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn all_tries_together_take_no_longer_than_one_exchange_may() {
    let (registry, _) = stocked().await;
    registry.set_rules(vec![Rule::on("/manifests/", Act::Silence)]);
    let limits = Limits { exchange: Duration::from_millis(300), ..impatient().limits };
    let target = Target::open(&reference(&registry.reference("plugin:1")), &within(limits)).expect("a target");
    let began = Instant::now();
    let fault = target.fetch_manifest(None).await.expect_err("silent");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    assert!(fault.message().contains("within 300ms; 0 bytes came in all"), "{fault}");
    assert!(began.elapsed() < Duration::from_millis(500), "three tries of 200 ms: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_registry_that_always_asks_to_come_back_later_is_quoted() {
    let (registry, _) = stocked().await;
    let later = Act::Answer(429, vec![("retry-after", "1".to_owned())], vec![]);
    registry.set_rules(vec![Rule::on("/manifests/", later)]);
    let limits = Limits { exchange: Duration::from_millis(2500), ..options().limits };
    let target = Target::open(&reference(&registry.reference("plugin:1")), &within(limits)).expect("a target");
    let began = Instant::now();
    let fault = target.fetch_manifest(None).await.expect_err("later");
    assert!(fault.message().contains("answered 429"), "{fault}");
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_document_that_drips_says_how_long_it_took_and_how_much_came() {
    let (registry, _) = stocked().await;
    registry.set_rules(vec![Rule::on("/manifests/", Act::Drip(Duration::from_millis(20)))]);
    let began = Instant::now();
    let fault = reading_impatiently(&registry, "plugin:1").fetch_manifest(None).await.expect_err("drips");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    assert!(fault.message().contains("did not send a whole answer within 1s; "), "{fault}");
    assert!(!fault.message().contains("; 0 bytes"), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_token_that_drips_has_an_end() {
    let (registry, _) = stocked().await;
    let service = by_hand(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{\"token\":\"")?;
        loop {
            stream.write_all(b"x")?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    let realm = Some(format!("http://{service}/token"));
    let registry = registry.login(Login::Bearer(TokenService { realm, ..TokenService::default() }));
    let began = Instant::now();
    let fault = reading_impatiently(&registry, "plugin:1").fetch_manifest(None).await.expect_err("drips");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    let expected = format!("the token service `{service}` did not send a whole token within 500ms; ");
    assert!(fault.message().contains(&expected), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_token_that_drips_does_not_hold_an_upload_up() {
    // The token of an upload is asked for outside of the exchanges that are tried again.
    let (registry, _) = stocked().await;
    let tokens = Arc::new(AtomicUsize::new(0));
    let given = Arc::clone(&tokens);
    let service = by_hand(move |stream| {
        if given.fetch_add(1, Ordering::SeqCst) < 1 {
            let body = br#"{"token":"t"}"#;
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len())?;
            return stream.write_all(body);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")?;
        loop {
            stream.write_all(b" ")?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    let realm = Some(format!("http://{service}/token"));
    let registry = registry.login(Login::Bearer(TokenService { realm, ..TokenService::default() }));
    let target = Target::create(&reference(&registry.reference("plugin:1")), &impatient()).expect("a target");
    let began = Instant::now();
    let fault = support::push(&target, &sample(3)).await.expect_err("no token");
    assert!(matches!(fault.reason(), Reason::RegistryUnavailable | Reason::RegistryDenied), "{}", shown(&fault));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_blob_that_crawls_is_given_up_after_one_stretch_of_waiting() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/blobs/", Act::Drip(Duration::from_millis(1)))]);
    let began = Instant::now();
    let target = reading_impatiently(&registry, "plugin:1");
    let fault = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("crawls");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    assert!(fault.message().contains("did not send 10000 bytes of a blob within 200ms; "), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_operation_has_an_end_however_it_is_spun_out() {
    let (registry, sample) = stocked().await;
    let slow = Slowest { bytes: 0, ..Slowest::default() };
    let limits = Limits { operation: Duration::from_millis(600), slowest: slow, ..impatient().limits };
    registry.set_rules(vec![
        Rule::on("/blobs/", Act::Drip(Duration::from_millis(10))),
        Rule::on("/tags/", Act::Drip(Duration::from_millis(10))),
        Rule::on("/manifests/", Act::Status(503)),
    ]);
    let open = || Target::open(&reference(&registry.reference("plugin:1")), &within(limits.clone())).expect("a target");
    let began = Instant::now();
    let fault = open().fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("spun out");
    assert!(
        fault.message().contains(
            "did not get done with what it was sending, nor with all that was asked for one reference, within 600ms; "
        ),
        "{fault}"
    );
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());

    let target = open();
    let began = Instant::now();
    let mut reasons = Vec::new();
    while began.elapsed() < Duration::from_millis(700) {
        reasons.extend(target.fetch_manifest(None).await.err().map(|fault| fault.reason()));
        let _ = target.tags().await;
    }
    let began = Instant::now();
    let fault = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("over");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{reasons:?}");
    assert!(began.elapsed() < Duration::from_millis(100), "what is over is not begun: {:?}", began.elapsed());
}

#[tokio::test]
async fn header_lines_are_bounded_in_number_and_in_bytes() {
    for (lines, length, taken) in [(95, 10, true), (101, 10, false), (10, 100_000, false)] {
        let address = by_hand(move |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n")?;
            for line in 0..lines {
                write!(stream, "x-{line}: {}\r\n", "y".repeat(length))?;
            }
            stream.write_all(b"\r\n{}")
        });
        let found = target(address, &options()).fetch_manifest(None).await;
        assert_eq!(found.is_ok(), taken, "{lines} lines of {length}");
    }
    let address = by_hand(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        loop {
            stream.write_all(&[b'y'; 4096])?;
        }
    });
    let began = Instant::now();
    assert_eq!(manifest(address, &options()).await.reason(), Reason::RegistryUnavailable);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_blob_that_nobody_wants_any_more_is_not_received() {
    let size: u64 = 4 << 30;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let address = by_hand(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")?;
        loop {
            counted.fetch_add(stream.write(&[0; 65_536])?, Ordering::SeqCst);
        }
    });
    let descriptor = Descriptor { size, ..Descriptor::of("t/x", b"") };
    let mut stream = target(address, &options()).fetch_blob(&descriptor).await.expect("begun");
    let first = stream.next_chunk().await.expect("bytes").expect("some").len();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = sent.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sent.load(Ordering::SeqCst), after, "the connection is closed");
    assert!(after < first + (16 << 20), "no more than the buffers of the connection: {after}");
}
