//! Finding the credentials for one registry, in what the caller named.
//!
//! A credential belongs to one host and port. What matches more loosely, by a suffix or without the port,
//! hands the password of one registry to whoever runs another beside it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::options::{Credentials, Secret};

/// Longest wait for a credential helper; some unlock a key ring and ask a person. Shorter than an
/// exchange may take, so that the helper is named and not the registry.
const HELPER_TIMEOUT: Duration = Duration::from_secs(45);

/// Larger than any file of logins.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Who we are at one registry.
#[derive(Debug, Clone)]
pub(super) enum Credential {
    Login {
        username: String,
        password: Secret,
    },
    /// What `docker login` leaves for registries with OAuth2.
    IdentityToken(Secret),
}

/// The credential for exactly that registry (`host[:port]`), if there is one.
pub(super) async fn find(credentials: &Credentials, registry: &str) -> Result<Option<Credential>> {
    if let Some(login) = &credentials.login
        && origin(&login.registry) == origin(registry)
    {
        return Ok(Some(Credential::Login { username: login.username.clone(), password: login.password.clone() }));
    }
    for path in &credentials.docker_configs {
        if let Some(found) = from_docker_config(path.clone(), registry.to_owned()).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Host and port of a registry: one registry has several spellings, and no two registries have the same. A
/// port that is no number is one that no registry has.
fn origin(registry: &str) -> (String, u16) {
    const HTTPS: u16 = 443;
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(0)),
        _ => (registry, HTTPS),
    };
    (host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(), port)
}

/// Asked on a thread of its own and left behind when it takes too long: the helper is a foreign
/// program, and `docker_credential` waits for it without a limit. Which program that is, the file says; it
/// is the user's own, as their shell's start-up file is.
async fn from_docker_config(path: PathBuf, registry: String) -> Result<Option<Credential>> {
    let (sender, receiver) = oneshot::channel();
    let shown = path.display().to_string();
    thread::spawn(move || sender.send(read_docker_config(&path, &registry)));
    let failed = |why: &str| {
        Fault::new(Reason::RegistryDenied, format!("the credential helper that `{shown}` names {why}")).hint(
            "run the helper by hand, or set AISOC_REGISTRY_HOST, AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD",
        )
    };
    match timeout(HELPER_TIMEOUT, receiver).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(failed("failed")),
        Err(_) => Err(failed("does not answer")),
    }
}

fn read_docker_config(path: &Path, registry: &str) -> Result<Option<Credential>> {
    // Docker Hub is stored under the URL of an API that it no longer has.
    let keys = match registry {
        "docker.io" => vec!["https://index.docker.io/v1/".to_owned(), registry.to_owned()],
        _ => vec![registry.to_owned(), format!("https://{registry}")],
    };
    for key in keys {
        // Whole and bounded, and without waiting for who writes to a FIFO in its place.
        let config = match read_small(path, MAX_CONFIG_BYTES, Links::Followed) {
            Ok(config) => config.content,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(Fault::io("read", path, error.into())),
        };
        match get_credential_from_reader(config.as_slice(), &key) {
            Ok(found) => return Ok(Some(found.into())),
            Err(CredentialRetrievalError::NoCredentialConfigured) => {}
            // Helpers exit with 1 for "not mine". Their output may hold secrets and is not shown.
            Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("not found") => {}
            Err(error) => return Err(unusable(path, registry, &error)),
        }
    }
    Ok(None)
}

/// Why there is a file and no credential. The library's own texts may quote the entry, so each gets words of
/// ours.
fn unusable(path: &Path, registry: &str, error: &CredentialRetrievalError) -> Fault {
    let why = match error {
        CredentialRetrievalError::HelperCommunicationError => "its credential helper cannot be run",
        CredentialRetrievalError::MalformedHelperResponse => "its credential helper gives no credentials",
        CredentialRetrievalError::HelperFailure { .. } => "its credential helper failed",
        CredentialRetrievalError::CredentialDecodingError => "the entry cannot be decoded",
        CredentialRetrievalError::CredentialMismatchError => "the entry contradicts itself",
        CredentialRetrievalError::NoCredentialConfigured
        | CredentialRetrievalError::ConfigNotFound
        | CredentialRetrievalError::ConfigReadError => "it cannot be read",
    };
    Fault::new(Reason::RegistryDenied, format!("no credentials for `{registry}` from `{}`: {why}", path.display()))
}

impl From<DockerCredential> for Credential {
    fn from(found: DockerCredential) -> Self {
        match found {
            DockerCredential::IdentityToken(token) => Self::IdentityToken(Secret::new(token)),
            // The name by which helpers mark an identity token. Sent as a password it would be refused.
            DockerCredential::UsernamePassword(name, token) if name == "<token>" => {
                Self::IdentityToken(Secret::new(token))
            }
            DockerCredential::UsernamePassword(username, password) => {
                Self::Login { username, password: Secret::new(password) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_registry_has_several_spellings_and_no_two_have_the_same() {
        for same in ["ghcr.io", "GHCR.io", "ghcr.io:443", "ghcr.io."] {
            assert_eq!(origin(same), origin("ghcr.io"), "{same}");
        }
        for other in ["ghcr.io:5000", "ghcr.io.evil.example", "evil.ghcr.io", "xghcr.io", "ghcr.io:80", "ghcr.io:"] {
            assert_ne!(origin(other), origin("ghcr.io"), "{other}");
        }
        assert_eq!(origin("[::1]:5000"), ("[::1]".to_owned(), 5000));
        assert_eq!(origin("[::1]"), ("[::1]".to_owned(), 443));
    }
}
