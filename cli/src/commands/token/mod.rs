//! `aisoc token …`: who may ask a host for what.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;

use std::time::Duration;

use aisoc_host::access::{Grant, TokenRecord};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{ApiToken, TokenGrant};
use aisoc_trust::Patience;
use jiff::Timestamp;

use crate::context::Context;

/// How long to wait for another command that changes the file: each takes a moment.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

fn patience(context: &Context) -> Result<Patience> {
    Ok(Patience { lock_timeout: LOCK_TIMEOUT, cancellation: context.cancellation()?.clone() })
}

fn row(token: &TokenRecord, now: Timestamp) -> ApiToken {
    let time = |time: Timestamp| format!("{time:.0}");
    ApiToken {
        name: token.name.to_string(),
        state: token.state(now),
        grant: match &token.grant {
            Grant::Scopes(scopes) => TokenGrant::Scopes(scopes.iter().map(|scope| scope.as_str()).collect()),
            Grant::Role(role) => TokenGrant::Role(role.as_str()),
        },
        operator: token.operator.as_ref().map(ToString::to_string),
        tenant: token.tenant.as_ref().map(ToString::to_string),
        created_at: time(token.created_at),
        expires_at: token.expires_at.map(time),
        revoked_at: token.revoked_at.map(time),
    }
}

/// What it allows, in one column.
fn allows(token: &ApiToken) -> String {
    let allowed = match &token.grant {
        TokenGrant::Scopes(scopes) => scopes.join(","),
        TokenGrant::Role(role) => format!("role {role}"),
    };
    token.tenant.as_ref().map_or_else(|| allowed.clone(), |tenant| format!("{allowed} for {tenant}"))
}
