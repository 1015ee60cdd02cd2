//! The arguments of `aisoc token …`

use std::path::PathBuf;

use aisoc_host::Tenant;
use aisoc_host::access::{Operator, Role, Scope, TokenName};
use clap::Args;

use super::dry_run::DryRunArgs;
use super::keyset::Expiry;

/// The file of tokens, if nobody names one.
pub(crate) const DEFAULT_TOKENS: &str = "/var/lib/aisoc/tokens.json";

/// Which tokens.
#[derive(Debug, Args)]
pub(crate) struct TokenFileArgs {
    /// The file of tokens, which a host reads with `aisoc serve --tokens FILE`
    #[arg(long, value_name = "FILE", default_value = DEFAULT_TOKENS)]
    pub(crate) tokens: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CreateTokenArgs {
    /// What to call it: in lists, in events, and to revoke it by
    #[arg(value_name = "NAME")]
    pub(crate) name: TokenName,
    /// What it allows: plugins:read, plugins:execute, plugins:admin, plugins:*, hooks:fire or *; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required_unless_present = "role", conflicts_with = "role")]
    pub(crate) scopes: Vec<Scope>,
    /// Whoever has it acts in that role: admin and platform_admin may do everything, the others nothing
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<Role>,
    /// Who answers for it: lists name them, and the journal beside the token [default: nobody, which is warned of where it
    /// may change plugins]
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<Operator>,
    /// For which tenant whoever has it calls plugins: what those keep and report belongs to that one [default: for none]
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<Tenant>,
    /// Until when it counts: 12h, 30d, 4w, or a time as 2027-01-01T00:00:00Z [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Expiry>,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListTokensArgs {
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeTokenArgs {
    /// Which one, as `aisoc token list` has it
    #[arg(value_name = "NAME")]
    pub(crate) name: TokenName,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}
