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
    /// The challenge, with `{realm}` for the realm, when it is not the usual one.
    pub challenge: Option<String>,
    /// The answer with a token, with `{token}` for the token, when it is not the usual one.
    pub answer: Option<String>,
    /// Whether a token is for the first repository only that it is asked for.
    pub one_repository: bool,
    /// How often a token is accepted; 0 for always.
    pub uses_per_token: usize,
}

/// A token that was given.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// `repository:NAME:ACTIONS`, once for each repository.
    pub(super) scopes: Vec<String>,
    pub(super) uses: usize,
}
