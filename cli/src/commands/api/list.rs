//! `aisoc api list`

use aisoc_host_client::{Act, Request};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::HostedPlugins;
use serde_json::{Map, Value};

use super::super::columns::Columns;
use super::get::Seen;
use super::{PLUGINS, asking, understood};
use crate::args::api::HostedListArgs;
use crate::context::Context;
use crate::output::Answer;

const HEADING: [&str; 6] = ["ID", "VERSION", "STATE", "SIGNATURE", "KEY", "REASON"];

impl Answer for HostedPlugins<Map<String, Value>> {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.plugins.iter().map(|plugin| row(&Seen::of(plugin))).collect();
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}

fn row(plugin: &Seen<'_>) -> Vec<String> {
    let Seen { id, version, state, signature, key, reason, .. } = plugin;
    [*id, version, state, signature, key, reason.unwrap_or("-")]
        .map(|value| crate::output::printable(value).into_owned())
        .to_vec()
}

pub(crate) fn run(args: HostedListArgs, context: &Context) -> Result<u8> {
    let wanted = args.plugin_type.as_deref().map(|wanted| ("plugin_type", wanted));
    let request = Request { query: wanted.as_slice(), ..Request::plain(Act::Look, &PLUGINS) };
    let (place, answer) = asking::ask(args.host, request, context)?;
    context.output.answer(&HostedPlugins::<Map<String, Value>> { plugins: understood(&place, answer)? })
}
