#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod contract;
mod descendants;
mod error;
pub mod exact_json;
mod groups;
mod interpreter;
mod launcher;
mod load;
mod lowered;
mod nobody;
mod private_copy;
mod process;
mod python;
mod sandbox;
pub mod serving;
mod shim;
mod visible;
mod waiting;

pub use contract::{CHECK_PATIENCE, Checked, Checking, Contract, HookHandler, HookManifest, check};
pub use error::Error;
pub use groups::{Groups, NoGroups};
pub use launcher::Launcher;
pub use load::{Loading, PATIENCE, Report, load};
pub use private_copy::{PrivateCopy, Room};
pub use python::{FileIdentity, KEPT_VARIABLES, Python};
pub use sandbox::{Layer, Layers, Sandbox};
pub use shim::{Bounds, ShimProgram, attend};
