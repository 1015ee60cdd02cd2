//! A client that is not ours.

use std::sync::Once;

/// No proxy, no certificates: everything is on this machine and without TLS. The library wants to know what TLS would
/// be made of before it makes any client.
pub(crate) fn client() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let provider = aisoc_registry_client::tls_provider().expect("this processor is supported");
        (*provider).clone().install_default().expect("nobody else has installed one");
    });
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}
