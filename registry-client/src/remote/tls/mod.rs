//! Who a registry is: which certificates are trusted (`roots`), how one is judged (`verifier`), and what is
//! said when it is not taken (`failure`).

mod failure;
mod own;
mod plain;
mod provider;
mod roots;
mod verifier;

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
pub(super) use failure::fault;
pub use failure::{is_of_tls, tls_trouble};
pub(super) use plain::{hinted, wanted};
pub use provider::{signature_verifiers, tls_provider};
pub(super) use roots::name_this_host;
use rustls::{ClientConfig, RootCertStore};
use verifier::Verifier;

use crate::certificates::Certificates;

/// How TLS is spoken: with the library's versions and ciphers, and our judge of certificates around its own.
///
/// # Errors
/// Those of certificates that cannot be used, and of a processor without what TLS takes.
pub fn client_tls(certificates: &Certificates) -> Result<ClientConfig> {
    let provider = tls_provider()?;
    let verifier = Verifier::new(roots::trusted(certificates)?, Arc::clone(&provider))?;
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // `dangerous` is the library's word for a judge that is not its own; `verifier.rs` says what ours adds.
    let judged = versions.map_err(internal)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut configuration = match &certificates.own {
        None => judged.with_no_client_auth(),
        Some(own) => own::shown(judged, own, &certificates.key_reader)?,
    };
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(configuration)
}

/// For a client that asks for plain HTTP alone: it trusts nobody, and no file is read for it.
///
/// # Errors
/// `internal`.
pub fn no_tls() -> Result<ClientConfig> {
    let versions = ClientConfig::builder_with_provider(provider::unused()).with_safe_default_protocol_versions();
    Ok(versions.map_err(internal)?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn internal(source: rustls::Error) -> Fault {
    Fault::new(Reason::Internal, "cannot set up TLS").caused_by(source)
}
