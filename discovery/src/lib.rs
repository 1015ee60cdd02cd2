#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod archive;
mod compiled;
mod directory;
mod discovered;
mod distribution;
mod dropin;
mod pass;
mod unlisted;

pub use archive::archives_among_plugins;
pub use compiled::Compiled;
pub use directory::{LOCAL_PACKAGE, Stated, StatedPlugins, lock_entry_point, lock_package};
pub use discovered::{About, Discovered, Discovery, DropinFile, Failed, Kind, Note, Origin, Source};
pub use distribution::{NotUtf8, distribution_hash};
pub use dropin::{MAX_DROPIN_BYTES, UserPlugins};
pub use pass::{Sources, discover};
