//! `aisoc plugins trust`: this site has looked at a plugin, and accepts it as it is.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::{Accepted, Candidates, Grounds, accept};
use aisoc_pipeline::documents::AcceptedPlugins;

use super::answer::{accepted, line, places, shown_lock};
use super::{announced, begin, here, require_named, required_reason, tell, warn_of_names, warn_of_signatures};
use crate::args::accepted::{AcceptArgs, LockChangeArgs, TrustPluginArgs};
use crate::context::Context;
use crate::output::{Answer, path_text};

pub(crate) fn run(args: TrustPluginArgs, context: &Context) -> Result<u8> {
    let TrustPluginArgs { id, reason, lock: LockChangeArgs { lock, change }, accept: accepting } = args;
    let AcceptArgs { sources, with_provenance: is_provided, trust } = accepting;
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    let shared = crate::context::shared_directories(&change.shared);
    require_named(change.plugins_dir.as_deref())?;
    let (site, access) = context.change(change)?;
    let options = here(&site, sources, trust, shared, context)?;
    let mut candidates = Candidates::look(&options)?;
    tell(candidates.noticed(), context)?;
    let reason = required_reason(reason, "trust").map_err(|refusal| candidates.unasked(&id, refusal))?;
    let plugin = candidates.named(&id, &announced(&options, context))?;
    let (plugin, skipped_keys) = candidates.signed_one(plugin, context.plugin_mode(None))?;
    warn_of_signatures(std::slice::from_ref(&plugin), &skipped_keys, &options, context);
    warn_of_names(&candidates, context);
    let session = begin(&chosen.path, &site, &access, context)?;
    let done = accept(session, &plugin, Grounds { is_provided, reason: &reason, at: access.at })?;
    answer(&done, context)
}

/// What was accepted, as every command that accepts something says it.
pub(super) fn answer(done: &Accepted, context: &Context) -> Result<u8> {
    context.output.answer(&AcceptedPlugins {
        plugins_lock: shown_lock(&done.lock, done.schema),
        journal: path_text(&done.journal),
        plugins: done.entries.iter().map(accepted).collect(),
    })
}

impl Answer for AcceptedPlugins {
    fn text(&self) -> String {
        let lines = self.plugins.iter().map(|plugin| line("trusted", plugin));
        let text: String = lines.collect();
        text + &places(&self.plugins_lock.path, &self.journal)
    }
}
