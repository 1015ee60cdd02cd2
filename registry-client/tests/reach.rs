//! Where a registry may send us: outside, or back to itself.

mod support;

use std::io::Write as _;
use std::net::TcpListener;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Reason;
use aisoc_manifests::oci::Descriptor;
use aisoc_registry_client::{ClientOptions, Fetch as _, PlainHttp, Target};
use aisoc_testkit::by_hand;
use aisoc_testkit::registry::{Act, Rule};
use support::{impatient, reading, reference, shown, stocked};

/// The names that `/etc/hosts` gives to this machine besides `localhost`: often its own name.
fn names_of_this_machine() -> Vec<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let ours = hosts.lines().filter(|line| line.starts_with("127."));
    let names = ours.flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace().skip(1));
    names.map(str::to_owned).collect()
}

/// A registry at 127.0.0.2 names this machine's other addresses; what listens there sees nobody.
#[tokio::test]
async fn a_redirect_to_a_name_that_leads_to_this_machine_is_not_followed() {
    let witness = TcpListener::bind("127.0.0.1:0").expect("a port");
    witness.set_nonblocking(true).expect("set");
    let port = witness.local_addr().expect("an address").port();
    let spelled = ["localhost", "localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"];
    let known = names_of_this_machine();
    for name in spelled.into_iter().chain(known.iter().map(String::as_str)) {
        for plain_http in [PlainHttp::LoopbackOnly, PlainHttp::Always] {
            let location = format!("http://{name}:{port}/secret");
            let address = by_hand::serve("127.0.0.2:0", move |_, stream| {
                let head =
                    format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(head.as_bytes())
            });
            let options = ClientOptions { plain_http, ..impatient() };
            let descriptor = Descriptor { digest: Digest::of(b"x"), ..Descriptor::of("t/x", b"x") };
            let target = Target::open(&reference(&format!("{address}/plugin:1")), &options).expect("a target");
            let fault = target.fetch_blob_bytes(&descriptor, 1 << 20).await.expect_err(name);
            // Not every resolver knows a name with a dot at its end.
            let unknown = name.ends_with('.') && shown(&fault).contains("dns error");
            assert!(unknown || fault.reason() == Reason::RedirectRefused, "{name}: {}", shown(&fault));
            assert!(witness.accept().is_err(), "{name} was connected to");
        }
    }
}

#[tokio::test]
async fn a_token_service_with_a_name_that_leads_to_this_machine_is_not_asked() {
    let witness = TcpListener::bind("127.0.0.1:0").expect("a port");
    witness.set_nonblocking(true).expect("set");
    let port = witness.local_addr().expect("an address").port();
    for scheme in ["http", "https"] {
        let address = by_hand::serve("127.0.0.2:0", move |_, stream| {
            let realm = format!("{scheme}://localhost:{port}/token");
            let head = format!("WWW-Authenticate: Bearer realm=\"{realm}\"\r\nContent-Length: 0\r\n");
            stream.write_all(format!("HTTP/1.1 401 Unauthorized\r\n{head}\r\n").as_bytes())
        });
        let target = Target::open(&reference(&format!("{address}/plugin:1")), &impatient()).expect("a target");
        let fault = target.fetch_manifest(None).await.expect_err("inside");
        assert_eq!(fault.reason(), Reason::RedirectRefused, "{}", shown(&fault));
        assert!(witness.accept().is_err(), "{scheme}");
    }
}

#[tokio::test]
async fn a_registry_on_this_machine_may_send_us_to_itself_under_another_name_and_port() {
    let (registry, sample) = stocked().await;
    let port = registry.elsewhere().rsplit_once(':').expect("a port").1.to_owned();
    let path = format!("/elsewhere/v2/plugin/blobs/{}", sample.layer.digest);
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(format!("http://localhost:{port}{path}")))]);
    let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("itself");
    assert_eq!(bytes, sample.layer_bytes);
}

#[tokio::test]
async fn a_registry_on_this_machine_may_not_send_us_to_other_names_of_it() {
    let (registry, sample) = stocked().await;
    let port = registry.elsewhere().rsplit_once(':').expect("a port").1.to_owned();
    let options = ClientOptions { plain_http: PlainHttp::Always, ..impatient() };
    let others = ["localhost.".to_owned(), "[::1]".to_owned(), "127.0.0.2".to_owned()];
    let known = names_of_this_machine().into_iter().filter(|name| name != "localhost");
    for name in known.chain(others) {
        let location = format!("http://{name}:{port}/elsewhere/v2/plugin/blobs/{}", sample.layer.digest);
        registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(location))]);
        let target = Target::open(&reference(&registry.reference("plugin:1")), &options).expect("a target");
        target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err(&name);
        assert!(registry.requests_elsewhere().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn plain_http_stays_on_this_machine_unless_the_operator_says_otherwise() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo("http://blobs.example/x".into()))]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("plain");
    assert_eq!(fault.reason(), Reason::RedirectRefused, "{}", shown(&fault));
    assert!(fault.message().contains("less safe than TLS"), "{fault}");
}
