//! Authenticated time: a timestamp authority's word (RFC 3161) for when a signature was there already.
//!
//! A signature says nothing of when it was made. Beside it may stand what an authority has signed over it; where the
//! operator has named that authority, it is evidence for the dates of the key. It never takes anything away: whoever may
//! remove the file would remove that too.

mod authentic;
mod authority;
mod exchange;
mod refusal;
mod signed_data;
mod time_info;
mod token;

pub use authority::{MAX_AUTHORITIES, MAX_AUTHORITY_CERTIFICATES, SignedAt, TimestampAuthorities};
pub use exchange::{TimestampQuery, standard_reply};
pub(crate) use signed_data::{brought, says_more_than_is_signed};
pub use token::{MAX_TIMESTAMP_BYTES, MAX_TIMESTAMP_CERTIFICATES, TimestampToken};
