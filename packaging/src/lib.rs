#![doc = include_str!("../README.md")]

mod access;
mod activate;
mod assemble;
mod collect;
mod dir;
mod gzip;
mod heal;
mod home;
mod ignore;
mod in_place;
mod inflate;
mod installed;
mod kept;
mod limits;
mod listing;
mod lock;
mod names;
mod noise;
mod pack;
mod parallel;
mod pending;
mod plugins;
mod record;
mod reference_dir;
mod rollback;
mod root;
mod sealed;
mod sink;
mod stage;
mod stat;
mod transaction;
mod tree;
mod walk;

pub use access::{Access, NetworkFileSystems, network_file_system};
pub use activate::{
    Installed, Previous, activate, can_be_uninstalled, finish_interrupted, release_unverified, uninstall,
};
pub use assemble::{Assembled, assemble};
pub use collect::{Collected, Garbage, Removed, collect_garbage};
pub use dir::{InstalledDir, PluginDir};
pub use ignore::IGNORE_FILE;
pub use in_place::while_in_place;
pub use installed::{InstalledPlugin, candidates, installed, recorded};
pub use kept::{DEFAULT_KEPT_VERSIONS, KeptVersion, MAX_KEPT_VERSIONS, kept_versions, tree_bytes};
pub use limits::Limits;
pub use names::Kind;
pub use pack::{PackOptions, PackedLayer, pack};
pub use parallel::default_threads;
pub use record::InstallRecord;
pub use reference_dir::{ReferenceDir, reference_files};
pub use rollback::KeptTree;
pub use root::select_root;
pub use stage::{Staged, Staging};
pub use stat::StatFingerprint;
