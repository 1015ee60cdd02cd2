//! `ServerTls`: a certificate that is shown, and can be replaced while connections go on.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

/// How long a client may take to agree on TLS.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Most certificates of a chain.
const MAX_CHAIN: usize = 16;

/// TLS from a server's side.
pub struct ServerTls {
    provider: Arc<CryptoProvider>,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

/// What is shown now.
struct Shown(Mutex<Arc<CertifiedKey>>);

impl ServerTls {
    /// Shows the certificates of that PEM, its own first, and proves them by the private key.
    ///
    /// # Errors
    /// `usage` for what holds no certificate, or no private key that belongs to it.
    pub fn new(provider: Arc<CryptoProvider>, certificates: &[u8], private_key: &[u8]) -> Result<Self> {
        let shown = Arc::new(Shown(Mutex::new(certified(&provider, certificates, private_key)?)));
        let internal = |error| Fault::new(Reason::Internal, "cannot set up TLS").caused_by(error);
        let versions = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Shown>::clone(&shown);
        let mut config = versions.map_err(internal)?.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { provider, shown, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Shows another certificate to whoever comes from now on; says whether it is another one.
    ///
    /// # Errors
    /// As [`ServerTls::new`]; what was shown is shown on.
    pub fn replace(&self, certificates: &[u8], private_key: &[u8]) -> Result<bool> {
        let certified = certified(&self.provider, certificates, private_key)?;
        let mut shown = self.shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = shown.cert != certified.cert;
        *shown = certified;
        Ok(is_other)
    }

    /// Whether the certificate that is shown is for that name or address.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let certified = self.shown.now();
        let Some(own) = certified.cert.first() else { return false };
        let (Ok(own), Ok(name)) = (EndEntityCert::try_from(own), ServerName::try_from(host)) else { return false };
        own.verify_is_valid_for_subject_name(&name).is_ok()
    }

    /// Agrees on TLS with a client.
    ///
    /// # Errors
    /// That a client does not, or takes too long.
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let agreed = tokio::time::timeout(HANDSHAKE_PATIENCE, self.acceptor.accept(stream)).await;
        agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

impl Shown {
    fn now(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }
}

/// The certificates with the key that is proven to be theirs. No message says anything of the key's bytes.
fn certified(provider: &CryptoProvider, certificates: &[u8], private_key: &[u8]) -> Result<Arc<CertifiedKey>> {
    let chain = CertificateDer::pem_slice_iter(certificates).take(MAX_CHAIN + 1);
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().unwrap_or_default();
    let refused = |what: &str| Fault::new(Reason::Usage, what.to_owned());
    if chain.is_empty() {
        return Err(refused("the file of the certificate holds none that can be read as PEM"));
    }
    if chain.len() > MAX_CHAIN {
        return Err(refused("the file of the certificate holds more than a chain")
            .expected(format!("at most {MAX_CHAIN} certificates"), "more"));
    }
    let key = PrivateKeyDer::from_pem_slice(private_key).ok();
    let key = key.and_then(|key| provider.key_provider.load_private_key(key).ok());
    let Some(key) = key else {
        return Err(refused("the file of the private key holds none that can be used for TLS"));
    };
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // A kind of key that does not say what its public half is: clients ask for the proof.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(refused("the private key is not the one of the certificate, which is the first of its file"))
        }
        Err(error) => Err(refused("the certificate cannot be used for TLS").caused_by(error)),
    }
}
