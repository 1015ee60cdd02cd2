#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod asked;
mod broker;
mod destination;
mod exchange;
mod fetch;
mod limits;
mod metered;
mod provider;
mod rate;
mod refused;
mod resolver;
mod trusted;

pub use aisoc_registry_client::Certificates;
pub use asked::Asked;
pub use broker::Broker;
pub use destination::{BadDestination, Destinations, Grant, WrittenGrant};
pub use fetch::{Account, Answer, Fetched, Leaves, Leaving, NotTaken, Outbound};
pub use provider::{Provider, ProviderAddress, ProviderLeaves, ProviderRule, ProviderToken, Unanswered};
pub use refused::Refused;
pub use trusted::Unread;
