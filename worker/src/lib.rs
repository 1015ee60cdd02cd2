#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod child;
mod contract;
mod descendants;
mod error;
mod load;
mod lowered;
mod nobody;
mod private_copy;
pub mod serving;
mod visible;
mod waiting;

pub use child::{KEPT_VARIABLES, Python};
pub use contract::{CHECK_PATIENCE, Checked, Checking, Contract, HookManifest, check};
pub use error::Error;
pub use load::{Loading, PATIENCE, Report, load};
pub use private_copy::{PrivateCopy, Room};
