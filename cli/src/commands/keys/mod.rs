//! `aisoc keys …`: the keys that this site trusts, for those who rotate them.

pub(super) mod calendar;
pub(super) mod fingerprint;
pub(super) mod impact;
pub(super) mod lint;
pub(super) mod list;
pub(super) mod row;
mod sarif;
pub(super) mod show;

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::AtRestOptions;
use aisoc_pipeline::keys::{KeysHere, keys_alone, keys_here};

use super::key_change::warn_of_doubt;
use crate::args::keys::HereArgs;
use crate::context::{Context, shared_directories};

/// All that is installed, to be judged by the keys. Where no plugins directory is named, none may be.
///
/// # Errors
/// `io_not_found` for one that is named and not there: its name is wrong.
fn here(args: HereArgs, context: &Context) -> Result<AtRestOptions> {
    let is_named = args.plugins_dir.is_some();
    let site = context.site(args.plugins_dir);
    let options = AtRestOptions {
        trust: context.trust(args.trust, &site)?,
        site,
        only: Vec::new(),
        limits: context.limits()?,
        shared_directories: shared_directories(&args.shared),
    };
    if is_named { require_there(&options).map(|()| options) } else { Ok(options) }
}

/// As [`here`], for whoever looks at the keys: settings that cannot be read decide about plugins. Which of these the
/// keys verify nobody can tell then.
///
/// # Errors
/// As [`here`].
fn looked_at(args: HereArgs, context: &Context) -> Result<(AtRestOptions, KeysHere)> {
    let is_named = args.plugins_dir.is_some();
    // What the environment names may be mended later; what was typed just now is a slip of the hand.
    for named in args.trust.timestamp_root.iter().chain(&args.trust.trust_policy) {
        named.symlink_metadata().map_err(|error| Fault::io("read", named, error))?;
    }
    let site = context.site(args.plugins_dir);
    let (at, time) = context.judging_time_as_far_as_read(&site);
    let (trust, policy) = context.trust_as_far_as_read(args.trust, at);
    let doubts: Vec<Fault> = [time, policy].into_iter().flatten().collect();
    let (only, limits) = (Vec::new(), context.limits()?);
    let options = AtRestOptions { trust, site, only, limits, shared_directories: shared_directories(&args.shared) };
    if is_named {
        require_there(&options)?;
    }
    doubts.iter().for_each(|doubt| warn_of_doubt(doubt, context));
    let found = if doubts.is_empty() { keys_here(&options)? } else { keys_alone(&options)? };
    Ok((options, found))
}

fn require_there(options: &AtRestOptions) -> Result<()> {
    require_site(&options.site)
}

fn require_site(site: &Site) -> Result<()> {
    let path = site.path();
    path.symlink_metadata().map(drop).map_err(|error| Fault::io("read", path, error))
}
