//! The tokens of the operator's API.

use schemars::JsonSchema;
use serde::Serialize;

/// What a token allows.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenGrant {
    /// `plugins:read`, `plugins:execute`, `plugins:admin`, `plugins:*`, `hooks:fire` and `*`.
    Scopes(Vec<&'static str>),
    /// All that this role does.
    Role(&'static str),
}

/// A token, as it is written down: what somebody would show is not in it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ApiToken {
    /// What people call it.
    pub name: String,
    /// `active`, `expired` or `revoked`.
    pub state: &'static str,
    /// What it allows.
    pub grant: TokenGrant,
    /// Who answers for it; nothing where nobody does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operator: Option<String>,
    /// For which tenant whoever has it asks; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<String>,
    /// Since when there is one.
    pub created_at: String,
    /// From when on it counts no more, where that was said.
    pub expires_at: Option<String>,
    /// Since when it is revoked, where it is.
    pub revoked_at: Option<String>,
}

/// A token that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CreatedToken {
    /// The token itself, this once; nothing in a dry run.
    pub token: Option<String>,
    /// The file of tokens.
    pub tokens_path: String,
    /// What was written down of it.
    #[serde(flatten)]
    pub record: ApiToken,
}

/// The tokens of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TokenList {
    /// The file of tokens.
    pub tokens_path: String,
    /// All of them, in the order in which they were made.
    pub tokens: Vec<ApiToken>,
}

/// A token that counts no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevokedToken {
    /// The file of tokens.
    pub tokens_path: String,
    /// What is written down of it.
    #[serde(flatten)]
    pub record: ApiToken,
}
