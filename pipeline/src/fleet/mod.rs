//! One accepted set for many hosts: the lock of a site as a signed set, and the sites that follow it.
//!
//! ```text
//! plugins.lock ─▶ publish ─▶ a file, a layout, a registry ─▶ follow ─▶ plugins.lock of another site ─▶ sync
//! ```

mod back;
mod follow;
mod publish;
mod sync;

pub use back::{BackOptions, WentBack, go_back};
pub use follow::{FollowOptions, Followed, applied_to, follow, followed_by, known_artifact, still_followed};
pub use publish::{LockExportOptions, export_lock, sign_lock_as_well};
pub use sync::{Extra, LockedArtifact, SyncAct, SyncPlan, SyncStep, foresee};
