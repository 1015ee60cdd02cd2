//! `aisoc api enable`, `disable` and `reload`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use serde_json::{Value, json};

use super::get::OnePlugin;
use super::{PLUGINS, asking, hosted_id};
use crate::args::api::{HostedPluginArgs, HostedReloadArgs};
use crate::context::Context;

pub(crate) fn enable(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    ask("enable", None, args, context)
}

pub(crate) fn disable(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    ask("disable", None, args, context)
}

pub(crate) fn reload(args: HostedReloadArgs, context: &Context) -> Result<u8> {
    let HostedReloadArgs { id, from, host } = args;
    let body = from.map(|from| json!({ "from": from }));
    ask("reload", body, HostedPluginArgs { id, host }, context)
}

fn ask(verb: &str, body: Option<Value>, args: HostedPluginArgs, context: &Context) -> Result<u8> {
    let id = hosted_id(&args.id)?;
    let path = [&PLUGINS[..], &[id.as_str(), verb]].concat();
    let (place, answer) = asking::ask(args.host, Request { body, ..Request::plain(Act::Do, &path) }, context)?;
    context.output.answer(&OnePlugin::understood(&id, &place, answer)?)
}
