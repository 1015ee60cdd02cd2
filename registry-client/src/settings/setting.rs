//! `RegistrySetting`: what can be said of one registry, and under which name.

use std::fmt;

use aisoc_manifests::fault::Location;
use aisoc_manifests::registry_host::RegistryHost;

use super::file::SettingFile;

/// What was written down of one registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySetting {
    /// Files of certificates that vouch for it, beside those that the machine trusts.
    pub authorities: Vec<SettingFile>,
    /// Who we are to it, where it asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether it is spoken to without TLS.
    pub plain_http: Option<bool>,
    /// Where its logins come from.
    pub credentials: LoginSources,
    /// Where that is written, if it is.
    pub credentials_at: Option<Location>,
    /// Who holds the same, in the order in which they are asked before it.
    pub mirrors: Vec<RegistryMirror>,
    /// Whether what mirrors may give is asked of them alone.
    pub mirrors_only: bool,
}

/// A registry that holds what another one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    /// Which registry it is. What is written of that one holds for it, but for mirrors of its own.
    pub registry: RegistryHost,
    /// The repository under which it has those of the other one; nothing where they have the same names.
    pub prefix: Option<String>,
    /// Whether its word is taken for what a tag names. Of what is asked for by a digest nobody's word is needed.
    pub resolves: bool,
}

impl RegistryMirror {
    /// The repository there that mirrors the one of that name.
    pub(crate) fn repository(&self, mirrored: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}/{mirrored}"),
            None => mirrored.to_owned(),
        }
    }
}

impl fmt::Display for RegistryMirror {
    /// As it is written: `host[:port][/prefix]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.registry),
            None => write!(f, "{}", self.registry),
        }
    }
}

/// A certificate by which a client proves who it is, and the key that proves the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A file in PEM: its own certificate first, and those that vouch for it behind.
    pub certificate: SettingFile,
    /// Its private key in PEM.
    pub key: SettingFile,
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
