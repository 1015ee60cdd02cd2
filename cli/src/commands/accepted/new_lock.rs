//! `aisoc plugins lock`: a lock where there is none.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{Acceptable, Candidates, Grounds, accept_installed, create};

use super::trust::answer;
use super::{announced, begin, here, require_named, required_reason, tell, warn_of_names, warn_of_signatures};
use crate::args::accepted::{AcceptArgs, LockChangeArgs, NewLockArgs};
use crate::context::Context;

pub(crate) fn run(args: NewLockArgs, context: &Context) -> Result<u8> {
    let NewLockArgs { from_installed, reason, lock: LockChangeArgs { lock, change }, accept } = args;
    // A new one stands where it is named, or here: not where another one was found.
    let path = context.new_plugins_lock(lock.plugins_lock)?;
    let shared = crate::context::shared_directories(&change.shared);
    require_named(change.plugins_dir.as_deref())?;
    let (site, access) = context.change(change)?;
    if !from_installed && (accept.with_provenance || !accept.sources.site_packages.is_empty()) {
        let message = "`--with-provenance` and `--site-packages` are about what is accepted, and nothing is";
        return Err(Fault::new(Reason::Usage, message)
            .expected("`--from-installed --reason TEXT` beside them", "neither")
            .hint("`aisoc plugins lock --from-installed --reason TEXT` accepts what is here"));
    }
    if !from_installed {
        return answer(&create(begin(&path, &site, &access, context)?)?, context);
    }
    let reason = required_reason(reason, "lock")?;
    let AcceptArgs { sources, with_provenance: is_provided, trust } = accept;
    let options = here(&site, sources, trust, shared, context)?;
    let mut candidates = Candidates::look(&options)?;
    tell(candidates.noticed(), context)?;
    let (plugins, mut refused) = candidates.all(&announced(&options, context))?;
    let (plugins, unsigned, skipped_keys) = candidates.signed(plugins, context.plugin_mode(None))?;
    refused.extend(unsigned);
    warn_of_signatures(&plugins, &skipped_keys, &options, context);
    for (id, fault) in &refused {
        context.output.warning(Warning::NotLocked, format!("`{id}` is not in the lock: {}: {fault}", fault.reason()));
    }
    warn_of_names(&candidates, context);
    require_some(&plugins)?;
    let session = begin(&path, &site, &access, context)?;
    answer(&accept_installed(session, &plugins, Grounds { is_provided, reason: &reason, at: access.at })?, context)
}

/// Whoever locks what is here means something that is.
fn require_some(plugins: &[Acceptable]) -> Result<()> {
    match plugins.is_empty() {
        false => Ok(()),
        true => Err(Fault::new(Reason::PluginNotFound, "there is no plugin here that could be accepted").hint(
            "name where plugins are (`--plugins-dir DIR`, `--site-packages DIR`), or make a lock that accepts nothing: \
             `aisoc plugins lock`",
        )),
    }
}
