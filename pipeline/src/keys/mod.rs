//! What is done with the keys of a directory, beside judging by them.

mod change;
mod dependence;
mod impact;
mod kept;

pub use change::{ChangedKeys, Guard, KeyChangeOptions, change_keys};
pub use dependence::{Dependence, Dependent, Place};
pub use impact::{Impact, impact};
