//! `aisoc registry gc`

use std::fmt::Write as _;
use std::time::SystemTime;

use aisoc_manifests::counted;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{CollectedRegistry, CollectedRepository, Objection};
use aisoc_registry_client::layout::{Collected, Rule};
use aisoc_registry_server::collect_garbage;
use serde::Serialize;

use crate::args::registry::RegistryGcArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// What came of it, and whether anything did.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: CollectedRegistry,
    #[serde(skip)]
    dry_run: DryRun,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let CollectedRegistry { repositories, directory, .. } = &self.document;
        let mut text = String::new();
        for one in repositories {
            let name = printable(one.repository.as_deref().unwrap_or(directory));
            let (manifests, blobs) = (one.removed_manifests.len() as u64, one.removed_blob_count);
            if let Some(objection) = &one.objection {
                let _ = writeln!(text, "{name}  {}", printable(&objection.to_string()));
            } else if manifests + blobs > 0 {
                let _ = writeln!(text, "{name}  {}", amount(manifests, blobs, one.freed_bytes));
            }
        }
        let CollectedRegistry { removed_manifest_count, removed_blob_count, freed_bytes, .. } = self.document;
        let sum = amount(removed_manifest_count, removed_blob_count, freed_bytes);
        let _ = match self.dry_run {
            DryRun::No => writeln!(text, "removed {sum}"),
            DryRun::Yes => writeln!(text, "would remove {sum}"),
        };
        text
    }

    fn exit_code(&self) -> u8 {
        u8::from(self.document.repositories.iter().any(|repository| repository.objection.is_some()))
    }
}

/// `2 manifests, 3 blobs, 1200 bytes`
fn amount(manifests: u64, blobs: u64, bytes: u64) -> String {
    [counted(manifests, "manifest"), counted(blobs, "blob"), counted(bytes, "byte")].join(", ")
}

pub(crate) fn run(args: RegistryGcArgs, context: &Context) -> Result<u8> {
    let RegistryGcArgs { dir, untagged: _, older_than, grace, dry_run: _ } = args;
    let rule = Rule {
        now: SystemTime::from(clock::now()),
        grace: grace.unsigned_abs(),
        untagged: older_than.map(|age| age.unsigned_abs()),
    };
    let (cancellation, output) = (context.cancellation()?, &context.output);
    let begins = |name: &str| output.status(context.said("Collecting", "Would collect"), name);
    let collected = collect_garbage(&dir, rule, context.dry_run(), cancellation, begins)?;
    let repositories: Vec<_> = collected.into_iter().map(|one| shown(one.name, one.outcome)).collect();
    let problem = problem(&repositories, &path_text(&dir));
    let sum = |of: fn(&CollectedRepository) -> u64| repositories.iter().map(of).sum();
    let document = CollectedRegistry {
        directory: path_text(&dir),
        removed_manifest_count: sum(|one| one.removed_manifests.len() as u64),
        removed_blob_count: sum(|one| one.removed_blob_count),
        freed_bytes: sum(|one| one.freed_bytes),
        repositories,
    };
    let code = output.answer(&Outcome { document, dry_run: context.dry_run() })?;
    problem.map_or(Ok(code), Err)
}

fn shown(repository: Option<String>, outcome: Result<Collected>) -> CollectedRepository {
    let objection = outcome.as_ref().err().map(Objection::from);
    let Collected { manifests, blobs, freed_bytes } = outcome.unwrap_or_default();
    let removed_manifests = manifests.iter().map(ToString::to_string).collect();
    CollectedRepository { repository, removed_manifests, removed_blob_count: blobs, freed_bytes, objection }
}

/// Why a collection that did all it could has failed nevertheless.
fn problem(repositories: &[CollectedRepository], directory: &str) -> Option<Fault> {
    let mut failed = repositories.iter().filter_map(|one| Some((one.repository.as_deref(), one.objection.as_ref()?)));
    let (name, Objection { message, hint, .. }) = failed.next()?;
    let more = match failed.count() {
        0 => String::new(),
        more => format!(", and so are {more} more"),
    };
    let what = format!("`{}` is not collected{more}: {message}", name.unwrap_or(directory));
    Some(Fault::new(Reason::GarbageLeft, what).hint(hint.clone()))
}
