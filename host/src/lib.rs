#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod about;
pub mod access;
mod api;
mod asker;
mod audit;
mod bringing;
mod calling;
mod code;
mod configuration;
mod contracts;
mod ending;
mod feed;
mod found;
mod granting;
mod held;
mod host;
mod installing;
mod judging;
pub mod lifecycle;
mod loading;
mod looking;
mod meant;
mod noticed;
mod noticing;
mod pinned;
mod processes;
mod refusal;
mod rooms;
mod settings;
mod shown;
mod standing;
mod strict_json;
mod sweep;
mod switches;
mod turns;

pub use aisoc_connections::ServerTls;
pub use aisoc_context::{Caller, CallerKind, Tenant};
pub use api::{Handed, Listener, serve};
pub use asker::{Actor, Asker, RequestId};
pub use feed::Feed;
pub use host::Host;
pub use refusal::Refusal;
pub use rooms::ProcessRules;
pub use settings::{Configured, HandleRules, Happening, Invocation, Settings};
pub use standing::OnRevoked;
