//! `Caller`: who asks, and what they may. The one thing that is asked by whoever must know.

use std::sync::Arc;

use super::action::Action;
use super::known::Known;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Who);

#[derive(Debug, Clone)]
enum Who {
    /// Whoever reaches a registry that asks nobody who they are.
    Anybody,
    /// Whoever shows nothing to one that does.
    Anonymous(Arc<Known>),
    /// Whoever has proven that name.
    Named(Arc<str>, Arc<Known>),
}

impl Caller {
    /// Whoever reaches a registry that asks nobody who they are.
    pub(crate) fn anybody() -> Self {
        Self(Who::Anybody)
    }

    /// Whoever shows nothing.
    pub(super) fn anonymous(known: Arc<Known>) -> Self {
        Self(Who::Anonymous(known))
    }

    /// Whoever has proven to be that.
    pub(super) fn named(name: Arc<str>, known: Arc<Known>) -> Self {
        Self(Who::Named(name, known))
    }

    /// Whether they may do that in that repository.
    pub(crate) fn may(&self, action: Action, repository: &str) -> bool {
        match &self.0 {
            Who::Anybody => true,
            Who::Anonymous(known) => known.rights.allow(None, action, repository),
            Who::Named(name, known) => known.rights.allow(Some(name), action, repository),
        }
    }

    /// Whether they may read the registry's figures.
    pub(crate) fn may_measure(&self) -> bool {
        match &self.0 {
            Who::Anybody => true,
            Who::Anonymous(known) => known.rights.allow_figures(None),
            Who::Named(name, known) => known.rights.allow_figures(Some(name)),
        }
    }

    /// Whether they may know that there is a registry: whoever has a name, and anybody where somebody without one may do
    /// anything.
    pub(crate) fn may_enter(&self) -> bool {
        match &self.0 {
            Who::Anybody | Who::Named(..) => true,
            Who::Anonymous(known) => known.rights.let_anonymous_in(),
        }
    }

    /// Whether a name would help.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.0, Who::Anonymous(_))
    }

    /// The name that was proven.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.0 {
            Who::Named(name, _) => Some(name),
            Who::Anybody | Who::Anonymous(_) => None,
        }
    }
}
