//! What is done with the keys of a directory, beside judging by them.

mod dependence;
mod impact;
mod kept;

pub use dependence::{Dependence, Dependent, Place};
pub use impact::{Impact, impact};
