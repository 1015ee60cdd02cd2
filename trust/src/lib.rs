#![doc = include_str!("../README.md")]

mod danger;
mod gate;
mod mode;
mod refusal;

pub use gate::{Admitted, admit};
pub use mode::{CoverageRule, MalformedSignature, Policy, SignatureStatus, TrustMode};
pub use refusal::changed_after_signing;
