//! `aisoc registry whoami`

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::RegistryIdentity;
use aisoc_registry_client::{CheckedLogin, check_login, explain_login};

use super::explain_login::{login, shown};
use crate::args::registry::WhoamiArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for RegistryIdentity {
    fn text(&self) -> String {
        match &self.login.username {
            Some(username) => format!("{}\n", printable(username)),
            None => format!("({})\n", shown(&self.login)),
        }
    }
}

pub(crate) fn run(args: WhoamiArgs, context: &Context) -> Result<u8> {
    let WhoamiArgs { host, offline, registry } = args;
    let options = context.client_of(&registry, [&host])?;
    let (login, verified) = runtime::block_on(context.cancellation()?, async {
        let explained = explain_login(&host, "", &options).await?;
        let login = login(&explained).ok_or_else(|| {
            Fault::new(Reason::RegistryDenied, format!("there is no login for `{host}`"))
                .hint(format!("log in with `aisoc registry login {host} -u USER --password-stdin`"))
        })?;
        let verified = match offline {
            true => None,
            false => Some(check_login(&host, &options).await? == CheckedLogin::Taken),
        };
        Ok((login, verified))
    })?;
    if verified == Some(false) {
        let said = format!("`{host}` asks for no login, so nobody knows whether this one is good");
        context.output.warning(Warning::LoginUnverified, said);
    }
    context.output.status("From", &login.source);
    context.output.answer(&RegistryIdentity { registry: host.to_string(), login, verified })
}
