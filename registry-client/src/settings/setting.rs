//! `RegistrySetting`: what can be said of one registry, and under which name.

use std::path::PathBuf;

use aisoc_manifests::registry_host::RegistryHost;

/// What was written down of one registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySetting {
    /// Files of certificates that vouch for it, beside those that the machine trusts.
    pub authorities: Vec<PathBuf>,
    /// Who we are to it, where it asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether it is spoken to without TLS.
    pub plain_http: Option<bool>,
    /// Where its logins come from.
    pub credentials: LoginSources,
}

/// A certificate by which a client proves who it is, and the key that proves the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A file in PEM: its own certificate first, and those that vouch for it behind.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Where the logins of a registry come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoginSources {
    /// Wherever one is found.
    #[default]
    All,
    /// Nowhere: it is asked as nobody.
    Nowhere,
    /// The variables alone.
    Environment,
    /// The files that Docker and podman keep alone.
    Docker,
}

impl LoginSources {
    /// The word for it in the file; none where nothing is written.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Nowhere => Some("none"),
            Self::Environment => Some("environment"),
            Self::Docker => Some("docker"),
        }
    }
}

/// The one name that a registry has here: the port of TLS is no other registry, nor is another name of Docker Hub.
pub(super) fn key(registry: &RegistryHost) -> String {
    match registry.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.strip_suffix(":443").unwrap_or(host).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_one_name() {
        for (host, expected) in [
            ("ghcr.io", "ghcr.io"),
            ("GHCR.io:443", "ghcr.io"),
            ("ghcr.io:4430", "ghcr.io:4430"),
            ("localhost:5000", "localhost:5000"),
            ("index.docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
        ] {
            assert_eq!(key(&host.parse().expect(host)), expected);
        }
    }
}
