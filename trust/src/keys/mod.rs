//! The trusted keys as state: read, judged and changed under one lock.
//!
//! A change is a list of steps, each of which a kill can follow: whoever reads the directory meanwhile meets the old
//! state or the new one, and never one in which a key may do more than in both. The list is written down before the
//! first step and forgotten after the last; the next session finishes what it finds.

mod change;
mod foreseen;
mod keyset;
mod pending;
mod place;
mod plan;
mod session;
mod steps;
mod succession;
mod unfinished;

pub use change::{KeyChange, KeyFile};
pub use foreseen::{Foreseen, counting};
pub use keyset::{
    Advance, Applied, EarlierSet, Following, KeyMove, KeySet, LeftAlone, Loss, MAX_SET_BYTES, MAX_SETTINGS_BYTES,
    SetHead, SetKey, SetReasons, SetSigners, SignedSet, SyncPlan, SyncSettings, WayIn, WhyLeft, advance, as_usage,
    earlier_than, last_of, require_finished, require_quorum, require_set_signers, require_signers_beside,
    require_way_in, revoked_here,
};
pub use plan::{Addition, Grounds, counts_beside};
pub use session::{KeysAccess, KeysSession};
pub use succession::{Acceptance, Asked, Outcome, accept, accepted_on_word_of, predecessors_of};
pub use unfinished::unfinished;

#[cfg(test)]
mod tests;
