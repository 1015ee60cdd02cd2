#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

#[cfg(panic = "abort")]
compile_error!("a plugin that panics is caught, which `panic = \"abort\"` forbids: build with `panic = \"unwind\"`");

mod abort;
mod builder;
mod capabilities;
mod command_view;
mod ctx;
mod denied;
mod error;
mod glob;
mod handlers;
mod identity;
mod invocation;
mod journal;
mod lifecycle;
mod name;
mod plugin;
mod registry;
mod risk;
mod rule;
mod selector;

pub use abort::AbortError;
pub use builder::{BuildError, BuildErrors, Builder, BuiltPlugin};
pub use capabilities::{Capabilities, FailurePolicy};
pub use command_view::CommandView;
pub use ctx::Ctx;
pub use denied::CommandDeniedError;
pub use error::{Error, Result};
pub use glob::{Glob, GlobError};
pub use handlers::{Handler, LifecycleHandler, Next, Observer, Wrapper};
pub use identity::{Identity, UnknownIdentity};
pub use invocation::{Invocation, When};
pub use journal::JournalReason;
pub use lifecycle::{LifecycleContext, LifecycleEvent};
pub use name::is_valid_name;
pub use plugin::{Plugin, Registrar};
pub use registry::{register, registered_plugins, reset_for_testing};
pub use risk::{Risk, UnknownRisk};
pub use rule::{Rule, RuleFault};
pub use selector::Selector;
