//! `Contract`: what came of asking a plugin.

use aisoc_discovery::{Discovered, Origin};
use aisoc_hooks::Registration;
use aisoc_manifests::fault::Fault;

use crate::stated::CheckedAgainst;

/// What came of checking a plugin.
#[derive(Debug, Clone)]
pub enum Contract {
    /// There is nothing to ask: its manifest, or its file, has said all that there is.
    NotAsked,
    /// It fits, and calls itself that: the id of a procedure's class, the name in a hook's manifest; of every other
    /// group the name of the entry point. And what its code is held to; of a hook what its manifest says, too.
    Id(String, CheckedAgainst, Option<Box<Registration>>),
    /// It cannot be imported, or does not fit.
    Broken(Fault),
    /// Nobody could ask it: there is no Python.
    Unavailable(Fault),
}

impl Contract {
    /// What the plugin goes by from now on, and what it asks of its host, where its code has said so.
    pub(crate) fn name(&self, plugin: &mut Discovered) {
        let Self::Id(id, _, hook) = self else { return };
        plugin.id.clone_from(id);
        if let (Some(hook), Origin::EntryPoint { capabilities, .. }) = (hook, &mut plugin.origin) {
            *capabilities = Some(hook.capabilities.iter().map(|one| one.as_str().to_owned()).collect());
        }
    }
}
