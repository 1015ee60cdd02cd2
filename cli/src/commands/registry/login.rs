//! `aisoc registry login`

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::KeptRegistryLogin;
use aisoc_registry_client::options::one_line;
use aisoc_registry_client::{
    CheckedLogin, ClientOptions, Credentials, Login, LoginFile, LoginPart, Secret, check_login, explain_login,
    keep_login,
};

use super::explain_login::part;
use super::login_file;
use crate::args::registry::LoginArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;
use crate::secret_file;

/// Longer than any password, and than tokens of clouds.
const MAX_PASSWORD_BYTES: usize = 64 << 10;
const WAYS: &str = "pipe it in: `printf %s \"$PASSWORD\" | aisoc registry login HOST -u USER --password-stdin`";
const PASSWORD: secret_file::Secret =
    secret_file::Secret { name: "registry password", reason: Reason::Usage, max_bytes: MAX_PASSWORD_BYTES, ways: WAYS };

impl Answer for KeptRegistryLogin {
    fn text(&self) -> String {
        String::new()
    }
}

pub(crate) fn run(args: LoginArgs, context: &Context) -> Result<u8> {
    let LoginArgs { host, username, registry, .. } = args;
    require_name(&username)?;
    let file = login_file(context)?;
    let options = context.client_of(&registry, [&host])?;
    let login = Login { registry: host.to_string(), username, password: password(context)? };
    let kept = runtime::block_on(context.cancellation()?, async {
        // Before the password is sent anywhere.
        file.check().await?;
        let checked = check(&host, &login, &options).await?;
        let kept = keep_login(&file, &login, &options).await?;
        warn_of_another(&host, &file, &kept.part, &options, context).await?;
        Ok((checked, kept.part))
    });
    let (checked, kept_by) = kept?;
    if checked == CheckedLogin::NotAsked {
        let said = format!("`{host}` asks for no login, so nobody knows whether this one is good; it is kept");
        context.output.warning(Warning::LoginUnverified, said);
    }
    let keeper = part(&kept_by);
    let object = format!("{} at {host}, in {}", printable(&login.username), file.path().display());
    context.output.status("Logged in", object);
    context.output.answer(&KeptRegistryLogin {
        registry: host.to_string(),
        username: login.username,
        verified: checked == CheckedLogin::Taken,
        logins_path: path_text(file.path()),
        kept_by: keeper,
    })
}

/// With this login alone: another one that is stored would be no proof of it.
async fn check(host: &RegistryHost, login: &Login, options: &ClientOptions) -> Result<CheckedLogin> {
    let credentials = Credentials { login: Some(login.clone()), ..Credentials::default() };
    let settings = Arc::new((*options.settings).clone().with_other_login());
    let options = ClientOptions { credentials, settings, ..options.clone() };
    check_login(host, &options).await.map_err(|fault| match fault.reason() {
        Reason::RegistryDenied => {
            fault.about(format!("`{host}` does not take this login, and nothing was written")).hint(
                "check user name and password; registries that people enter by a web page give out tokens for programs",
            )
        }
        _ => fault,
    })
}

/// Says where another login comes first: whoever has logged in would be somebody else all the same.
async fn warn_of_another(
    host: &RegistryHost,
    file: &LoginFile,
    kept_by: &LoginPart,
    options: &ClientOptions,
    context: &Context,
) -> Result<()> {
    let explained = explain_login(host, "", options).await?;
    if let Some(from) = explained.from
        && (from.part.as_ref() != Some(kept_by) || from.source != file.path().to_string_lossy())
    {
        let said =
            format!("the login of `{}` comes before this one: see `aisoc registry auth explain {host}`", from.source);
        context.output.warning(Warning::LoginShadowed, said);
    }
    Ok(())
}

/// A user name as it stands before a `:` (RFC 7617, 2).
fn require_name(username: &str) -> Result<()> {
    let why = match username {
        "" => "is empty",
        name if name.contains(':') => "holds a `:`, behind which the password would begin",
        name if name.chars().any(char::is_control) => "holds a line break or another control character",
        _ => return Ok(()),
    };
    Err(Fault::new(Reason::Usage, format!("the user name {why}")).hint("name the user: `-u USER`"))
}

fn password(context: &Context) -> Result<Secret> {
    let bytes = PASSWORD.input(context.cancellation()?)?.refuse_exposed()?;
    let text = std::str::from_utf8(&bytes).ok().and_then(one_line);
    let refuse = |what: &str| Err(Fault::new(Reason::Usage, format!("the password {what}")).hint(WAYS));
    match text {
        None => refuse("is not one line of text"),
        Some("") => refuse("is empty"),
        Some(password) => Ok(Secret::new(password)),
    }
}
