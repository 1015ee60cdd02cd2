#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod access;
mod access_log;
mod allowing;
mod arriving;
mod asked;
mod blobs;
mod catalog;
mod code;
mod counted;
mod dispatch;
mod front;
mod garbage;
mod ground;
mod hosts;
mod listener;
mod listeners;
mod manifests;
mod metrics;
mod options;
mod problem;
mod query;
mod referrers;
mod registry;
mod repositories;
mod response;
mod route;
mod sessions;
mod store;
mod subjects;
mod tags;
mod upload_id;
mod uploads;

pub use access::{Access, AccessFiles, Tell};
pub use access_log::AccessLog;
pub use aisoc_connections::ServerTls;
pub use arriving::RequestBody;
pub use garbage::{CollectedRepository, collect_garbage};
pub use listener::{serve, serve_until};
pub use listeners::Listeners;
pub use options::{ServeOptions, TellBehind};
pub use registry::Registry;
pub use response::Body;
pub use store::Store;
