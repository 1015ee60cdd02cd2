//! What a plugin is kept from below Python, by the kernel: files, networks, other processes, system calls.
//!
//! Three layers, each of which holds alone. **Namespaces** leave a plugin without anything that it could name: no file but
//! those of its view, no process but its own, no network. **Landlock** refuses the same by rules, also where the kernel gives
//! no namespaces. **seccomp** leaves it the system calls that Python needs. Which of them a kernel gives differs, so each
//! start says what it got.

mod capabilities;
mod landlocked;
pub(crate) mod layer;
mod namespaces;
mod system_calls;
mod view;

pub(crate) use self::capabilities::drop_capabilities;
pub(crate) use self::landlocked::restrict;
pub use self::layer::{Layer, Layers, Sandbox};
pub(crate) use self::namespaces::{enter, show_only};
pub(crate) use self::system_calls::filter;
pub(crate) use self::view::{Scratch, View};
