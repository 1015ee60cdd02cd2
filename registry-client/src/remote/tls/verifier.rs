//! `Verifier`: the judge of a server's certificate.
//!
//! The library's own judge, and one thing more. `openssl req -x509` makes a certificate that is its own
//! authority; the library takes such a one to vouch for others and not for itself (`CaUsedAsEndEntity`), and
//! one that somebody else signed only along with that somebody. Whoever put such a certificate among the
//! trusted ones meant exactly it: it is taken when it is the same to the last byte, and for the names and the
//! time that stand in it. A trusted certificate that says that it is no authority vouches for nobody else: who holds the
//! key of one registry must not be able to be every other.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use webpki::KeyUsage;

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
        roots.add_parsable_certificates(trusted.iter().filter(|certificate| is_authority(certificate)).cloned());
        if roots.is_empty() {
            roots.roots.push(NOBODY);
        }
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

/// Who vouches where nobody does, for the library judges nothing without anybody. No certificate has an issuer
/// without a name, and no signature fits a key that is none.
const NOBODY: TrustAnchor<'static> = TrustAnchor {
    subject: Der::from_slice(&[]),
    subject_public_key_info: Der::from_slice(&[]),
    name_constraints: None,
};

/// Whether the certificate says that it may vouch for others (`cA`, RFC 5280, 4.2.1.9), or is so old that
/// certificates could not say it. The library tells only when it is asked to take it for a server, within its time.
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    let Ok(server) = webpki::EndEntityCert::try_from(certificate) else { return true };
    let judged = |at| server.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err();
    let mut found = judged(UnixTime::since_unix_epoch(Duration::ZERO));
    if let Some(webpki::Error::CertNotValidYet { not_before, .. }) = found {
        found = judged(not_before);
    }
    if let Some(webpki::Error::CertExpired { not_after, .. }) = found {
        found = judged(not_after);
    }
    matches!(found, Some(webpki::Error::CaUsedAsEndEntity))
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
