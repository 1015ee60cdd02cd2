//! Hooks: plugins that are called at points of the work of whoever asks this host.
//!
//! Who is registered, in which order handlers are called, and what answers come to, is [`aisoc_hooks`]'s; here plugins are
//! registered as they come into memory, and their handlers are called in the processes that hold them.
//!
//! The registry is filled while the host looks for plugins the first time, and frozen then. A plugin that was there keeps its
//! place: what is reloaded, restarted or started for a call registers anew, whole, in the place of what was there before, in
//! the moment in which its process takes the place of the other one.

pub(crate) mod event;
pub(crate) mod firing;
mod health;
pub(crate) mod known;
mod limiter;
mod listing;
pub(crate) mod metrics;
mod missing;
pub(crate) mod registering;
pub(crate) mod reported;
mod telling;
