//! What is said of a login: which one would be sent, and where it is from. Never its secret.

use std::pin::pin;

use aisoc_manifests::fault::Result;
use aisoc_manifests::registry_host::RegistryHost;
use tokio::time::timeout;

use super::connection::base;
use super::credentials::{self, Credential, LoginOrigin, PassedOver, Place};
use crate::limits::USUAL_SILENCE;
use crate::options::ClientOptions;

/// Which login a registry would be sent that asks for one, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedLogin {
    /// The login; nothing where there is none.
    pub login: Option<FoundLogin>,
    /// Where it is from. Variables that are set to nothing are a source without a login: no other is asked.
    pub from: Option<LoginOrigin>,
    /// Every other place where one was looked for, or would have been, in the order of the search.
    pub passed_over: Vec<PassedOver>,
}

/// A login without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLogin {
    /// What is sent.
    pub kind: LoginKind,
    /// The user's name; nothing for a token, which says itself who that is.
    pub username: Option<String>,
}

/// What is sent to prove who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    /// A user name and a password, to the registry or its token service.
    Password,
    /// An identity token, to the registry's token service.
    IdentityToken,
    /// A token for the registry itself.
    RegistryToken,
}

impl LoginKind {
    /// The kind in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::IdentityToken => "identity_token",
            Self::RegistryToken => "registry_token",
        }
    }
}

/// Looks for a login as every request does, and says all of it. No request is made; a credential helper is asked, as it
/// would be. An empty repository is the registry as a whole.
///
/// # Errors
/// `invalid_ref` for a registry that makes no URL; `registry_denied` for a login in the variables that no header can
/// carry.
pub async fn explain_login(
    registry: &RegistryHost,
    repository: &str,
    options: &ClientOptions,
) -> Result<ExplainedLogin> {
    let place = Place::of(registry, repository, &base(registry, options)?);
    let mut look = pin!(credentials::explain(&options.credentials, &place));
    let lookup = match timeout(USUAL_SILENCE, &mut look).await {
        Ok(lookup) => lookup?,
        Err(_) => {
            options.cancellation.waits_for(&format!("for the credential helper that keeps the login of `{registry}`"));
            look.await?
        }
    };
    Ok(ExplainedLogin {
        login: lookup.credential.as_ref().map(FoundLogin::of),
        from: lookup.from,
        passed_over: lookup.passed,
    })
}

impl FoundLogin {
    fn of(credential: &Credential) -> Self {
        match credential {
            Credential::Login { username, .. } => Self { kind: LoginKind::Password, username: Some(username.clone()) },
            Credential::IdentityToken(_) => Self { kind: LoginKind::IdentityToken, username: None },
            Credential::RegistryToken(_) => Self { kind: LoginKind::RegistryToken, username: None },
        }
    }
}
