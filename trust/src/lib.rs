#![doc = include_str!("../README.md")]

mod danger;
mod gate;
mod mode;

pub use gate::{Admitted, admit};
pub use mode::{MalformedSignature, Policy, SignatureStatus, TrustMode};
