//! Whose certificate is taken, and what is said of the others. The registry speaks TLS with certificates that
//! were made once (`testdata/tls`); names that lead nowhere are reached through a proxy.

mod support;

use std::io::Write as _;
use std::net::TcpListener;

use aisoc_manifests::fault::{Class, Fault, Reason};
use aisoc_registry_client::{
    CertificateFile, Certificates, ClientOptions, Fetch as _, PlainHttp, Proxies, ProxyVariable, Secret, Target,
};
use aisoc_testkit::proxy::Proxy;
use aisoc_testkit::registry::Registry;
use aisoc_testkit::{by_hand, tls};
use support::{impatient, options, reference, shown, stocked};

/// Trusting that certificate beside the machine's.
fn trusting(name: &str) -> Certificates {
    let file = CertificateFile { named_by: "--ca-file", path: tls::certificate(name) };
    Certificates { added: Some(file), ..Certificates::default() }
}

/// With that certificate in place of the machine's.
fn in_place(name: &str) -> Certificates {
    let file = CertificateFile { named_by: "SSL_CERT_FILE", path: tls::certificate(name) };
    Certificates { file: Some(file), ..Certificates::default() }
}

/// What comes of asking `host` for a manifest, over TLS.
async fn ask(host: &str, certificates: Certificates, proxy: Option<&Proxy>) -> Result<(), Fault> {
    let https = proxy.map(|proxy| ProxyVariable { name: "HTTPS_PROXY", value: Secret::new(proxy.host()) });
    let proxies = Proxies { https, ..Proxies::default() };
    let options = ClientOptions { plain_http: PlainHttp::Never, certificates, proxies, ..options() };
    let target = Target::open(&reference(&format!("{host}/plugin:1")), &options).expect("a target");
    target.fetch_manifest(None).await.map(|_| ())
}

/// What comes of asking a registry called `registry.corp` that shows that certificate.
async fn ask_corp(registry: &Registry, shows: &str, certificates: Certificates) -> Result<(), Fault> {
    let proxy = Proxy::to(&tls::serve(shows, &registry.host()).to_string());
    ask("registry.corp", certificates, Some(&proxy)).await
}

