#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod answer;
mod client;
mod place;
mod token;

pub use client::{Act, HostClient, Request};
pub use place::HostPlace;
pub use token::{MAX_TOKEN_BYTES, Token};
