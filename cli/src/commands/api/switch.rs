//! `aisoc api enable`, `disable` and `reload`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;

use super::super::uninstall::plugin_id;
use super::get::OnePlugin;
use super::{PLUGINS, asking, understood};
use crate::args::api::HostedPluginArgs;
use crate::context::Context;

pub(crate) fn enable(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    ask("enable", args, context)
}

pub(crate) fn disable(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    ask("disable", args, context)
}

pub(crate) fn reload(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    ask("reload", args, context)
}

fn ask(verb: &str, args: HostedPluginArgs, context: &Context) -> Result<u8> {
    let id = plugin_id(&args.id)?;
    let path = [&PLUGINS[..], &[id.as_str(), verb]].concat();
    let (place, answer) = asking::ask(args.host, Request::plain(Act::Do, &path), context)?;
    context.output.answer(&OnePlugin(understood(&place, answer)?))
}
