//! The rotation of one key as a plan: of what is known and the time, which steps are done, which are due, and what the
//! others wait for. Nothing is read or written here but the journal, by [`trusted_since`].
//!
//! ```text
//! stage → promote → resign (its publishers) → retire → revoke (where that is asked for)
//! ```
//!
//! A plan is made anew of the state at every run and is kept nowhere. So a rotation that was stopped, or is run by two
//! people at once, goes on where the keys stand, and the newest words about it count.

mod asked;
mod keys;
mod overlap;
mod plan;
mod since;

pub use asked::Rotation;
pub use keys::RotatedKeys;
pub use overlap::Overlap;
pub use plan::{Needed, Plan, PlannedStep, RotationStep, StepState};
pub use since::trusted_since;

#[cfg(test)]
mod tests;
