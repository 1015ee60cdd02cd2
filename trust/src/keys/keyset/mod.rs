//! Sets of keys: a directory of keys as one signed value with a version that only grows, for the many sites that follow
//! it. Pure but for reading the files in which a site keeps what it follows: what becomes of a set is decided here, and
//! done by the session like every other change.

mod applied;
mod lockout;
mod order;
mod own_file;
mod plan;
mod quorum;
mod revoked_here;
mod set;
mod set_key;
mod settings;
mod signed_set;
mod sought;

pub use applied::Applied;
pub use lockout::{WayIn, require_set_signers, require_signers_beside, require_way_in};
pub use order::{Advance, advance};
pub use own_file::require_finished;
pub use plan::{Following, KeyMove, Loss, SyncPlan};
pub use quorum::{SetSigners, require_quorum};
pub use revoked_here::revoked_here;
pub use set::{KeySet, MAX_SET_BYTES};
pub use set_key::SetKey;
pub use settings::{MAX_SETTINGS_BYTES, SyncSettings};
pub use signed_set::{EarlierSet, SetHead, SetReasons, SignedSet, as_usage, earlier_than, last_of};
pub use sought::{LeftAlone, WhyLeft};

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
