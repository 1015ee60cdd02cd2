//! `aisoc plugins describe|diff`: one plugin as a reviewer looks at it, and two versions of one beside each other.

mod changes;
pub(super) mod describe;
pub(super) mod diff;

use std::ffi::OsStr;

use aisoc_installation::Site;
use aisoc_manifests::fault::Result;
use aisoc_manifests::platform::PlatformChoice;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::review::{LookOptions, Looked, look};
use aisoc_pipeline::{Source, Subject};
use aisoc_trust::lockfile::Lockfile;

use super::accepted::require_named as require_site_named;
use super::accepted::verify::chosen as chosen_lock;
use super::mistagged::naming_tags;
use super::platform::choosing;
use super::untagged::require_named;
use crate::args::accepted::ReviewArgs;
use crate::chosen_lock::ChosenLock;
use crate::context::{Context, shared_directories};
use crate::runtime;

/// The site and the lock that are meant: what is named is there.
fn beside(args: &ReviewArgs, context: &Context) -> Result<(Site, ChosenLock, Option<Lockfile>)> {
    require_site_named(args.plugins_dir.as_deref())?;
    let named = args.lock.plugins_lock.clone();
    let is_named = named.is_some();
    let chosen = context.plugins_lock(named)?;
    let lock = chosen_lock(&chosen, is_named, false)?;
    Ok((context.site(args.plugins_dir.clone()), chosen, lock))
}

/// Beside what everything is judged, and whom to trust.
fn options(
    args: ReviewArgs,
    site: &Site,
    lock: Option<LockRule>,
    named: &[&OsStr],
    context: &Context,
) -> Result<LookOptions> {
    let sources = named.iter().filter_map(|named| Source::parse(named).ok());
    let references: Vec<_> = sources.filter_map(|source| source.artifact().cloned()).collect();
    Ok(LookOptions {
        site: site.clone(),
        trust: context.trust(args.trust, site)?,
        lock,
        limits: context.limits()?,
        shared_directories: shared_directories(&args.shared),
        client: choosing(
            PlatformChoice::of(None),
            context.client(&args.registry, &references.iter().collect::<Vec<_>>())?,
        ),
    })
}

/// Reads and judges what was named.
fn looked(subject: Subject, options: &LookOptions, context: &Context) -> Result<Looked> {
    let reference = match &subject {
        Subject::Source(Source::Artifact(reference)) => Some(reference.clone()),
        Subject::Source(Source::Directory(_)) | Subject::Installed { .. } => None,
    };
    if let Some(reference) = &reference {
        require_named(reference, &options.client, context)?;
    }
    let reporter = context.output.reporter();
    let found = runtime::block_on(context.cancellation()?, look(subject, options, &reporter));
    drop(reporter);
    let found = match &reference {
        Some(reference) => naming_tags(found, reference, &options.client, context)?,
        None => found?,
    };
    context.warn_of_sharing(found.shared.as_deref());
    Ok(found)
}
