#![doc = include_str!("../README.md")]

mod fetch;
mod inspect;
mod install;
mod publish;
mod reporter;
mod source;
mod verify;

pub use inspect::{Inspection, inspect};
pub use install::{InstallOptions, Installation, install, pull};
pub use publish::{Packaged, PackageOptions, Pushed, ReplaceTag, package, push, push_assembled, sign_directory};
pub use reporter::{Reporter, Silent};
pub use source::Source;
pub use verify::{Verification, verify_directory, verify_source};