#[track_caller]
fn assert_refused(outcome: Result<(), Fault>, message: &str, difference: &[&str], about: &str) {
    let fault = outcome.expect_err(about);
    let text = shown(&fault);
    assert_eq!((fault.reason(), fault.class()), (Reason::RegistryTls, Class::Failed), "{about}: {text}");
    assert!(fault.message().contains(message), "{about}: {text}");
    let difference_shown = format!("{:?}", fault.difference());
    for part in difference {
        assert!(difference_shown.contains(part), "{about}: `{part}` in {difference_shown}");
    }
    let hint = fault.next_step();
    assert!(!hint.contains("insecure") && !hint.contains("--plain-http`"), "{about}: {hint}");
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_taken_when_it_is_the_very_one_that_was_given() {
    let (registry, _) = stocked().await;
    for name in ["self", "leaf"] {
        ask_corp(&registry, name, trusting(name)).await.expect(name);
        ask_corp(&registry, name, in_place(name)).await.expect(name);
    }
    for (shows, given) in [("self", "self-again"), ("self-again", "self"), ("leaf", "self"), ("self", "authority")] {
        let outcome = ask_corp(&registry, shows, trusting(given)).await;
        let evidence = ["a trusted authority", "vouches for itself", "sha256:"];
        assert_refused(outcome, "nobody whom this machine trusts vouches", &evidence, shows);
    }
}

#[tokio::test]
async fn a_certificate_that_is_no_authority_vouches_for_nobody_else() {
    let (registry, _) = stocked().await;
    for given in [trusting("leaf"), in_place("leaf")] {
        let outcome = ask_corp(&registry, "issued-by-leaf", given).await;
        assert_refused(
            outcome,
            "nobody whom this machine trusts vouches",
            &["a trusted authority"],
            "issued by a leaf",
        );
    }
    // An authority does, in its time and after it: its certificate says that it is one.
    ask_corp(&registry, "issued", in_place("authority")).await.expect("an authority");
}

#[tokio::test]
async fn a_file_that_a_platform_names_and_does_not_have_adds_nothing_to_its_directory() {
    let (registry, _) = stocked().await;
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::copy(tls::certificate("authority"), directory.path().join("ca.crt")).expect("copied");
    let absent = || Some(CertificateFile { named_by: "SSL_CERT_FILE", path: "/no-cert-file.crt".into() });
    let directories = vec![directory.path().to_owned()];
    let both = Certificates { file: absent(), directories, ..Certificates::default() };
    ask_corp(&registry, "issued", both).await.expect("of the directory");
    let empty = tempfile::tempdir().expect("a directory");
    for directories in [vec![], vec![empty.path().to_owned()]] {
        let none = Certificates { file: absent(), directories, ..Certificates::default() };
        let fault = ask_corp(&registry, "issued", none).await.expect_err("nobody is trusted");
        assert_eq!(fault.reason(), Reason::IoNotFound, "{}", shown(&fault));
        assert!(fault.message().contains("SSL_CERT_FILE"), "{fault}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_taken_for_itself_is_held_to_its_names_and_its_time() {
    let (registry, _) = stocked().await;
    let outcome = ask_corp(&registry, "self-elsewhere", trusting("self-elsewhere")).await;
    assert_refused(outcome, "`registry.corp` is for another name", &["registry.corp", "elsewhere.corp"], "name");
    let outcome = ask_corp(&registry, "self-expired", trusting("self-expired")).await;
    assert_refused(outcome, "has expired", &["valid until 2002-01-01T00:00:00Z"], "expired");
    let outcome = ask_corp(&registry, "self-early", trusting("self-early")).await;
    assert_refused(outcome, "is not valid yet", &["valid from 2119-01-01T00:00:00Z"], "early");
}

#[tokio::test]
async fn a_certificate_is_no_proof_without_its_key() {
    let (registry, _) = stocked().await;
    for (shown, trusted) in [("self", "self"), ("leaf", "leaf"), ("issued", "authority")] {
        let proxy = Proxy::to(&tls::serve_with_key_of("self-again", shown, &registry.host()).to_string());
        let outcome = ask("registry.corp", trusting(trusted), Some(&proxy)).await;
        assert_refused(outcome, "does not hold the key", &[], shown);
    }
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn a_private_authority_vouches_for_its_servers_and_nobody_without_it() {
    let (registry, _) = stocked().await;
    ask_corp(&registry, "issued", trusting("authority")).await.expect("issued");
    ask_corp(&registry, "issued", in_place("authority")).await.expect("issued");
    // Without its authority, the server's own certificate is as good.
    ask_corp(&registry, "issued", trusting("issued")).await.expect("itself");
    let outcome = ask_corp(&registry, "issued", Certificates::default()).await;
    assert_refused(outcome, "nobody whom", &["an unknown authority, sha256:"], "unknown");
    let hint = ask_corp(&registry, "issued", in_place("leaf")).await.expect_err("unknown").next_step().to_owned();
    assert!(hint.contains("--ca-file FILE"), "{hint}");
    let outcome = ask_corp(&registry, "issued-expired", trusting("authority")).await;
    assert_refused(outcome, "has expired", &["2002-01-01"], "expired");
    // A common name is no name of a host, whoever vouches for it.
    let outcome = ask_corp(&registry, "common-name", trusting("common-name")).await;
    assert_refused(outcome, "is for another name", &["registry.corp", "no subjectAltName"], "common name");
}

#[tokio::test]
async fn directories_of_certificates_stand_in_place_of_the_machines() {
    let (registry, _) = stocked().await;
    let place = tempfile::tempdir().expect("a directory");
    std::fs::copy(tls::certificate("authority"), place.path().join("0a1b2c3d.0")).expect("copied");
    std::fs::write(place.path().join("README"), "no certificate").expect("written");
    let directories = vec![place.path().join("absent"), place.path().to_owned()];
    let given = Certificates { directories: directories.clone(), ..Certificates::default() };
    ask_corp(&registry, "issued", given).await.expect("found");
    let none = Certificates { directories: directories[..1].to_vec(), ..Certificates::default() };
    let fault = ask_corp(&registry, "issued", none).await.expect_err("none");
    assert_eq!(fault.reason(), Reason::Usage, "{}", shown(&fault));
}

#[tokio::test]
async fn a_file_of_certificates_that_is_not_usable_is_refused_and_named() {
    let (registry, _) = stocked().await;
    let place = tempfile::tempdir().expect("a directory");
    let der = b"0\x82\x01\x0a";
    let cut = std::fs::read(tls::certificate("self")).expect("read");
    let cases: [(&str, Option<&[u8]>, Reason, &str); 6] = [
        ("absent.pem", None, Reason::IoNotFound, ""),
        ("empty.pem", Some(b""), Reason::Usage, "nothing"),
        ("words.pem", Some(b"hello"), Reason::Usage, "no certificate in PEM"),
        ("der.pem", Some(der), Reason::Usage, "DER"),
        ("cut.pem", Some(&cut[..200]), Reason::Usage, "PEM that cannot be read"),
        ("damaged.pem", Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), Reason::Usage, "read"),
    ];
    for (name, content, reason, found) in cases {
        let path = place.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).expect("written");
        }
        for (is_added, named_by) in [(true, "--ca-file"), (false, "SSL_CERT_FILE")] {
            let file = Some(CertificateFile { named_by, path: path.clone() });
            let given = match is_added {
                true => Certificates { added: file, ..Certificates::default() },
                false => Certificates { file, ..Certificates::default() },
            };
            let fault = ask_corp(&registry, "self", given).await.expect_err(name);
            let text = shown(&fault);
            assert_eq!(fault.reason(), reason, "{name}: {text}");
            assert!(text.contains(named_by) && text.contains(name), "{name}: {text}");
            assert!(format!("{:?}", fault.difference()).contains(found), "{name}: {text}");
        }
    }
    assert!(registry.requests().is_empty(), "nothing was asked");
    // One that is old and odd takes nothing from the others.
    let bundle = [b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &*cut].concat();
    let path = place.path().join("bundle.pem");
    std::fs::write(&path, bundle).expect("written");
    let file = Some(CertificateFile { named_by: "SSL_CERT_FILE", path });
    ask_corp(&registry, "self", Certificates { file, ..Certificates::default() }).await.expect("the other");
}

#[tokio::test]
async fn a_registry_on_this_machine_is_spoken_to_over_tls_where_that_was_meant() {
    let (registry, _) = stocked().await;
    let ask = async |host: String, plain_http: PlainHttp, certificates: Certificates| {
        let options = ClientOptions { plain_http, certificates, ..impatient() };
        let target = Target::open(&reference(&format!("{host}/plugin:1")), &options).expect("a target");
        target.fetch_manifest(None).await.map(|_| ())
    };
    let port = tls::serve("issued", &registry.host()).port();
    for host in ["localhost", "127.0.0.1"] {
        let at = || format!("{host}:{port}");
        ask(at(), PlainHttp::Never, trusting("authority")).await.expect(host);
        // A certificate for this very host says that TLS is meant; an authority may be there for others.
        ask(at(), PlainHttp::LoopbackOnly, in_place("issued")).await.expect(host);
        ask(at(), PlainHttp::LoopbackOnly, trusting("issued")).await.expect(host);
        let fault = ask(at(), PlainHttp::LoopbackOnly, in_place("authority")).await.expect_err(host);
        assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
        assert!(fault.next_step().contains("--plain-http=false"), "{}", fault.next_step());
    }
    let plain = registry.host();
    ask(plain.clone(), PlainHttp::LoopbackOnly, in_place("authority")).await.expect("plain");
    let absent = CertificateFile { named_by: "SSL_CERT_FILE", path: "/no-cert-file.crt".into() };
    let absent = Certificates { file: Some(absent), ..Certificates::default() };
    ask(plain.clone(), PlainHttp::LoopbackOnly, absent).await.expect("no certificate is needed");
    // Never down from TLS to what answers.
    registry.forget();
    let outcome = ask(plain, PlainHttp::Never, trusting("authority")).await;
    assert_refused(outcome, "does not speak TLS", &[], "plain");
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_says_that_it_speaks_tls_is_understood() {
    for words in
        ["Client sent an HTTP request to an HTTPS server.\n", "<h1>The plain HTTP request was sent to HTTPS port"]
    {
        let address = by_hand::serve("127.0.0.1:0", move |_, stream| {
            write!(stream, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n{words}")
        });
        let target = Target::open(&reference(&format!("{address}/plugin:1")), &impatient()).expect("a target");
        let fault = target.fetch_manifest(None).await.expect_err(words);
        assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
        assert!(fault.next_step().contains("--plain-http=false"), "{}", fault.next_step());
    }
}

#[tokio::test]
async fn a_server_that_ends_the_handshake_is_quoted() {
    // The alert `handshake_failure`, fatal, in a record of TLS 1.2 (RFC 8446, 5.1 and 6).
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
        }
    });
    assert_refused(ask(&host, Certificates::default(), None).await, "HandshakeFailure", &[], "alert");
}
