//! `Credential`: who we are at one registry.

use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::options::{Secret, one_line};

/// The user name by which helpers mark an identity token. Sent as a password it would be refused.
const TOKEN_USER: &str = "<token>";

/// Who we are at one registry.
#[derive(Debug, Clone)]
pub(in crate::remote) enum Credential {
    Login {
        username: String,
        password: Secret,
    },
    /// What `docker login` leaves for registries with OAuth2.
    IdentityToken(Secret),
    /// A token that the registry itself takes, as it is. Nobody else ever sees it.
    RegistryToken(Secret),
}

impl Credential {
    /// User name and password, or the identity token that they are; nothing when both are empty.
    ///
    /// # Errors
    /// `registry_denied` when one holds a control character.
    pub(super) fn of_login(username: &str, password: &str) -> Result<Option<Self>> {
        Ok(match (plain(username)?, plain(password)?) {
            ("", "") => None,
            (TOKEN_USER, token) => Some(Self::IdentityToken(Secret::new(token))),
            (username, password) => {
                Some(Self::Login { username: username.to_owned(), password: Secret::new(password) })
            }
        })
    }
}

/// A text of a login as a header can carry it.
///
/// # Errors
/// `registry_denied` when it holds a control character.
pub(super) fn plain(text: &str) -> Result<&str> {
    one_line(text).ok_or_else(|| unusable("has a control character in it"))
}

/// A login that is there and says nothing that can be sent. It is not quoted.
pub(super) fn unusable(why: &str) -> Fault {
    Fault::new(Reason::RegistryDenied, format!("the login {why}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A credential with its secret, as no message ever shows it.
    pub(in super::super) fn revealed(credential: Option<Credential>) -> String {
        match credential {
            None => "none".to_owned(),
            Some(Credential::Login { username, password }) => format!("login {username:?} {:?}", password.reveal()),
            Some(Credential::IdentityToken(token)) => format!("identity {:?}", token.reveal()),
            Some(Credential::RegistryToken(token)) => format!("registry {:?}", token.reveal()),
        }
    }
}
