//! `TrustedRoot`: the authorities, logs and clocks of one instance of sigstore, as the operator has them in a file.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use sigstore_verify::Verifier;
use sigstore_verify::trust_root::TrustedRoot as Document;

use super::provider::{RsaVerifiers, install};

/// The largest file of a trusted root. That of the public instance has some 10 kB; the rest is whoever can write it.
pub const MAX_TRUSTED_ROOT_BYTES: u64 = 1 << 20;

/// A trusted root that was read, by which bundles are judged.
pub struct TrustedRoot {
    pub(super) verifier: Verifier,
    /// The names of its logs.
    pub(super) logs: BTreeSet<Vec<u8>>,
    /// The certificates of its timestamp authorities.
    pub(super) timestamp_certificates: BTreeSet<Vec<u8>>,
}

impl std::fmt::Debug for TrustedRoot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TrustedRoot({} logs)", self.logs.len())
    }
}

impl TrustedRoot {
    /// Reads a trusted root (`application/vnd.dev.sigstore.trustedroot+json`). `place` is how it is called where it is
    /// refused; `rsa` verifies what is signed by RSA.
    ///
    /// # Errors
    /// `trusted_root_invalid` for what is none, for one that is larger than [`MAX_TRUSTED_ROOT_BYTES`], and for one that
    /// names no certificate authority, no log for certificates or no log for signatures: by that nothing can be shown.
    pub fn read(place: &str, content: &[u8], rsa: RsaVerifiers) -> Result<Self> {
        let invalid = |what: String| {
            Fault::new(Reason::TrustedRootInvalid, format!("`{place}` is no trusted root: {}", shown(&what, 300)))
        };
        if content.len() as u64 > MAX_TRUSTED_ROOT_BYTES {
            return Err(invalid("it is larger than any".to_owned())
                .expected(format!("at most {MAX_TRUSTED_ROOT_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        install(rsa);
        let text =
            std::str::from_utf8(content).map_err(|error| invalid("it is no text".to_owned()).caused_by(error))?;
        let document = Document::from_json(text).map_err(|error| invalid(error.to_string()))?;
        let missing = [
            ("certificate authority", document.certificate_authorities.is_empty()),
            ("log of signatures", document.tlogs.is_empty()),
            ("log of certificates", document.ctlogs.is_empty()),
        ];
        if let Some((what, _)) = missing.iter().find(|(_, is_missing)| *is_missing) {
            return Err(invalid(format!("it names no {what}")));
        }
        let verifier = Verifier::new(&document).map_err(|error| invalid(error.to_string()))?;
        let chains = document.timestamp_authorities.iter().flat_map(|authority| &authority.cert_chain.certificates);
        Ok(Self {
            verifier,
            logs: document.tlogs.iter().map(|log| log.log_id.key_id.as_bytes().to_vec()).collect(),
            timestamp_certificates: chains.map(|certificate| certificate.raw_bytes.as_bytes().to_vec()).collect(),
        })
    }
}
