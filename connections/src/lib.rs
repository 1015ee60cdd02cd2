#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod descriptors;
pub mod guard;
pub mod head;
pub mod pace;
pub mod slots;
pub mod tls;

pub use descriptors::Descriptors;
pub use guard::{Bounds, Guard};
pub use head::closes;
pub use pace::{Pace, Slowest};
pub use slots::{Crowd, Slot, Slots, Taken, Work};
pub use tls::ServerTls;
