//! `aisoc registry logout`

use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ForgottenRegistryLogin;
use aisoc_registry_client::{explain_login, forget_login};

use super::explain_login::part;
use super::login_file;
use crate::args::plugin::RegistryArgs;
use crate::args::registry::LogoutArgs;
use crate::context::Context;
use crate::output::{Answer, path_text};
use crate::runtime;

impl Answer for ForgottenRegistryLogin {
    fn text(&self) -> String {
        String::new()
    }
}

pub(crate) fn run(args: LogoutArgs, context: &Context) -> Result<u8> {
    let LogoutArgs { host } = args;
    let file = login_file(context)?;
    let options = context.client_of(&RegistryArgs::default(), [])?;
    let (forgotten, left) = runtime::block_on(context.cancellation()?, async {
        let forgotten = forget_login(&file, &host, &options).await?;
        Ok((forgotten, explain_login(&host, "", &options).await?))
    })?;
    let path = file.path().display();
    match forgotten.parts.is_empty() {
        true => context.output.status("Unchanged", format!("no login for {host} is in {path}")),
        false => context.output.status("Logged out", format!("of {host}, in {path}")),
    }
    if let Some(from) = left.login.and(left.from) {
        let said =
            format!("a login of `{}` is still sent to `{host}`: see `aisoc registry auth explain {host}`", from.source);
        context.output.warning(Warning::LoginShadowed, said);
    }
    context.output.answer(&ForgottenRegistryLogin {
        registry: host.to_string(),
        removed: forgotten.parts.iter().map(part).collect(),
        logins_path: path_text(file.path()),
    })
}
