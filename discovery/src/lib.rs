#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod directory;
mod discovered;
mod pass;

pub use discovered::{Discovered, Discovery, Failed, Kind, Note, Origin, Source};
pub use pass::{Sources, discover};
