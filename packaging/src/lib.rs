#![doc = include_str!("../README.md")]

mod activate;
mod assemble;
mod dir;
mod entry;
mod gzip;
mod header;
mod home;
mod ignore;
mod inflate;
mod limits;
mod lock;
mod names;
mod noise;
mod pack;
mod parallel;
mod pax;
mod record;
mod reference_dir;
mod root;
mod sink;
mod stage;
mod tree;
mod walk;

pub use activate::{Installed, Previous, activate, release_unverified, uninstall};
pub use assemble::{Assembled, assemble};
pub use dir::{InstalledDir, PluginDir};
pub use ignore::IGNORE_FILE;
pub use limits::Limits;
pub use names::Kind;
pub use pack::{PackOptions, PackedLayer, pack};
pub use parallel::default_threads;
pub use record::{InstallRecord, InstalledPlugin, installed};
pub use reference_dir::{ReferenceDir, reference_files};
pub use root::select_root;
pub use stage::{Staged, Staging};
