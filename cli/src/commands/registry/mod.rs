//! `aisoc registry …`: a registry of one's own, logins at all of them, and what they hold.

pub(super) mod delete;
pub(super) mod explain_login;
pub(super) mod gc;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod ls;
pub(super) mod serve;
pub(super) mod tags;
pub(super) mod whoami;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::LoginFile;

use crate::context::Context;

/// The file in which Docker keeps logins.
///
/// # Errors
/// `usage` where nothing says where it is.
fn login_file(context: &Context) -> Result<LoginFile> {
    let path = context.environment.login_file().ok_or_else(|| {
        Fault::new(Reason::Usage, "nothing says where logins are kept: neither DOCKER_CONFIG nor HOME is set")
            .hint("name a directory of your own: `export DOCKER_CONFIG=/path/to/directory`")
    })?;
    Ok(LoginFile::at(path, context.cancellation()?))
}
