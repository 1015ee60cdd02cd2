//! `aisoc api install`, and `aisoc api rollback`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::BroughtPlugin;
use serde_json::json;

use super::super::uninstall::plugin_id;
use super::get::OnePlugin;
use super::{PLUGINS, asking, understood};
use crate::args::api::{HostedInstallArgs, HostedRollbackArgs};
use crate::context::Context;
use crate::output::{Answer, printable};

impl Answer for BroughtPlugin {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.oci_ref))
    }
}

pub(crate) fn install(args: HostedInstallArgs, context: &Context) -> Result<u8> {
    let id = args.id.as_deref().map(plugin_id).transpose()?;
    let mut body = json!({ "oci_ref": args.reference });
    if let Some(id) = id {
        body["plugin_id"] = id.as_str().into();
    }
    let path = [&PLUGINS[..], &["install_from_oci"]].concat();
    let request = Request { body: Some(body), ..Request::plain(Act::Do, &path) };
    let (place, answer) = asking::ask(args.host, request, context)?;
    let brought: BroughtPlugin = understood(&place, answer)?;
    context.output.status("Installed", printable(&brought.plugin_id));
    context.output.answer(&brought)
}

pub(crate) fn roll_back(args: HostedRollbackArgs, context: &Context) -> Result<u8> {
    let id = plugin_id(&args.id)?;
    let path = [&PLUGINS[..], &[id.as_str(), "rollback"]].concat();
    let body = args.to.map(|to| json!({ "to": to }));
    let (place, answer) = asking::ask(args.host, Request { body, ..Request::plain(Act::Do, &path) }, context)?;
    context.output.answer(&OnePlugin::understood(&id.into(), &place, answer)?)
}
