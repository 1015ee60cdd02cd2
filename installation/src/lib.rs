#![doc = include_str!("../README.md")]

mod access;
mod activate;
mod collect;
mod floor;
mod floor_change;
mod guarded;
mod heal;
mod identity;
mod in_place;
mod installed;
mod kept;
mod listing;
mod lock;
mod lowered;
mod pending;
mod plugins;
mod record;
mod rollback;
mod sealed;
mod spellings;
mod staging;
mod transaction;

pub use access::{Access, NetworkFileSystems, network_file_system};
pub use activate::{
    Installed, Previous, activate, can_be_uninstalled, finish_interrupted, release_unverified, uninstall,
};
pub use collect::{Collected, Garbage, Removed, collect_garbage};
pub use floor::{CoverageFloor, coverage_floor};
pub use guarded::{require_guarded, require_secure_plugins};
pub use identity::{IdentityConflict, Placed, escaped, identity_conflicts, stated_id};
pub use in_place::while_in_place;
pub use installed::{InstalledPlugin, expected, installed, manifest_id};
pub use kept::{DEFAULT_KEPT_VERSIONS, KeptVersion, MAX_KEPT_VERSIONS, kept_versions, tree_bytes};
pub use record::InstallRecord;
pub use rollback::KeptTree;
pub use staging::StagingDirectory;
