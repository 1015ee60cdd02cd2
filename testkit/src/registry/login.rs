//! Logins: who may do what, and how the token service behaves.

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// Everybody may do everything.
    #[default]
    None,
    /// With this user name and password.
    Basic(&'static str, &'static str),
    /// With a token from the token service.
    Bearer(TokenService),
}

/// How the token service behaves.
#[derive(Debug, Clone, Default)]
pub struct TokenService {
    /// The only user and password that it knows.
    pub user: Option<(&'static str, &'static str)>,
    /// The only identity token that it knows.
    pub identity_token: Option<&'static str>,
    /// Whether tokens for reading are given to everybody.
    pub anonymous_pull: bool,
    /// The realm that the challenge names, when it is not the registry's own service.
    pub realm: Option<String>,
    /// How often a token is accepted; 0 for always.
    pub uses_per_token: usize,
}

/// A token that was given.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) scope: String,
    pub(super) uses: usize,
}
