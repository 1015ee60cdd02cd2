//! `Removal`: what is installed and not in the lock goes, where that was asked for.

use std::collections::HashMap;

use aisoc_installation::{Access, Site};
use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_pipeline::PluginSource;
use aisoc_pipeline::documents::{ExtraPlugin, Objection};
use aisoc_pipeline::fleet::Extra;

use super::super::uninstall::{can_ask, confirm};
use crate::context::Context;
use crate::output::printable;

/// Whether extras go, and from where.
#[derive(Debug)]
pub(super) struct Removal<'a> {
    pub(super) is_asked: bool,
    pub(super) is_confirmed: bool,
    pub(super) site: &'a Site,
    pub(super) access: &'a Access,
}

/// What became of the extras, by their ids.
#[derive(Debug, Default)]
pub(super) struct Removed(HashMap<String, Result<()>>);

impl Removal<'_> {
    /// Whoever cannot be asked has said so already: before the lock is changed.
    ///
    /// # Errors
    /// `confirmation_required`.
    pub(super) fn require_answer(&self, context: &Context) -> Result<()> {
        if self.is_asked && !self.is_confirmed && !context.dry_run().is_on() && !can_ask(context) {
            return confirm("removing what the lock does not accept", "", "", context);
        }
        Ok(())
    }

    /// Asks before any plugin is changed: a no leaves them as they were.
    ///
    /// # Errors
    /// `confirmation_required`.
    pub(super) fn confirm(&self, extras: &[Extra], context: &Context) -> Result<()> {
        let ids = self.removable(extras);
        if ids.is_empty() || self.is_confirmed || context.dry_run().is_on() {
            return Ok(());
        }
        let paths = ids.iter().map(|id| printable(&self.site.plugin(id).display().to_string()).into_owned());
        let question = format!("Remove {} with everything in it? [y/N] ", paths.collect::<Vec<_>>().join(", "));
        confirm("removing a plugin", &question, "no plugin was changed", context)
    }

    /// Uninstalls them, each on its own.
    ///
    /// # Errors
    /// `interrupted`.
    pub(super) fn remove(&self, extras: &[Extra], context: &Context) -> Result<Removed> {
        let mut removed = Removed::default();
        for id in self.removable(extras) {
            let done = match aisoc_pipeline::uninstall(self.site, &id, self.access) {
                Err(fault) if fault.class() == Class::Interrupted => return Err(fault),
                done => done,
            };
            if let Ok(leftovers) = &done {
                context.warn_of_leftovers(leftovers);
                let verb = context.said("Uninstalled", "Would uninstall");
                context.output.status(verb, format!("{id} from {}", self.site.path().display()));
            }
            removed.0.insert(id.to_string(), done.map(drop));
        }
        Ok(removed)
    }

    /// What is in the plugins directory, and can be told to be a plugin. Of anything else nobody here has the say.
    fn removable(&self, extras: &[Extra]) -> Vec<PluginId> {
        let is_ours = |extra: &&Extra| {
            self.is_asked && extra.fault.is_none() && matches!(extra.source, PluginSource::Dir | PluginSource::Oci)
        };
        extras.iter().filter(is_ours).filter_map(|extra| PluginId::installable(&extra.id).ok()).collect()
    }
}

impl Removed {
    /// Why some of them are still there.
    pub(super) fn failures(&self) -> Vec<(String, Fault)> {
        let failed = self.0.iter().filter_map(|(id, done)| Some((id.clone(), done.as_ref().err()?.clone())));
        let mut failed: Vec<_> = failed.collect();
        failed.sort_by(|(one, _), (other, _)| one.cmp(other));
        failed
    }

    /// One of them, as documents have it.
    pub(super) fn document(&self, extra: Extra, context: &Context) -> ExtraPlugin {
        let done = self.0.get(&extra.id);
        let fault = done.and_then(|done| done.as_ref().err()).or(extra.fault.as_ref());
        ExtraPlugin {
            is_removed: matches!(done, Some(Ok(()))) && !context.dry_run().is_on(),
            objection: fault.map(Objection::from),
            id: extra.id,
            version: extra.version,
            source: extra.source.as_str(),
        }
    }
}
