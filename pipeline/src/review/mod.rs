//! What a reviewer looks at: one plugin, installed or offered, and two versions of it beside each other.
//!
//! ```text
//! look ─▶ Looked ─▶ Edition ─┐
//! plugins.lock, record ─▶ Edition ─┴▶ compare ─▶ PluginChanges
//! ```
//!
//! Nothing is decided here: the verdict is that of the gates, on the bytes that are shown.

mod accepted;
mod checklist;
mod compare;
mod confinement;
mod described;
mod edition;
mod listed;
mod look;
mod used;

pub use accepted::accepted;
pub use checklist::writes_without_audit;
pub use compare::compare;
pub use described::{described, described_listed};
pub use edition::Edition;
pub use listed::listed;
pub use look::{LookOptions, Looked, look};
