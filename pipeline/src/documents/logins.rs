//! Logins at registries. No secret is in any of it.

use schemars::JsonSchema;
use serde::Serialize;

/// Which login a registry would be sent that asks for one, and where it was looked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedRegistryLogin {
    /// The registry, `host[:port]`.
    pub registry: String,
    /// The repository, where one was named.
    pub repository: Option<String>,
    /// The login; nothing where none was found.
    pub login: Option<RegistryLogin>,
    /// Every place where one is looked for, in that order.
    pub sources: Vec<LoginSource>,
    /// What is written down of the registry; nothing where nothing is.
    pub settings: Option<WrittenRegistrySettings>,
}

/// What registries.toml and a directory of certificates say of one registry.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WrittenRegistrySettings {
    /// The file.
    pub path: String,
    /// The directory that has certificates for it.
    pub certificates_directory: Option<String>,
    /// Files of certificates that vouch for it.
    pub authorities: Vec<String>,
    /// The file of the certificate that it is shown.
    pub client_certificate_path: Option<String>,
    /// The file of its private key, of which nothing is shown.
    pub client_key_path: Option<String>,
    /// Whether it is spoken to without TLS; nothing where that is not said.
    pub plain_http: Option<bool>,
    /// Where its logins come from: `none`, `environment` or `docker`; nothing where that is not said.
    pub credentials: Option<&'static str>,
    /// Who holds the same, in the order in which they are asked.
    pub mirrors: Vec<WrittenMirror>,
    /// Whether what mirrors may give is asked of them alone.
    pub mirrors_only: bool,
}

/// A registry that holds what another one holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WrittenMirror {
    /// `host[:port][/prefix]`.
    pub registry: String,
    /// Whether its word is taken for what a tag names.
    pub resolve: bool,
}

/// A login without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RegistryLogin {
    /// What is sent: `password`, `identity_token` or `registry_token`.
    pub kind: &'static str,
    /// The user's name; nothing for a token, which says itself who that is.
    pub username: Option<String>,
    /// The file or the variables that it is from.
    pub source: String,
    /// What in the file; nothing for variables.
    pub part: Option<LoginSourcePart>,
}

/// A place where a login is looked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoginSource {
    /// The file or the variables.
    pub source: String,
    /// What in the file; nothing for all of it.
    pub part: Option<LoginSourcePart>,
    /// `used`, `passed_over`, or `not_asked` behind the one that was used.
    pub outcome: &'static str,
    /// Why it was not used: `not_set`, `other_registry`, `absent`, `empty`, `no_entry`, `no_login`, `unusable` or
    /// `not_asked`; nothing for the one that was.
    pub why: Option<&'static str>,
    /// The same in words, where the word does not say it.
    pub detail: Option<String>,
    /// Whether a push is refused because of it: who comes behind it may be somebody else.
    pub stops_a_push: bool,
}

/// A part of a file of logins.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoginSourcePart {
    /// `credential_helper` (of `credHelpers`), `credentials_store` (of `credsStore`) or `entry` (of `auths`).
    pub kind: &'static str,
    /// The program, or the key of the entry.
    pub name: String,
}

/// A login that is kept from now on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeptRegistryLogin {
    /// The registry, `host[:port]`.
    pub registry: String,
    /// The user's name.
    pub username: String,
    /// Whether the registry has asked for a login and taken this one; `false` where it asks for none.
    pub verified: bool,
    /// The file that keeps it, or names who does.
    pub logins_path: String,
    /// What keeps it.
    pub kept_by: LoginSourcePart,
}

/// A login that is kept no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForgottenRegistryLogin {
    /// The registry, `host[:port]`.
    pub registry: String,
    /// What has kept it; nothing where there was none.
    pub removed: Vec<LoginSourcePart>,
    /// The file that kept it, or names who did.
    pub logins_path: String,
}

/// Who a registry takes us for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RegistryIdentity {
    /// The registry, `host[:port]`.
    pub registry: String,
    /// The login that it is sent.
    pub login: RegistryLogin,
    /// Whether the registry has asked for a login and taken this one; nothing with `--offline`.
    pub verified: Option<bool>,
}
