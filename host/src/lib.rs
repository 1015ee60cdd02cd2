#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod about;
pub mod access;
mod api;
mod asker;
mod audit;
mod beside;
mod bringing;
mod calling;
mod code;
mod configuration;
mod contracts;
mod decided;
mod ending;
mod entitled;
mod feed;
mod found;
mod granting;
mod held;
mod hooks;
mod host;
mod installing;
mod journaling;
mod judging;
pub mod lifecycle;
mod loading;
mod looking;
mod masked;
mod meant;
mod noticed;
mod noticing;
mod patience;
mod pinned;
mod processes;
mod providing;
mod reaching;
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
pub use aisoc_context::{AccessorUsage, Caller, CallerKind, Notice, PluginUsage, Tenant};
pub use aisoc_outbound::{
    BadDestination, Grant as OutboundGrant, ProviderAddress, ProviderRule, ProviderToken,
    WrittenGrant as WrittenOutboundGrant,
};
pub use api::{Handed, Listener, serve};
pub use asker::{Actor, Asker, RequestId};
pub use feed::Feed;
pub use hooks::event::RegistryEvent;
pub use hooks::firing::Firing;
pub use host::{Host, kept_usage};
pub use refusal::Refusal;
pub use rooms::ProcessRules;
pub use settings::{
    Asked, Configured, ConfiguredWith, HandleRules, Happening, Invocation, ProviderRules, RequiredHandlers, Rules,
    Settings,
};
pub use standing::OnRevoked;
