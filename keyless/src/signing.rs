//! `KeylessSigner`: from a statement to a bundle, step by step.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::proof::Identity;
use jiff::Timestamp;
use sigstore_verify::bundle::BundleV03;
use sigstore_verify::types::dsse::pae;
use sigstore_verify::types::{DsseEnvelope, DsseSignature, KeyId, PayloadBytes, SignatureBytes, TimestampToken};

use crate::certificate::{Wanted, certificate};
use crate::key::EphemeralKey;
use crate::log::LogVersion;
use crate::refusal;
use crate::service::ServiceUrl;
use crate::source::TokenSource;
use crate::token::ExpectedIdentity;
use crate::{log, timestamp};

/// Largest statement: in base64, and with all that stands beside it, it is a bundle as large as any that is read.
pub const MAX_STATEMENT_BYTES: usize = 700 << 10;

/// Where the services are.
#[derive(Debug, Clone)]
pub struct Services {
    /// Who gives certificates.
    pub fulcio: ServiceUrl,
    /// Who keeps the log.
    pub rekor: ServiceUrl,
    /// Which interface it has.
    pub rekor_version: LogVersion,
    /// Who vouches for the time beside the log, where somebody does.
    pub timestamp_authority: Option<ServiceUrl>,
}

/// Who signs without a key that stays.
#[derive(Debug)]
pub struct KeylessSigner {
    /// Where the services are.
    pub services: Services,
    /// Where the token comes from.
    pub source: TokenSource,
    /// Who has to have signed, where that does not follow of the token.
    pub expected: ExpectedIdentity,
    /// How services are reached.
    pub options: ClientOptions,
    /// What the clock says.
    pub now: Timestamp,
}

/// A bundle that nobody has verified yet.
#[derive(Debug)]
pub struct KeylessBundle {
    /// Its JSON.
    pub content: Vec<u8>,
    /// Who has to have signed it, for whoever verifies it.
    pub identity: Identity,
    /// The name in the certificate.
    pub name: String,
    /// Who vouches for that name.
    pub issuer: String,
}

impl KeylessSigner {
    /// Signs a payload of that type, once.
    ///
    /// # Errors
    /// `attestation_invalid` for a payload that is larger than any; `usage` where nobody would vouch for the time;
    /// `identity_token_invalid`;
    /// `signing_service_unavailable`, `signing_service_refused` and `signing_service_mismatch` of who is asked; those of
    /// proxies.
    pub async fn sign(self, payload_type: &str, payload: &[u8]) -> Result<KeylessBundle> {
        if payload.len() > MAX_STATEMENT_BYTES {
            return Err(too_large(payload.len()));
        }
        let Self { services, source, expected, options, now } = self;
        services.require_time()?;
        let token = source.token(&options, now).await?;
        let (name, issuer, identity) = token.identity(&expected)?;
        let key = EphemeralKey::generate()?;
        let wanted = Wanted { name: &name, issuer: &issuer };
        let certificate = certificate(&services.fulcio, &token, &key, &wanted, &options).await?;
        drop(token);
        let signature = key.sign(&pae(payload_type, payload));
        drop(key);
        let stamp = match &services.timestamp_authority {
            Some(at) => Some(timestamp::timestamp(at, &signature, &options).await?),
            None => None,
        };
        let signed = DsseSignature::new(SignatureBytes::new(signature), KeyId::default());
        let envelope = DsseEnvelope::new(payload_type, PayloadBytes::from_bytes(payload), signed);
        // The last, because it is the one that cannot be taken back.
        let entry = log::entry((&services.rekor, services.rekor_version), &envelope, &certificate, &options).await?;
        let bundle = BundleV03::with_certificate_and_dsse(certificate, envelope).with_tlog_entry(entry);
        let bundle = match stamp {
            Some(stamp) => bundle.with_rfc3161_timestamp(TimestampToken::new(stamp)),
            None => bundle,
        };
        let content = serde_json::to_vec(&bundle.into_bundle()).map_err(|_| refusal::internal("a bundle"))?;
        Ok(KeylessBundle { content, identity, name, issuer })
    }
}

impl Services {
    /// A certificate counts for some minutes, so somebody has to say that the signature was made in them.
    fn require_time(&self) -> Result<()> {
        match (self.rekor_version, &self.timestamp_authority) {
            (LogVersion::First, _) | (LogVersion::Second, Some(_)) => Ok(()),
            (LogVersion::Second, None) => Err(Fault::new(
                Reason::Usage,
                "the second version of Rekor vouches for no time, and nobody else is named",
            )
            .expected("a timestamp authority", "none")
            .hint("name one: `--timestamp-server-url URL`")),
        }
    }
}

/// A statement of which no bundle could be read.
fn too_large(bytes: usize) -> Fault {
    Fault::new(Reason::AttestationInvalid, "the attestation is larger than any bundle that is verified")
        .expected(format!("a statement of at most {MAX_STATEMENT_BYTES} bytes"), format!("{bytes} bytes"))
        .hint("leave out of the predicate what its readers have elsewhere, or sign it with a key: `--private-key KEY`")
}
