//! `Handler`: what is called at a hook, and how it is known.

use aisoc_manifests::hook::Hook;

use crate::timeout::HandlerTimeout;

/// A handler, at its hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The hook.
    pub hook: Hook,
    /// Whose it is.
    pub plugin: String,
    /// `PLUGIN.FUNCTION`, by which it is ordered among its like.
    pub name: String,
    /// How long it may take.
    pub timeout: HandlerTimeout,
    /// Whether it is the host's own.
    pub is_core: bool,
}
