//! Logins as their user sees them: which one would be sent and where it is from, whether a registry takes it, and where it
//! is kept. Never its secret.

use std::pin::pin;
use std::sync::Arc;

use aisoc_manifests::fault::Result;
use aisoc_manifests::registry_host::RegistryHost;
use reqwest::Method;
use tokio::time::timeout;

use super::call::{Asked, Call};
use super::connection::{Connection, base};
use super::credentials::{self, Credential, ForgottenLogin, KeptLogin, LoginFile, LoginOrigin, PassedOver, Place};
use super::scope::Scope;
use crate::limits::USUAL_SILENCE;
use crate::options::{ClientOptions, Login};

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
    let options = &options.at(registry)?;
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

/// What a registry makes of the login that [`explain_login`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedLogin {
    /// It asked for a login, and took this one.
    Taken,
    /// It asks for none, so nothing is known of the login.
    NotAsked,
}

/// Asks the registry whether it takes the login: at `/v2/`, without one first. What token is asked for is for no
/// repository, because one that reads may be for everybody. Source: distribution specification 1.1, `end-1`.
///
/// # Errors
/// `registry_denied` when it does not; `registry_protocol` when there is no registry; and what every request has.
pub async fn check_login(registry: &RegistryHost, options: &ClientOptions) -> Result<CheckedLogin> {
    let connection = Arc::new(Connection::new(registry.clone(), "", options, Scope::Login)?);
    let mut url = connection.base.clone();
    url.set_path("/v2/");
    let call = Call::new(Method::GET, url, Asked::Registry);
    let answer = connection.send(&call).await?.success(&call).await?;
    if answer.is_web_page() {
        return Err(answer.no_registry(&call));
    }
    // What was sent is remembered, and the last that was sent is what was answered with a yes.
    match connection.auth.known(&connection.auth.wanted(&call)) {
        Some(_) => Ok(CheckedLogin::Taken),
        None => Ok(CheckedLogin::NotAsked),
    }
}

/// Keeps a login where Docker would: with the helper or the store that the file names, else in the file. It is not asked
/// whether it is good: see [`check_login`].
///
/// # Errors
/// `directory_insecure` for a file that is a link or another user's, or a directory that others can change;
/// `registry_denied` for what is no file of logins, and when the helper fails; `locked`, I/O reasons.
pub async fn keep_login(file: &LoginFile, login: &Login, options: &ClientOptions) -> Result<KeptLogin> {
    file.keep(&whole(&login.registry.parse()?, options)?, &login.username, &login.password).await
}

/// Forgets the login that [`keep_login`] keeps for that registry, and no other.
///
/// # Errors
/// As [`keep_login`].
pub async fn forget_login(
    file: &LoginFile,
    registry: &RegistryHost,
    options: &ClientOptions,
) -> Result<ForgottenLogin> {
    file.forget(&whole(registry, options)?).await
}

fn whole(registry: &RegistryHost, options: &ClientOptions) -> Result<Place> {
    Ok(Place::of(registry, "", &base(registry, &options.at(registry)?)?))
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
