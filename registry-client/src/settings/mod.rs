//! `RegistrySettings`: what an operator has written down of each registry, and what of it counts for one.
//!
//! Read `written` for the file, `certs_d` for directories of certificates as Docker has them. What is said on the command
//! line counts before all of it: whoever makes [`ClientOptions`](crate::ClientOptions) puts it there.

mod certs_d;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;
use zeroize::Zeroizing;

pub use written::MAX_SETTINGS_BYTES;

/// What was written down of registries. Empty, nothing was.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// The file, as messages name it.
    file: String,
    /// Directories that have one of certificates for each registry.
    certs_d: Option<PathBuf>,
    /// By the host, as [`key`] has it.
    registries: BTreeMap<String, RegistrySetting>,
    /// Whether an authority was named elsewhere, in place of all that are named here.
    other_authority: bool,
    /// Whether a login was named elsewhere, whatever is written here of where they come from.
    other_login: bool,
}

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

/// What counts for one registry, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSetting {
    /// The file, as messages name it.
    pub file: String,
    /// The directory of certificates that has some for the registry.
    pub certs_d: Option<PathBuf>,
    /// What both say.
    pub setting: RegistrySetting,
}

impl RegistrySettings {
    /// What that text says. Relative paths in it are below `directory`; `file` is how messages name it.
    ///
    /// # Errors
    /// `registry_settings_invalid`, with line and column.
    pub fn read(text: &str, file: impl Into<String>, directory: &Path) -> Result<Self> {
        written::read(text, file.into(), directory)
    }

    /// The same where an authority was named on the command line, which stands in place of those that are written here.
    #[must_use]
    pub fn with_other_authority(self) -> Self {
        Self { other_authority: true, ..self }
    }

    /// Whether an authority was named in place of those that are written here.
    pub fn has_other_authority(&self) -> bool {
        self.other_authority
    }

    /// The same where a login was handed in, which is the one that is meant.
    #[must_use]
    pub fn with_other_login(self) -> Self {
        Self { other_login: true, ..self }
    }

    /// What is written of that registry; none where nothing is. What its own table says counts before a directory of
    /// certificates.
    ///
    /// # Errors
    /// `directory_insecure` for a directory of certificates that others can change, `registry_settings_invalid` for what
    /// is in it, `io_` reasons.
    pub fn of(&self, registry: &RegistryHost) -> Result<Option<HeldSetting>> {
        let listed = match &self.certs_d {
            Some(directory) => certs_d::read(directory, registry)?,
            None => None,
        };
        let written = self.registries.get(&key(registry));
        if written.is_none() && listed.is_none() {
            return Ok(None);
        }
        let mut setting = written.cloned().unwrap_or_default();
        if self.other_login {
            setting.credentials = LoginSources::All;
        }
        let mut certs_d = None;
        if let Some(certs_d::Listed { directory, authorities, client_certificate }) = listed
            && setting.plain_http != Some(true)
        {
            if setting.authorities.is_empty() {
                setting.authorities = authorities;
            }
            setting.client_certificate = setting.client_certificate.or(client_certificate);
            certs_d = Some(directory);
        }
        Ok(Some(HeldSetting { file: self.file.clone(), certs_d, setting }))
    }
}

/// The one name that a registry has here: the port of TLS is no other registry, nor is another name of Docker Hub.
fn key(registry: &RegistryHost) -> String {
    match registry.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.strip_suffix(":443").unwrap_or(host).to_owned(),
    }
}

/// How the file of a private key is read by whoever knows who else may read it.
type ReadKey = dyn Fn(&Path) -> Result<Zeroizing<Vec<u8>>> + Send + Sync;

/// Reads private keys, and refuses those that others can read.
#[derive(Clone, Default)]
pub struct KeyReader(Option<Arc<ReadKey>>);

impl KeyReader {
    /// By that function.
    pub fn by(read: impl Fn(&Path) -> Result<Zeroizing<Vec<u8>>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read)))
    }

    pub(crate) fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
        match &self.0 {
            Some(read) => read(path),
            None => Err(Fault::new(Reason::Internal, "a private key is to be read, and nobody has said how")),
        }
    }
}

impl fmt::Debug for KeyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyReader({})", if self.0.is_some() { "somebody" } else { "nobody" })
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
