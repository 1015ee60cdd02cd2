//! TLS in front of a server that speaks none, with the certificates of `testdata/tls`.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// The file of that certificate and its key.
pub fn certificate(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/tls")).join(format!("{name}.pem"))
}

/// Listens on 127.0.0.1 with the certificate of that name, and hands on to `server` (`host:port`) what comes
/// through. Nobody stops it: it ends with the test.
pub fn serve(name: &str, server: &str) -> SocketAddr {
    serve_with_key_of(name, name, server)
}

/// The same with the key of another certificate, as somebody would who copied what everybody sees.
pub fn serve_with_key_of(key: &str, name: &str, server: &str) -> SocketAddr {
    listen(acceptor(name, key), server, Arc::default())
}

fn listen(acceptor: TlsAcceptor, server: &str, shown: Arc<AtomicUsize>) -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener for the runtime");
    let address = listener.local_addr().expect("an address");
    let server = server.to_owned();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(accept(listener, acceptor, server, shown));
    });
    address
}

/// How a server asks its clients who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Whoever shows no certificate of the authority is sent away.
    Requires,
    /// Whoever has one shows it.
    Takes,
}

/// As [`serve`], and asks clients for a certificate of that authority. Counts the connections that showed one.
pub fn serve_asking(asks: Asks, name: &str, authority: &str, server: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate(authority)).expect("a file") {
        roots.add(certificate.expect("PEM")).expect("an authority");
    }
    let provider = aisoc_registry_client::tls_provider().expect("TLS");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match asks {
        Asks::Requires => verifier,
        Asks::Takes => verifier.allow_unauthenticated(),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_client_cert_verifier(verifier.build().expect("a verifier"));
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_cert_resolver(shown(name, name))));
    let shown = Arc::new(AtomicUsize::new(0));
    (listen(acceptor, server, Arc::clone(&shown)), shown)
}

fn acceptor(name: &str, key: &str) -> TlsAcceptor {
    let provider = aisoc_registry_client::tls_provider().expect("TLS");
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    TlsAcceptor::from(Arc::new(builder.with_cert_resolver(shown(name, key))))
}

fn shown(name: &str, key: &str) -> Arc<SingleCertAndKey> {
    let chain = CertificateDer::pem_file_iter(certificate(name)).expect("a file").collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_file(certificate(key)).expect("a key");
    let provider = aisoc_registry_client::tls_provider().expect("TLS");
    let key = provider.key_provider.load_private_key(key).expect("a kind of key that signs");
    // Not by the way that looks whether they belong together.
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain.expect("PEM"), key)))
}

async fn accept(listener: StdListener, acceptor: TlsAcceptor, server: String, shown: Arc<AtomicUsize>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, server, shown) = (acceptor.clone(), server.clone(), Arc::clone(&shown));
        tokio::spawn(async move {
            // A client that takes no such certificate hangs up.
            let mut inside = acceptor.accept(stream).await?;
            if inside.get_ref().1.peer_certificates().is_some() {
                shown.fetch_add(1, Ordering::SeqCst);
            }
            copy_bidirectional(&mut inside, &mut TcpStream::connect(server).await?).await
        });
    }
}
