#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod arguments;
mod asking;
mod audit;
mod caller;
mod facts;
mod granted;
mod handles;
mod lines;
mod network;
mod notice;
mod outgoing;
mod own;
mod patience;
mod provided;
mod rate;
mod record;
mod refusal;
mod usage;

pub use asking::Waiting;
pub use caller::{Caller, CallerKind, Tenant};
pub use granted::{Configured, Granted};
pub use handles::{Handles, Options, Question};
pub use lines::PluginSigner;
pub use network::{Fetched, Leaves, Network, Request};
pub use notice::{Notice, Tell, Teller};
pub use provided::{Answered, Provider, ProviderLeaves, ProviderQuestion, Providers};
pub use refusal::{Refusal, Why};
pub use usage::{AccessorUsage, PluginUsage};
