//! Who we are: the certificate that a registry is shown when it asks for one, and the key that proves it. The registry's own
//! origin alone is shown it, which `clients` sees to.

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, InconsistentKeys};

use crate::settings::{ClientCertificate, KeyReader};

/// The configuration that shows that certificate.
///
/// # Errors
/// `registry_settings_invalid` for what is no certificate, or no key of it; those of the key's reader; `io_` reasons.
pub(super) fn shown(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    own: &ClientCertificate,
    reader: &KeyReader,
) -> Result<ClientConfig> {
    let ClientCertificate { certificate, key } = own;
    let content = certificate.content()?;
    // The library's own words may quote a line, which may be one of a key.
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(invalid(format!("`{}` holds no certificate in PEM", certificate.path().display())));
    }
    let content = reader.read(key)?;
    let private = PrivateKeyDer::from_pem_slice(&content)
        .map_err(|_| invalid(format!("`{}` holds no private key in PEM that can be read", key.path().display())))?;
    builder.with_client_auth_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => invalid(format!(
            "the key in `{}` is not the one of the certificate in `{}`",
            key.path().display(),
            certificate.path().display()
        )),
        _ => invalid(format!(
            "`{}` and `{}` cannot be shown to a registry",
            certificate.path().display(),
            key.path().display()
        )),
    })
}

fn invalid(message: String) -> Fault {
    Fault::new(Reason::RegistrySettingsInvalid, message)
        .hint("name a certificate in PEM with `client_certificate`, and its private key with `client_key`")
}
