//! `aisoc config plugins show`

use aisoc_dispatch::InstalledPlugin;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{
    CompiledCapabilities, CompiledHooks, CompiledLifecycle, CompiledObserver, CompiledPlugin, CompiledPlugins,
    CompiledWrapper,
};

use super::shown_rule;
use crate::args::config::ShowCompiledArgs;
use crate::commands::columns::Columns;
use crate::context::Context;
use crate::output::Answer;

const HEADING: [&str; 5] = ["PLUGIN", "VERSION", "RESTRICTS", "FAILURE POLICY", "HOOKS"];

impl Answer for CompiledPlugins {
    fn text(&self) -> String {
        let row = |plugin: &CompiledPlugin| {
            let CompiledPlugin { name, version, capabilities, hooks, .. } = plugin;
            let version = if version.is_empty() { "-" } else { version };
            let restricts = if capabilities.restricts { "yes" } else { "no" };
            let (policy, hooks) = (capabilities.failure_policy.clone(), hooks.count.to_string());
            vec![name.clone(), version.to_owned(), restricts.to_owned(), policy, hooks]
        };
        let rows: Vec<Vec<String>> = self.plugins.iter().map(row).collect();
        let columns = Columns::of(&HEADING, &rows);
        rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row))
    }
}

pub(crate) fn run(ShowCompiledArgs {}: ShowCompiledArgs, context: &Context) -> Result<u8> {
    let plugins: Vec<CompiledPlugin> = context.program.plugins().listed().iter().map(shown).collect();
    context.output.answer(&CompiledPlugins { total: plugins.len(), plugins })
}

fn shown(plugin: &InstalledPlugin) -> CompiledPlugin {
    let InstalledPlugin { name, version, capabilities, rule, observers, wrappers, lifecycle } = plugin;
    let required = capabilities.required_cli_version.clone();
    let observers = observers.iter().map(|(name, when)| (name.to_string(), when.to_string()));
    let lifecycle = lifecycle.iter().map(|(name, event)| (name.to_string(), event.to_string()));
    let observers: Vec<_> = observers.map(|(name, when)| CompiledObserver { name, when }).collect();
    let wrappers: Vec<_> = wrappers.iter().map(|name| CompiledWrapper { name: name.to_string() }).collect();
    let lifecycle: Vec<_> = lifecycle.map(|(name, event)| CompiledLifecycle { name, event }).collect();
    CompiledPlugin {
        name: name.clone(),
        version: version.clone(),
        capabilities: CompiledCapabilities {
            restricts: capabilities.restricts,
            failure_policy: capabilities.failure_policy.to_string(),
            required_cli_version: Some(required).filter(|required| !required.is_empty()),
        },
        rule: rule.as_ref().map(shown_rule),
        hooks: CompiledHooks {
            count: observers.len() + wrappers.len() + lifecycle.len(),
            observers,
            wrappers,
            lifecycle,
        },
    }
}
