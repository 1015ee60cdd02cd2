//! plugins.lock: what this site has accepted, entry by entry. A signature says who has made some bytes; an entry says
//! that somebody here has looked at them and said yes.
//!
//! ```toml
//! version = 1
//!
//! [[plugins]]
//! id = "capa.contrib.my_procedure"
//! package = "capa_contrib"
//! version = "0.3.1"
//! entry_point = "capa_contrib.procedures:MyProcedure"
//! distribution_hash = "sha256:…"
//! ```
//!
//! That is schema version 1, which capa reads and writes: five texts, nothing else. Schema version 2 adds
//! [`Provenance`], and is written only once there is some. A key that is none of these is refused, and so is a newer
//! version: whoever does not understand all of a lock does not know what was accepted.
//!
//! `read` makes a [`Lockfile`] of a text, and says where in the text everything stands. `edit` changes a text in
//! place: it puts new values where the old ones stand, so that comments, blanks, line ends and other entries stay what
//! they were, to the byte. [`LockPlace`] is the file, [`LockSession`] its change, under the lock of its directory.
//!
//! [`LockSet`] is a lock that is signed for many sites, [`Brought`] what it makes of the lock of one, and [`AppliedLock`]
//! what that site remembers of it.

mod applied;
mod brought;
mod edit;
mod entry;
mod path;
mod place;
mod read;
mod schema;
mod session;
mod set;
mod spelling;
mod unjournaled;

pub use applied::{AppliedLock, PreviousLock, followed};
pub use brought::{Brought, EntryChange};
pub use entry::{Field, LockEntry, Provenance};
pub use path::LockPath;
pub use place::{LockPlace, MAX_LOCK_BYTES};
pub use read::{KnownLock, Lockfile, MAX_LOCK_ENTRIES};
pub use schema::LockSchema;
pub use session::{LockAccess, LockSession, Remembered};
pub use set::{LockSet, MAX_LOCKSET_BYTES};
pub use unjournaled::{Changed, Revocation, Unjournaled, unjournaled};

#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod tests;
