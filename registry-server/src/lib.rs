#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod arriving;
mod blobs;
mod dispatch;
mod ground;
mod hosts;
mod listener;
mod listeners;
mod manifests;
mod options;
mod problem;
mod query;
mod referrers;
mod registry;
mod response;
mod route;
mod sessions;
mod store;
mod tags;
mod uploads;

pub use arriving::RequestBody;
pub use listener::{serve, serve_until};
pub use listeners::Listeners;
pub use options::ServeOptions;
pub use registry::Registry;
pub use response::Body;
pub use store::Store;
