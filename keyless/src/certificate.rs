//! Fulcio: a certificate for a key, of whoever a token names (github.com/sigstore/fulcio, `fulcio.proto`).

use aisoc_manifests::digest::hex;
use aisoc_manifests::fault::Result;
use aisoc_manifests::text::{in_ascii, shown};
use aisoc_registry_client::ClientOptions;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sigstore_verify::crypto::parse_certificate_info;
use sigstore_verify::types::{DerCertificate, DerPublicKey};
use zeroize::Zeroizing;

use crate::key::EphemeralKey;
use crate::refusal;
use crate::service::{Role, Service, ServiceUrl, post};
use crate::token::IdentityToken;

/// Most bytes of a request: a token, a key and a signature, with room for their names.
const REQUEST_BYTES: usize = 64 << 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    credentials: Credentials<'a>,
    public_key_request: PublicKeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    oidc_identity_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: WrittenKey,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct WrittenKey {
    algorithm: &'static str,
    content: String,
}

/// The log of certificates says in the certificate that it holds it, or beside it; a bundle has room for the first alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    signed_certificate_embedded_sct: Option<Chained>,
}

#[derive(Deserialize)]
struct Chained {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

/// Who the certificate has to be of.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) issuer: &'a str,
}

/// Has a certificate made for the key. Whether its authority is one of those that count is for whoever verifies the bundle
/// to say; that it is for this key, and of who was asked for, is held here, before anything is signed with it.
pub(crate) async fn certificate(
    at: &ServiceUrl,
    token: &IdentityToken,
    key: &EphemeralKey,
    wanted: &Wanted<'_>,
    options: &ClientOptions,
) -> Result<DerCertificate> {
    let url = at.at("/api/v2/signingCert");
    let service = Service::new(Role::Fulcio, url.clone(), options);
    let request = post(url, "application/json", "application/json", question(token, key)?);
    let body = service.ask(request).await?;
    let answered: Answered = serde_json::from_slice(&body)
        .map_err(|error| service.mismatch("answers with no certificate").caused_by(error))?;
    let chain = answered.signed_certificate_embedded_sct.ok_or_else(|| {
        service
            .mismatch("gives a certificate that does not say that a log holds it")
            .expected("`signedCertificateEmbeddedSct`", "another member")
    })?;
    let pem = chain.chain.certificates.first().ok_or_else(|| {
        service.mismatch("answers with no certificate").expected("a chain of certificates", "an empty one")
    })?;
    let certificate = DerCertificate::from_pem(pem)
        .map_err(|error| service.mismatch("gives what is no certificate").caused_by(error))?;
    is_as_wanted(&service, &certificate, key, wanted)?;
    Ok(certificate)
}

/// Written into one buffer that never grows, which is wiped once it was sent.
fn question(token: &IdentityToken, key: &EphemeralKey) -> Result<Bytes> {
    let question = Question {
        credentials: Credentials { oidc_identity_token: token.reveal() },
        public_key_request: PublicKeyRequest {
            public_key: WrittenKey { algorithm: "ECDSA", content: DerPublicKey::new(key.public_key()?).to_pem() },
            proof_of_possession: STANDARD.encode(key.sign(token.challenge().as_bytes())),
        },
    };
    let mut written = Zeroizing::new(Vec::with_capacity(REQUEST_BYTES));
    serde_json::to_writer(&mut *written, &question).map_err(|_| refusal::internal("a request for a certificate"))?;
    Ok(Bytes::from_owner(written))
}

fn is_as_wanted(
    service: &Service,
    certificate: &DerCertificate,
    key: &EphemeralKey,
    wanted: &Wanted<'_>,
) -> Result<()> {
    let certified = parse_certificate_info(certificate)
        .map_err(|error| service.mismatch("gives a certificate that cannot be read").caused_by(error))?;
    let ours = key.public_key()?;
    if certified.public_key.as_bytes() != ours {
        return Err(service
            .mismatch("gives a certificate for another key")
            .expected(fingerprint(&ours), fingerprint(certified.public_key.as_bytes())));
    }
    let name = certified.identity.as_ref().map_or("nobody", |name| name.as_str());
    let issuer = certified.issuer.as_deref().unwrap_or("nobody");
    if (name, issuer) != (wanted.name, wanted.issuer) {
        let said = |name: &str, issuer: &str| {
            format!("`{}` by `{}`", shown(&in_ascii(name), 300), shown(&in_ascii(issuer), 300))
        };
        return Err(service
            .mismatch("gives a certificate of another identity")
            .expected(said(wanted.name, wanted.issuer), said(name, issuer))
            .hint("where the authority calls the same job otherwise, say how: `--certificate-identity` and `--certificate-oidc-issuer`"));
    }
    Ok(())
}

/// How a key is shown.
fn fingerprint(key: &[u8]) -> String {
    format!("the key SHA256:{}", hex(&Sha256::digest(key)))
}
