//! `Means`: what a session has to change something with.

use std::path::PathBuf;

use aisoc_manifests::fault::Fault;
use aisoc_manifests::id::PluginId;

use crate::change::{Finished, Transaction};
use crate::looking::Looking;

/// What a session has to change something with.
#[derive(Debug)]
pub(crate) enum Means {
    /// All it takes.
    Change(Box<Transaction>),
    /// Nothing: this is a dry run.
    Look(Looking),
}

impl Means {
    /// Changes of killed processes that are finished, or would be.
    fn finished(&self) -> &[Finished] {
        match self {
            Self::Change(transaction) => &transaction.finished,
            Self::Look(looking) => &looking.finished,
        }
    }

    /// Changes that could not be finished, with the reason for each.
    fn unfinished(&self) -> &[(PluginId, Fault)] {
        match self {
            Self::Change(transaction) => transaction.unfinished(),
            Self::Look(looking) => &looking.unfinished,
        }
    }

    /// Whether a change of `id` was begun that could not be finished.
    pub(crate) fn is_unfinished(&self, id: &PluginId) -> bool {
        self.unfinished().iter().any(|(unfinished, _)| unfinished == id)
    }

    /// Whether an uninstall of `id` was begun, and the plugin is gone with what is finished now.
    pub(crate) fn has_removed(&self, id: &PluginId) -> bool {
        self.finished().iter().any(|finished| finished.is_removal && finished.id == *id)
    }

    /// Whose changes were finished, and in words which could not be.
    pub(crate) fn recovered(&self) -> (Vec<PluginId>, Vec<String>) {
        let finished = self.finished().iter().map(|finished| finished.id.clone()).collect();
        let words = |(id, fault): &(PluginId, Fault)| format!("{id}: {}: {fault}", fault.reason());
        (finished, self.unfinished().iter().map(words).collect())
    }

    /// Ends the session; what could not be removed.
    pub(crate) fn end(self) -> Vec<PathBuf> {
        match self {
            Self::Change(transaction) => transaction.end(),
            Self::Look(_) => Vec::new(),
        }
    }
}
