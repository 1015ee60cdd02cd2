//! Rekor: an entry that says what was signed, by which certificate, and when (github.com/sigstore/rekor, `openapi.yaml`).

use std::collections::BTreeMap;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::text::shown;
use aisoc_registry_client::ClientOptions;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use sigstore_verify::rekor::body::DsseV001Body;
use sigstore_verify::rekor::{DsseEntry, LogEntry, RekorEntryBody};
use sigstore_verify::types::bundle::TransparencyLogEntry;
use sigstore_verify::types::{DerCertificate, DsseEnvelope, KindVersion};

use crate::refusal;
use crate::service::{Role, Service, ServiceUrl, post};

/// Has the envelope entered into the log. What its proofs are worth is for whoever verifies the bundle to say; that the
/// entry is of this envelope is held here.
pub(crate) async fn entry(
    at: &ServiceUrl,
    envelope: &DsseEnvelope,
    certificate: &DerCertificate,
    options: &ClientOptions,
) -> Result<TransparencyLogEntry> {
    let url = at.at("/api/v1/log/entries");
    let service = Service::new(Role::Rekor, url.clone(), options);
    let unwritten = || refusal::internal("an entry for a log");
    let proposed = DsseEntry::new(envelope, certificate).map_err(|_| unwritten())?;
    let proposed = serde_json::to_vec(&proposed).map_err(|_| unwritten())?;
    let body = service.ask(post(url, "application/json", "application/json", Bytes::from(proposed))).await?;
    let no_entry = || service.mismatch("answers with no entry");
    let entries: BTreeMap<String, LogEntry> =
        serde_json::from_slice(&body).map_err(|error| no_entry().caused_by(error))?;
    let mut entries = entries.into_values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(no_entry().expected("one entry under its name", "none, or several"));
    };
    is_of(&service, &entry, envelope, certificate)?;
    entry.to_bundle_entry(KindVersion::DsseV001).map_err(|error| no_entry().caused_by(error))
}

fn is_of(service: &Service, entry: &LogEntry, envelope: &DsseEnvelope, certificate: &DerCertificate) -> Result<()> {
    let unread = || service.mismatch("gives an entry that is none of the kind `dsse` 0.0.1");
    let body = RekorEntryBody::parse(&entry.body, KindVersion::DsseV001).map_err(|error| unread().caused_by(error))?;
    let RekorEntryBody::DsseV001(DsseV001Body { spec, .. }) = body else { return Err(unread()) };
    let digits: String = Sha256::digest(envelope.payload.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if spec.payload_hash.value != digits {
        return Err(service
            .mismatch("gives an entry of something else")
            .expected(format!("sha256 {digits}"), format!("sha256 {}", shown(&spec.payload_hash.value, 80))));
    }
    let [signed] = &spec.signatures[..] else {
        return Err(service
            .mismatch("gives an entry that is not signed once")
            .expected("one signature", spec.signatures.len().to_string()));
    };
    let by = signed.parse_certificate().map_err(|error| unread().caused_by(error))?;
    match (signed.signature == envelope.signature.sig, by.as_bytes() == certificate.as_bytes()) {
        (true, true) => Ok(()),
        (false, _) => {
            Err(another(service, "signature", &envelope.signature.sig.to_base64(), &signed.signature.to_base64()))
        }
        (true, false) => Err(another(service, "certificate", &certificate.to_base64(), &by.to_base64())),
    }
}

fn another(service: &Service, what: &str, ours: &str, theirs: &str) -> Fault {
    service.mismatch(format!("gives an entry with another {what}")).expected(shown(ours, 40), shown(theirs, 40))
}
