//! Collecting the garbage of a whole store, or of one layout: each repository by itself, under the lock of its layout,
//! which a registry that serves the store takes for each of its changes, too. So neither stands in the other's way, and
//! what one has judged is so when it acts.

use std::path::Path;
use std::time::Duration;

use aisoc_files::{LockWait, PassingLock, Waited, shell_word};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::lock::Lock;
use aisoc_registry_client::layout::{Collected, Directory, Rule};

use crate::catalog::MAX_DIRECTORIES;
use crate::ground::{Found, Ground};

/// What one collection holds against another: two at a time would do the same twice.
const LOCK: &str = ".aisoc-gc-lock";
/// What makes a directory a layout of its own.
const MARKER: &str = "oci-layout";

/// What came of one repository.
#[derive(Debug)]
pub struct CollectedRepository {
    /// Its name; nothing for a layout that is no store's.
    pub name: Option<String>,
    /// What was removed, or why nothing could be, or not everything.
    pub outcome: Result<Collected>,
}

/// Removes what the rule lets go from each repository of the store at `root`, or from the layout that is there. `next` is told
/// the name of each before it is looked at. What cannot be collected in one does not keep the others from it.
///
/// # Errors
/// `locked` while another collection is under way; `directory_insecure` where others can change the store; `io_not_found`,
/// `interrupted`, other `io_` reasons.
pub fn collect_garbage(
    root: &Path,
    rule: Rule,
    dry_run: DryRun,
    cancellation: &Cancellation,
    mut next: impl FnMut(&str),
) -> Result<Vec<CollectedRepository>> {
    let ground = Ground::find(root)?;
    cancellation.check()?;
    let _alone = match dry_run {
        DryRun::Yes => None,
        DryRun::No => Some(lock(ground.path(), cancellation)?),
    };
    let collect = |path: &Path| {
        Directory::open(path).and_then(|layout| layout.until(cancellation).collect(rule, dry_run, cancellation))
    };
    if ground.path().join(MARKER).symlink_metadata().is_ok() {
        let outcome = collect(ground.path());
        return Ok(vec![CollectedRepository { name: None, outcome: unless_stopped(outcome)? }]);
    }
    let mut names = ground.names(MAX_DIRECTORIES)?.ok_or_else(|| too_many(root))?;
    names.sort_unstable();
    let mut collected = Vec::new();
    for name in names {
        cancellation.check()?;
        next(&name);
        // It may have gone, or become something else, since it was listed.
        let outcome = match ground.look(&name) {
            Ok(Found::Layout(path)) => collect(&path),
            Ok(Found::Nothing | Found::Obstacle) => continue,
            Err(fault) => Err(fault),
        };
        collected.push(CollectedRepository { name: Some(name), outcome: unless_stopped(outcome)? });
    }
    Ok(collected)
}

/// Who is told to stop, stops; every other fault is that repository's.
fn unless_stopped(outcome: Result<Collected>) -> Result<Result<Collected>> {
    match outcome {
        Err(fault) if fault.reason() == Reason::Interrupted => Err(fault),
        outcome => Ok(outcome),
    }
}

/// It is not waited for: whoever collects now collects what this would.
fn lock(root: &Path, cancellation: &Cancellation) -> Result<PassingLock> {
    let (guards, path) = (format!("the garbage of `{}`", root.display()), root.join(LOCK));
    let lock = Lock { guards: &guards, at_most: Duration::ZERO };
    let wait = LockWait {
        command: cancellation.command(),
        at_most: Duration::ZERO,
        go_on: &|| Ok(cancellation.check()?),
        told: &|_| (),
    };
    match PassingLock::acquire(root, LOCK, &wait).map_err(|error| Fault::io("lock", &path, error))? {
        Waited::Ours(held) => Ok(held),
        Waited::Theirs(holder) => Err(lock.fault(holder.as_deref(), &shell_word(&path))),
    }
}

fn too_many(root: &Path) -> Fault {
    let message = format!("`{}` has too many directories to be collected", root.display());
    Fault::new(Reason::LayoutInvalid, message)
        .expected(format!("at most {MAX_DIRECTORIES} directories"), "more")
        .hint("look whether that is the directory of a registry: `--dir` names the one that `registry serve` serves")
}
