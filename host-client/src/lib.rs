#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod answer;
mod client;
mod events;
mod place;
mod token;

pub use client::{Act, HostClient, Request, Watching};
pub use events::HostEvent;
pub use place::HostPlace;
pub use token::{MAX_TOKEN_BYTES, Token};
