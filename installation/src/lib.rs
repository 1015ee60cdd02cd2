#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod access;
mod census;
mod change;
mod collect;
mod floor;
mod floor_change;
mod guarded;
mod identity;
mod in_place;
mod layout;
mod lock;
mod lowered;
mod names;
mod observed;
mod pending;
mod plugin;
mod plugins;
mod previous;
mod record;
mod recorded;
mod recovery;
mod sealed;
mod secure;
mod session;
mod site;
mod staging;
mod standing;
mod tree_in_place;

pub use access::{Access, NetworkFileSystems, SharedDirectories, network_file_system};
pub use collect::{Collected, Garbage, Removed};
pub use floor::CoverageFloor;
pub use guarded::require_guarded;
pub use identity::{IdentityConflict, Placed, identity_conflicts, manifest_id, stated_id};
pub use in_place::while_in_place;
pub use names::escaped;
pub use observed::Observed;
pub use plugin::InstalledPlugin;
pub use previous::{DEFAULT_PREVIOUS_VERSIONS, MAX_PREVIOUS_VERSIONS, PreviousVersion, tree_bytes};
pub use record::InstallRecord;
pub use session::{Held, Installed, Present, Previous, Session};
pub use site::Site;
pub use staging::{StagingDirectory, release_unverified};
pub use standing::Standing;
pub use tree_in_place::{PreviousTree, TreeInPlace};
