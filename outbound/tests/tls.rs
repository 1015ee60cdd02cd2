//! What a plugin gets of servers that speak TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use aisoc_outbound::{Answer, Asked, Broker, Destinations, Grant, Refused};
use aisoc_registry_client::{CertificateFile, Certificates, tls_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn certificate(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/tls")).join(format!("{name}.pem"))
}

/// A server with that certificate, which sends so many session tickets before it says `OK`.
fn serve(name: &str, tickets: usize) -> u16 {
    let chain = CertificateDer::pem_file_iter(certificate(name)).expect("a file").collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_file(certificate(name)).expect("a key");
    let builder = ServerConfig::builder_with_provider(tls_provider().expect("TLS"));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(chain.expect("PEM"), key).expect("a certificate");
    config.send_tls13_tickets = tickets;
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, stream);
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    port
}

/// What comes of asking it, where `trusted` vouches.
fn ask(port: u16, trusted: &str) -> Result<Answer, Refused> {
    let file = Some(CertificateFile { named_by: "SSL_CERT_FILE", path: certificate(trusted) });
    let certificates = Certificates { file, ..Certificates::default() };
    let broker = Broker::begin(certificates, Box::new(|why| panic!("{why}"))).expect("a thread");
    let url = format!("https://127.0.0.1:{port}/x");
    let destinations = Destinations::new(&[], std::slice::from_ref(&url)).expect("a destination");
    let outbound = broker.outbound(&Grant { destinations, requests_per_minute: 60 });
    let asked = Asked { method: "GET", url: &url, headers: &[], body: Vec::new() };
    outbound.fetch(asked, Duration::from_secs(20), &AtomicBool::new(false), &mut |_| Ok(())).answer
}

/// What is beyond that is given up: `metered` says how much that is.
#[test]
fn what_tls_keeps_for_itself_is_read_as_servers_send_it() {
    for tickets in [0, 2, 100] {
        let answer =
            ask(serve("issued", tickets), "authority").unwrap_or_else(|refused| panic!("{tickets}: {refused}"));
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_in_words_and_nothing_of_it_is() {
    for (name, trusted, why) in [
        ("self-elsewhere", "self-elsewhere", "is for another name"),
        ("issued-expired", "authority", "has expired"),
        ("self-early", "self-early", "is not valid yet"),
        ("self", "authority", "nobody whom this machine trusts vouches for the certificate of "),
    ] {
        let port = serve(name, 0);
        let refused = ask(port, trusted).expect_err(name);
        let said = refused.to_string();
        assert_eq!(refused.code(), "unreachable");
        assert!(said.contains(why) && said.contains(&format!("the certificate of `127.0.0.1:{port}`")), "{said}");
        assert!(!said.contains("elsewhere") && !said.contains("Rejected") && !said.contains("sha256"), "{said}");
    }
}
