//! One rule over all commands: where it is from, what it says of each, and what follows for groups.

mod denial;
mod denials;
mod effective;
mod evaluation;
mod file;
mod strict_mode;

pub use denial::{Denial, Layer};
pub use denials::Denials;
pub use effective::{PolicyFile, effective_policy};
pub use evaluation::{Axis, AxisOutcome, Explanation, Policy, PolicySource};
pub use file::{MAX_POLICY_BYTES, PolicyFault, read_policy};
pub use strict_mode::StrictMode;
