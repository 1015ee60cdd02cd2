#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod address;
pub mod artifact;
pub mod cancellation;
pub mod capability;
mod counted;
pub mod dependencies;
pub mod digest;
pub mod dry_run;
pub mod fault;
pub mod file_map;
pub mod hook;
pub mod id;
pub mod image_index;
pub mod links;
pub mod lock;
pub mod name;
pub mod oci;
pub mod path;
pub mod platform;
pub mod plugin;
pub mod position;
pub mod progress;
pub mod reader;
pub mod reason;
pub mod reference;
mod reference_meant;
pub mod registry_host;
pub mod stated_reason;
pub mod tar;
pub mod text;
pub mod version_order;
mod version_tag;
pub mod warning;

pub use counted::counted;
pub use reader::{canonical, value};
