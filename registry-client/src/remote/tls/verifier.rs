//! `Verifier`: the judge of a server's certificate.
//!
//! The library's own judge, and one thing more. `openssl req -x509` makes a certificate that is its own
//! authority; the library takes such a one to vouch for others and not for itself (`CaUsedAsEndEntity`), and
//! one that somebody else signed only along with that somebody. Whoever put such a certificate among the
//! trusted ones meant exactly it: it is taken when it is the same to the last byte, and for the names and the
//! time that stand in it. That gives nobody anything: the key of a trusted certificate could vouch for any other.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

/// The library's judge, and the certificates that are taken for themselves.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

/// A certificate that was not taken.
#[derive(Debug)]
pub(super) struct Rejected {
    /// The name or address that was asked for.
    pub(super) server: ServerName<'static>,
    pub(super) why: CertificateError,
    /// Whether nothing is wrong with it but that nobody who is trusted vouches for it.
    pub(super) lacks_issuer: bool,
    /// Of the server's own certificate, for a person to compare.
    pub(super) digest: Digest,
    pub(super) is_self_signed: bool,
}

impl Verifier {
    pub(super) fn new(trusted: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        // Stores and bundles hold what the library cannot read; of each file that was named it can read one.
        roots.add_parsable_certificates(trusted.iter().cloned());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let failed = |source| Fault::new(Reason::Internal, "cannot set up the judge of certificates").caused_by(source);
        Ok(Self { authorities: authorities.map_err(failed)?, trusted })
    }

    /// Takes a certificate that is trusted itself, for its own names. Its time was judged already: the library
    /// looks at it first of all, and `is_about_the_issuer` lets no other refusal come here.
    fn take_as_it_is(
        &self,
        certificate: &CertificateDer<'_>,
        server: &ServerName<'_>,
        refusal: rustls::Error,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !is_about_the_issuer(&refusal) || !self.trusted.iter().any(|trusted| trusted == certificate) {
            return Err(refusal);
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, server)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        judged
            .or_else(|refusal| self.take_as_it_is(end_entity, server_name, refusal))
            .map_err(|refusal| Rejected::with_evidence(refusal, end_entity, server_name))
    }

    // That the server holds the key of its certificate is proven the same way for all of them.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whether nothing was found wrong but who vouches for it.
fn is_about_the_issuer(refusal: &rustls::Error) -> bool {
    match refusal {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

impl Rejected {
    /// The refusal, with what a person needs to look into it. The library hands errors of its own type on and
    /// nothing beside them, so it travels inside of one.
    fn with_evidence(refusal: rustls::Error, leaf: &CertificateDer<'_>, server: &ServerName<'_>) -> rustls::Error {
        let lacks_issuer = is_about_the_issuer(&refusal);
        let rustls::Error::InvalidCertificate(why) = refusal else { return refusal };
        let parsed = webpki::EndEntityCert::try_from(leaf);
        let is_self_signed = parsed.is_ok_and(|certificate| certificate.issuer() == certificate.subject());
        let rejected = Self { server: server.to_owned(), why, lacks_issuer, digest: Digest::of(leaf), is_self_signed };
        CertificateError::Other(OtherError(Arc::new(rejected))).into()
    }

    /// What [`Rejected::with_evidence`] put into that error.
    pub(super) fn of(error: &rustls::Error) -> Option<&Self> {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl Error for Rejected {}
