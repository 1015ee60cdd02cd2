//! `aisoc api unload`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::UnloadedPlugin;

use super::{PLUGINS, asking, hosted_id};
use crate::args::api::HostedPluginArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for UnloadedPlugin {
    fn text(&self) -> String {
        format!("{}\n", self.plugin_id)
    }
}

pub(crate) fn run(args: HostedPluginArgs, context: &Context) -> Result<u8> {
    let id = hosted_id(&args.id)?;
    let path = [&PLUGINS[..], &[id.as_str()]].concat();
    asking::ask(args.host, Request::plain(Act::Remove, &path), context)?;
    context.output.status("Unloaded", format!("{}: its files are where they were", args.id));
    context.output.answer(&UnloadedPlugin { plugin_id: args.id })
}
