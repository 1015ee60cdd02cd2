#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod firing;
mod handler;
mod health;
mod registration;
mod registry;
mod timeout;

pub use firing::{Answer, Decision, Failure, Fired, HandlerOutcome, Invoked, Outcome, fire, require_value, tell_each};
pub use handler::Handler;
pub use health::{HealthAnswer, HealthReport, HealthStatus};
pub use registration::{CONTRACT_VERSION, Declared, DeclaredHandler, Registration};
pub use registry::{FROZEN, Registry};
pub use timeout::{HandlerTimeout, MAX_HANDLER_TIMEOUT};
