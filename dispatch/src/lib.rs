#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod command;
mod errors;
mod guard;
mod hooks;
mod install;
mod plugin_call;
mod policy;
mod program;
mod refusal;
mod version;

pub use command::{Command, CommandId, CommandTree, Given};
pub use errors::{MAX_SOURCES, find_source, text_of};
pub use guard::{Panicked, asks_whether_cancelled, is_within_plugin};
pub use hooks::{Dispatch, SHUTDOWN_TIME, dispatch, shut_down, start_up};
pub use install::{
    HookName, Hooks, InstalledPlugin, LifecycleHook, MAX_WRAPPERS, ObserverHook, Plugins, WrapperHook, install_all,
};
pub use plugin_call::PluginCall;
pub use policy::{
    Axis, AxisOutcome, Denial, Denials, Explanation, Layer, MAX_POLICY_BYTES, Policy, PolicyFault, PolicyFile,
    PolicySource, StrictMode, effective_policy, read_policy,
};
pub use program::{Program, Setup};
pub use refusal::Refusal;
pub use version::{MalformedConstraint, VersionConstraint};
