//! Rekor: an entry that says what was signed and by which certificate. In its first version it says when as well
//! (github.com/sigstore/rekor, `openapi.yaml`); in its second, a log of tiles, it does not (github.com/sigstore/rekor-tiles,
//! `rekor_service.proto`).

use std::collections::BTreeMap;

use aisoc_manifests::digest::hex;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::text::shown;
use aisoc_registry_client::ClientOptions;
use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sigstore_verify::rekor::body::{DsseV001Body, HashedRekordV002Body};
use sigstore_verify::rekor::{DsseEntry, HashedRekordV2, LogEntry, RekorEntryBody, RekorV2KeyDetails};
use sigstore_verify::types::bundle::TransparencyLogEntry;
use sigstore_verify::types::dsse::pae;
use sigstore_verify::types::{DerCertificate, DsseEnvelope, KindVersion, Sha256Hash, SignatureBytes};

use crate::refusal;
use crate::service::{Role, Service, ServiceUrl, post};

/// Which interface a log has: nobody is asked which, because what is asked there cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVersion {
    /// `/api/v1`: it vouches for the time of an entry.
    First,
    /// `/api/v2`: somebody else has to.
    Second,
}

/// Has the envelope entered into the log. What its proofs are worth is for whoever verifies the bundle to say; that the
/// entry is of this envelope is held here.
pub(crate) async fn entry(
    (at, version): (&ServiceUrl, LogVersion),
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
    options: &ClientOptions,
) -> Result<TransparencyLogEntry> {
    let asked = |path: &str| {
        let url = at.at(path);
        (Service::new(Role::Rekor, url.clone(), options), url)
    };
    match version {
        LogVersion::First => first(asked("/api/v1/log/entries"), envelope, certificate).await,
        LogVersion::Second => second(asked("/api/v2/log/entries"), envelope, certificate).await,
    }
}

/// An entry of kind `dsse` 0.0.1.
async fn first(
    (service, url): (Service, Url),
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
) -> Result<TransparencyLogEntry> {
    let proposed = DsseEntry::new(envelope, certificate).map_err(|_| unwritten())?;
    let body = ask(&service, url, &proposed).await?;
    let entries: BTreeMap<String, LogEntry> =
        serde_json::from_slice(&body).map_err(|error| no_entry(&service).caused_by(error))?;
    let mut entries = entries.into_values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(no_entry(&service).expected("one entry under its name", "none, or several"));
    };
    let unread = || another_kind(&service, "`dsse` 0.0.1");
    let body = RekorEntryBody::parse(&entry.body, KindVersion::DsseV001).map_err(|error| unread().caused_by(error))?;
    let RekorEntryBody::DsseV001(DsseV001Body { spec, .. }) = body else { return Err(unread()) };
    let digits = hex(&Sha256::digest(envelope.payload.as_bytes()));
    is_about(&service, &digits, &spec.payload_hash.value)?;
    let [signed] = &spec.signatures[..] else {
        return Err(service
            .mismatch("gives an entry that is not signed once")
            .expected("one signature", spec.signatures.len().to_string()));
    };
    let by = signed.parse_certificate().map_err(|error| unread().caused_by(error))?;
    is_signed_so(&service, (envelope, certificate), (&signed.signature, &by))?;
    entry.to_bundle_entry(KindVersion::DsseV001).map_err(|error| no_entry(&service).caused_by(error))
}

/// An entry of kind `hashedrekord` 0.0.2, the only one of the second version: of the bytes that an envelope signs.
async fn second(
    (service, url): (Service, Url),
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
) -> Result<TransparencyLogEntry> {
    let digest = Sha256::digest(pae(&envelope.payload_type, envelope.payload.as_bytes()));
    let named = Sha256Hash::try_from(&digest[..]).map_err(|_| unwritten())?;
    let (signature, details) = (&envelope.signature.sig, RekorV2KeyDetails::PkixEcdsaP256Sha256);
    let proposed = HashedRekordV2::new_with_certificate(&named, signature, certificate, details);
    let body = ask(&service, url, &proposed).await?;
    let entry: TransparencyLogEntry =
        serde_json::from_slice(&body).map_err(|error| no_entry(&service).caused_by(error))?;
    let unread = || another_kind(&service, "`hashedrekord` 0.0.2");
    let body = RekorEntryBody::parse(&entry.canonicalized_body, entry.kind_version);
    let body = body.map_err(|error| unread().caused_by(error))?;
    let RekorEntryBody::HashedRekordV002(HashedRekordV002Body { spec, .. }) = body else { return Err(unread()) };
    let logged = spec.hashed_rekord_v002;
    is_about(&service, &hex(&digest), &hex(logged.data.digest.as_bytes()))?;
    let by = logged.signature.verifier.x509_certificate.ok_or_else(unread)?;
    is_signed_so(&service, (envelope, certificate), (&logged.signature.content, &by.raw_bytes))?;
    Ok(entry)
}

async fn ask(service: &Service, url: Url, proposed: &impl Serialize) -> Result<Vec<u8>> {
    let proposed = serde_json::to_vec(proposed).map_err(|_| unwritten())?;
    service.ask(post(url, "application/json", "application/json", Bytes::from(proposed))).await
}

fn unwritten() -> Fault {
    refusal::internal("an entry for a log")
}

fn no_entry(service: &Service) -> Fault {
    service.mismatch("answers with no entry")
}

fn another_kind(service: &Service, kind: &str) -> Fault {
    service.mismatch(format!("gives an entry that is none of the kind {kind}"))
}

fn is_about(service: &Service, ours: &str, theirs: &str) -> Result<()> {
    match ours == theirs {
        true => Ok(()),
        false => Err(service
            .mismatch("gives an entry of something else")
            .expected(format!("sha256 {ours}"), format!("sha256 {}", shown(theirs, 80)))),
    }
}

fn is_signed_so(
    service: &Service,
    (envelope, certificate): (&DsseEnvelope, &DerCertificate),
    (signature, by): (&SignatureBytes, &DerCertificate),
) -> Result<()> {
    match (*signature == envelope.signature.sig, by.as_bytes() == certificate.as_bytes()) {
        (true, true) => Ok(()),
        (false, _) => Err(another(service, "signature", &envelope.signature.sig.to_base64(), &signature.to_base64())),
        (true, false) => Err(another(service, "certificate", &certificate.to_base64(), &by.to_base64())),
    }
}

fn another(service: &Service, what: &str, ours: &str, theirs: &str) -> Fault {
    service.mismatch(format!("gives an entry with another {what}")).expected(shown(ours, 40), shown(theirs, 40))
}
