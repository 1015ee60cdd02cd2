//! `aisoc plugins untrust`: this site accepts a plugin no more.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::revoke;
use aisoc_pipeline::documents::RevokedPlugin;

use super::answer::{accepted, line, places};
use super::{begin, require_named, required_reason};
use crate::args::accepted::{LockChangeArgs, UntrustPluginArgs};
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

pub(crate) fn run(args: UntrustPluginArgs, context: &Context) -> Result<u8> {
    let UntrustPluginArgs { id, reason, lock: LockChangeArgs { lock, change } } = args;
    let reason = required_reason(reason, "untrust")?;
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    require_named(change.plugins_dir.as_deref())?;
    let (site, access) = context.change(change)?;
    let session = begin(&chosen.path, &site, &access, context)?;
    let done = revoke(&chosen.path, session, &id, &reason, access.at)?;
    context.output.answer(&RevokedPlugin {
        id,
        removed: done.entry.as_ref().map(accepted),
        lock: path_text(&done.lock),
        journal: path_text(&done.journal),
    })
}

impl Answer for RevokedPlugin {
    fn text(&self) -> String {
        let said = match &self.removed {
            Some(plugin) => line("untrusted", plugin),
            None => format!("untrusted: {} (its entry was taken out by hand)\n", printable(&self.id)),
        };
        said + &places(&self.lock, &self.journal)
    }
}
