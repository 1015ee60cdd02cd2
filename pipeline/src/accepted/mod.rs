//! What this site has accepted: plugins.lock beside what is here.
//!
//! ```text
//! discovery ─▶ Here ─▶ list     gates 5, 7, 3b and 8 of each plugin, changing nothing
//!                   ─▶ again    the same of what is in memory, whatever is on the disk
//!                   ─▶ verify   drift, and changes that the journal knows nothing of
//!                   ─▶ accept   an entry and its line: trust, lock --from-installed
//!                   ─▶ revoke   no entry any more, and its line
//! ```

mod accept;
mod again;
mod came_in;
mod candidates;
mod contract;
mod dropins;
mod explain;
mod guard;
mod here;
mod list;
mod unchanged;
mod verify;

pub use accept::{Acceptable, Accepted, Grounds, Revoked, accept, accept_installed, begin_lock, create, revoke};
pub(crate) use accept::{ids, revoke_line, trust_line};
pub use again::{Again, Evidence, LockNow, SignedBy, judge_again};
pub(crate) use came_in::{came_in, found, recorded};
pub use candidates::{Candidates, Refused};
pub use contract::ContractCheck;
pub use dropins::{JudgedDropin, VerifiedDropins, verify_dropins};
pub use explain::{FoundDecision, explain_found};
pub(crate) use guard::{Arriving, LockGuard};
pub use guard::{InLock, LockRule};
pub use here::HereOptions;
pub(crate) use here::{JudgedHere, SeenByLock};
pub use list::{Listed, Listing, list};
pub(crate) use unchanged::lock_unchanged;
pub use verify::{LockVerification, verify_lock};
