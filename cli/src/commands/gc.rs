//! `aisoc plugin gc`

use std::fmt::Write as _;

use aisoc_installation::Collected;
use aisoc_manifests::counted;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{CollectedGarbage, RemovedGarbage};
use serde::Serialize;

use crate::args::plugin::GcArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// What came of it, and whether anything did.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: CollectedGarbage,
    #[serde(skip)]
    dry_run: DryRun,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let CollectedGarbage { removed, freed_bytes, finished_changes, .. } = &self.document;
        let (count, freed) = (removed.len(), counted(*freed_bytes, "byte"));
        let (finished, sum) = match self.dry_run {
            DryRun::No => ("interrupted change finished", format!("{count} removed, {freed} freed")),
            DryRun::Yes => ("interrupted change would be finished", format!("would remove {count}, {freed}")),
        };
        let mut text = String::new();
        for RemovedGarbage { kind, path, disk_bytes } in removed {
            let _ = writeln!(text, "{kind}  {}  {}", printable(path), counted(*disk_bytes, "byte"));
        }
        for id in finished_changes {
            let _ = writeln!(text, "{finished}  {id}");
        }
        let _ = writeln!(text, "{sum}");
        text
    }

    fn exit_code(&self) -> u8 {
        u8::from(!self.document.leftovers.is_empty() || !self.document.unfinished_changes.is_empty())
    }
}

pub(crate) fn run(args: GcArgs, context: &Context) -> Result<u8> {
    let (site, access) = context.change(args.change)?;
    let collected = aisoc_pipeline::collect_garbage(&site, args.keep, &access)?;
    for path in &collected.leftovers {
        context.output.warning(Warning::NotRemoved, format!("could not remove `{}`", path.display()));
    }
    for change in &collected.unfinished {
        let said = format!("could not finish the interrupted change of {change}");
        context.output.warning(Warning::ChangeUnfinished, said);
    }
    let freed_bytes = collected.bytes();
    let Collected { removed, finished, leftovers, unfinished } = collected;
    let problem = problem(leftovers.len(), unfinished.len());
    let document = CollectedGarbage {
        plugins_directory: path_text(site.path()),
        removed: removed
            .into_iter()
            .map(|removed| RemovedGarbage {
                kind: removed.kind.as_str(),
                path: path_text(&removed.path),
                disk_bytes: removed.bytes,
            })
            .collect(),
        freed_bytes,
        finished_changes: finished.iter().map(ToString::to_string).collect(),
        leftovers: leftovers.iter().map(|path| path_text(path)).collect(),
        unfinished_changes: unfinished,
    };
    let code = context.output.answer(&Outcome { document, dry_run: context.dry_run() })?;
    problem.map_or(Ok(code), Err)
}

/// Why a collection that did all it could has failed nevertheless; each thing is named before.
fn problem(leftovers: usize, unfinished: usize) -> Option<Fault> {
    let count = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let parts = [count(leftovers, "not removed"), count(unfinished, "interrupted changes not finished")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| Fault::new(Reason::GarbageLeft, format!("not all was collected: {}", parts.join(", "))))
}
