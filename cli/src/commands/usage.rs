//! `aisoc plugins usage`

use std::fmt::Write as _;
use std::path::Path;

use aisoc_host::{AccessorUsage, PluginUsage, kept_usage};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{PublisherUsage, UsedAccessor, UsedPlugin};

use super::columns::Columns;
use crate::args::host::UsageArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

const HEADING: [&str; 7] = ["CAPABILITY", "DECLARED", "OPENED", "USED", "FAILED", "DENIED", "LAST"];

impl Answer for UsedPlugin {
    fn text(&self) -> String {
        if self.publishers.is_empty() {
            return format!("{} has called nothing of this host\n", printable(&self.id));
        }
        let mut text = String::new();
        for PublisherUsage { signed_by, accessors, never_used } in &self.publishers {
            let _ = writeln!(text, "{} signed by {}", printable(&self.id), printable(signed_by));
            let rows: Vec<Vec<String>> = accessors.iter().map(row).collect();
            let columns = Columns::of(&HEADING, &rows);
            text += &rows.iter().fold(columns.line(&HEADING), |text, row| text + &columns.line(row));
            if !never_used.is_empty() {
                let _ = writeln!(text, "declared and never used: {}", never_used.join(", "));
            }
        }
        text
    }
}

fn row(used: &UsedAccessor) -> Vec<String> {
    let counts = [used.opened_count, used.used_count, used.failed_count, used.denied_count];
    let declared = if used.is_declared { "yes" } else { "no" };
    let last = used.last_used_at.clone().unwrap_or_else(|| "-".to_owned());
    let counts = counts.iter().map(ToString::to_string);
    [used.capability.to_owned(), declared.to_owned()].into_iter().chain(counts).chain([last]).collect()
}

pub(crate) fn run(args: UsageArgs, context: &Context) -> Result<u8> {
    let UsageArgs { plugin, state } = args;
    context.output.answer(&used(plugin.as_str(), &state)?)
}

/// What the host with that state file has written down of a plugin.
///
/// # Errors
/// As [`kept_usage`].
pub(super) fn used(id: &str, state: &Path) -> Result<UsedPlugin> {
    let publishers = kept_usage(state, id)?.into_iter().map(publisher).collect();
    Ok(UsedPlugin { id: id.to_owned(), state_path: path_text(state), publishers })
}

fn publisher(usage: PluginUsage) -> PublisherUsage {
    let PluginUsage { signers, declared, accessors } = usage;
    let never = |(_, usage): &&(_, AccessorUsage)| usage.opened == 0 && usage.used == 0;
    let never_used = accessors.iter().filter(never).map(|(capability, _)| capability);
    PublisherUsage {
        signed_by: signers,
        never_used: never_used.filter(|one| declared.contains(one)).map(|one| one.as_str()).collect(),
        accessors: accessors
            .iter()
            .map(|(capability, usage)| UsedAccessor {
                capability: capability.as_str(),
                accessor: capability.accessor(),
                is_declared: declared.contains(capability),
                opened_count: usage.opened,
                used_count: usage.used,
                failed_count: usage.failed,
                denied_count: usage.denied,
                last_used_at: usage.last_at.map(|at| format!("{at:.0}")),
                last_denied_at: usage.last_denied_at.map(|at| format!("{at:.0}")),
            })
            .collect(),
    }
}
