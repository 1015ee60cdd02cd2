//! `aisoc plugins search`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{FoundPlugin, FoundPlugins};

use super::accepted::require_named;
use super::columns::Columns;
use crate::args::plugin::SearchArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

const HEADING: [&str; 4] = ["ID", "VERSION", "TYPE", "INSTALLED"];

pub(crate) fn run(args: SearchArgs, context: &Context) -> Result<u8> {
    require_named(args.plugins_dir.as_deref())?;
    let site = context.site(args.plugins_dir);
    context.output.answer(&aisoc_pipeline::search(&args.words, &site, &args.indexes)?)
}

fn values(plugin: &FoundPlugin) -> Vec<String> {
    let FoundPlugin { id, version, plugin_type, installed_version, .. } = plugin;
    let said = [Some(id), version.as_ref(), plugin_type.as_ref(), installed_version.as_ref()];
    said.map(|text| printable(text.map_or("-", String::as_str)).into_owned()).to_vec()
}

impl Answer for FoundPlugins {
    fn text(&self) -> String {
        if self.plugins.is_empty() {
            return "no plugin of that is found\n".to_owned();
        }
        let rows: Vec<Vec<String>> = self.plugins.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (plugin, values) in self.plugins.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            let objection = plugin.objection.as_ref().map(ToString::to_string);
            for line in plugin.description.iter().chain(&plugin.install).chain(&objection) {
                let _ = writeln!(text, "  {}", printable(line));
            }
        }
        text
    }
}
