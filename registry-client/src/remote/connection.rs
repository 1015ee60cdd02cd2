//! `Connection`: what all requests to one repository share.

use std::sync::atomic::AtomicBool;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::RegistryReference;
use reqwest::Url;

use super::auth::Auth;
use super::scope::Scope;
use super::tls;
use super::wire::Wire;
use crate::options::{ClientOptions, PlainHttp};

/// One repository: where it is, who we are there, and the wire to it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reference: RegistryReference,
    /// The registry's own origin, the only one that sees credentials.
    pub(super) base: Url,
    pub(super) options: ClientOptions,
    pub(super) wire: Wire,
    pub(super) auth: Auth,
    /// Whether blobs are asked for from other repositories of the registry.
    pub(super) mounts: AtomicBool,
}

impl Connection {
    /// Makes no request.
    pub(super) fn new(reference: &RegistryReference, options: &ClientOptions, scope: Scope) -> Result<Self> {
        let base = base(reference, options)?;
        Ok(Self {
            reference: reference.clone(),
            wire: Wire::new(&base, options),
            auth: Auth::new(reference, &base, options, scope),
            mounts: AtomicBool::new(true),
            options: options.clone(),
            base,
        })
    }

    /// The URL of `/v2/<repository>/<kind>/<name>`. All parts were validated by their types, so none
    /// can hold a `/`, `?` or `%` of its own.
    pub(super) fn url(&self, kind: &str, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{kind}/{name}", self.reference.repository()));
        url
    }

    /// Host and port of the registry, as the reference names them.
    pub(super) fn registry(&self) -> String {
        self.reference.registry()
    }
}

/// Where the registry is. The scheme is decided before anything is asked: falling back from TLS would let
/// anybody who can block a port choose the protocol.
fn base(reference: &RegistryReference, options: &ClientOptions) -> Result<Url> {
    let host = reference.registry();
    // Docker Hub's name in references is not the name of its registry.
    let authority = if host == "docker.io" { "registry-1.docker.io" } else { &host };
    let no_host = |source| Fault::new(Reason::InvalidReference, format!("`{host}` is not a host")).caused_by(source);
    let base = Url::parse(&format!("https://{authority}/")).map_err(no_host)?;
    match is_plain(reference, &base, options) {
        true => Url::parse(&format!("http://{authority}/")).map_err(no_host),
        false => Ok(base),
    }
}

/// Whether the registry is spoken to without TLS. On this machine by default, unless a certificate for that very
/// host was given: whoever gives one means TLS.
fn is_plain(reference: &RegistryReference, base: &Url, options: &ClientOptions) -> bool {
    match options.plain_http {
        PlainHttp::Always => true,
        PlainHttp::Never => false,
        PlainHttp::LoopbackOnly => {
            let host = base.host_str().unwrap_or_default();
            reference.is_loopback() && !tls::name_this_host(&options.certificates, host)
        }
    }
}
