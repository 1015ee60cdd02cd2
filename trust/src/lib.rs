#![doc = include_str!("../README.md")]

mod danger;
mod facts;
mod gate;
mod mode;
mod refusal;

pub use facts::{Facts, UnderLock};
pub use gate::{Admitted, Answered, Decision, Examined, Step, Trace, Verdict, admit, examine, observe};
pub use mode::{CoverageRule, MalformedSignature, Policy, SignatureStatus, TrustMode};
