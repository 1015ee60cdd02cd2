//! What is done with the keys of a directory, beside judging by them.

mod accept;
mod calendar;
mod change;
mod dependence;
mod export;
mod here;
mod impact;
mod judged;
mod kept;
pub mod lint;
mod published;
mod rotate;
mod statement_place;
mod sync;

pub use accept::{AcceptedSuccessor, Endorsement, accept_successor};
pub use calendar::{Calendar, Due, DueKind, DueOf, calendar};
pub use change::{ChangedKeys, Guard, KeyChangeOptions, change_keys};
pub use dependence::{Dependence, Dependent, Place};
pub use export::{ExportOptions, export, sign_as_well};
pub use here::{KeysHere, keys_alone, keys_here};
pub use impact::{Impact, impact};
pub use published::impact_of_sources;
pub use rotate::{Published, RotateOptions, Rotated, rotate};
pub use statement_place::{FoundStatement, StatementPlace, unread};
pub use sync::{Doubts, SyncOptions, Synced, sync};
