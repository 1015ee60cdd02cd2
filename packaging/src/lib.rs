#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod assemble;
mod canonical_dir;
mod changed;
mod dir;
mod gzip;
mod ignore;
mod inflate;
mod keep;
mod limits;
mod local;
mod names;
mod noise;
mod pack;
mod parallel;
mod private_copy;
mod reassemble;
mod received;
mod reference_dir;
mod root;
mod search;
mod secrets;
mod sink;
mod stage;
mod tree;
mod vacancy;
mod walk;
mod zstd_frame;

pub use assemble::{Assembled, assemble, foretell};
pub use canonical_dir::CanonicalDir;
pub use dir::{InstalledDir, PluginDir};
pub use ignore::IGNORE_FILE;
pub use limits::Limits;
pub use local::LocalArtifact;
pub use names::Kind;
pub use pack::{PackOptions, PackedLayer, pack};
pub use parallel::default_threads;
pub use reassemble::{Remade, reassemble};
pub use received::Received;
pub use reference_dir::{ReferenceDir, Watch, reference_files, stated_bytes};
pub use root::select_root;
pub use secrets::{FoundSecret, Kind as SecretKind, Place, Secrets, secret_in, secrets_in};
pub use stage::{Staged, Staging, StagingPlace};
