//! `Connection`: what all requests to one repository share, or to a registry as a whole.

use std::sync::atomic::AtomicBool;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;
use reqwest::Url;

use super::auth::Auth;
use super::credentials::Place;
use super::scope::Scope;
use super::tls;
use super::wire::Wire;
use crate::limits::MAX_MIRROR_TRIES;
use crate::options::{ClientOptions, PlainHttp};
use crate::settings::RegistryMirror;

/// One repository: where it is, who we are there, and the wire to it.
#[derive(Debug)]
pub(super) struct Connection {
    registry: RegistryHost,
    /// Empty for a registry as a whole.
    pub(super) repository: String,
    /// The registry's own origin, the only one that sees credentials.
    pub(super) base: Url,
    pub(super) options: ClientOptions,
    pub(super) wire: Wire,
    pub(super) auth: Auth,
    /// Whether blobs are asked for from other repositories of the registry.
    pub(super) mounts: AtomicBool,
    /// How often one thing is tried at most, however often it would make sense.
    pub(super) most_tries: u32,
    /// The mirror that it is, where it is one, as it is written.
    pub(super) mirror: Option<String>,
}

impl Connection {
    /// Makes no request.
    pub(super) fn new(registry: RegistryHost, repository: &str, options: &ClientOptions, scope: Scope) -> Result<Self> {
        let options = &options.at(&registry)?;
        let base = base(&registry, options)?;
        Ok(Self {
            wire: Wire::new(&base, options),
            auth: Auth::new(Place::of(&registry, repository, &base), &base, options, scope),
            registry,
            repository: repository.to_owned(),
            mounts: AtomicBool::new(true),
            options: options.clone(),
            base,
            most_tries: u32::MAX,
            mirror: None,
        })
    }

    /// The same of a mirror, which is a registry of its own: with its own login, certificates, addresses and clock. Where
    /// somebody else is asked next it is given up sooner. Makes no request.
    pub(super) fn of_mirror(
        mirror: &RegistryMirror,
        repository: &str,
        options: &ClientOptions,
        is_last: bool,
    ) -> Result<Self> {
        let limits = if is_last { options.limits.clone() } else { options.limits.of_mirror() };
        let options = ClientOptions { limits, ..options.clone() };
        let connection = Self::new(mirror.registry.clone(), repository, &options, Scope::Pull)?;
        let most_tries = if is_last { u32::MAX } else { MAX_MIRROR_TRIES };
        Ok(Self { most_tries, mirror: Some(mirror.to_string()), ..connection })
    }

    /// The URL of `/v2/<repository>/<kind>/<name>`. All parts were validated by their types, so none
    /// can hold a `/`, `?` or `%` of its own.
    pub(super) fn url(&self, kind: &str, name: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{kind}/{name}", self.repository));
        url
    }

    /// Host and port of the registry, as the reference names them.
    pub(super) fn registry(&self) -> &RegistryHost {
        &self.registry
    }
}

/// Where the registry is. The scheme is decided before anything is asked: falling back from TLS would let
/// anybody who can block a port choose the protocol.
pub(super) fn base(registry: &RegistryHost, options: &ClientOptions) -> Result<Url> {
    let host = registry.as_str();
    // Docker Hub's name in references is not the name of its registry.
    let authority = if host == "docker.io" { "registry-1.docker.io" } else { host };
    let no_host = |source| Fault::new(Reason::InvalidReference, format!("`{host}` is not a host")).caused_by(source);
    let base = Url::parse(&format!("https://{authority}/")).map_err(no_host)?;
    match is_plain(registry, &base, options) {
        true => Url::parse(&format!("http://{authority}/")).map_err(no_host),
        false => Ok(base),
    }
}

/// Whether the registry is spoken to without TLS. On this machine by default, unless a certificate for that very
/// host was given: whoever gives one means TLS.
fn is_plain(registry: &RegistryHost, base: &Url, options: &ClientOptions) -> bool {
    match options.plain_http {
        PlainHttp::Always => true,
        PlainHttp::Never => false,
        PlainHttp::LoopbackOnly => {
            let host = base.host_str().unwrap_or_default();
            registry.is_loopback() && !tls::name_this_host(&options.certificates, host)
        }
    }
}
