//! The ids of uploads: nobody guesses one, and each is its own user's.
//!
//! Ids stand in URLs, and so in the logs of proxies. Whoever finds one there, and may push to the same repository, must not
//! add to somebody else's upload. So the second half says whose it is: the id as a whole is what the upload is known by, and
//! an id that is made fit for somebody else is another id.

use aisoc_manifests::digest::{TokenDigest, hex};
use hyper::StatusCode;

use crate::access::Caller;
use crate::code::Code;
use crate::problem::Problem;

/// Bytes that nobody guesses.
const RANDOM_BYTES: usize = 16;
/// Hexadecimal digits of each half.
const HALF: usize = 2 * RANDOM_BYTES;

/// A new id for an upload of that caller.
///
/// # Errors
/// 500 where the system has no randomness.
pub(crate) fn new_id(caller: &Caller) -> Result<String, Problem> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unsupported, "there is no randomness"))?;
    let random = hex(&random);
    let owner = owner(&random, caller);
    Ok(random + &owner)
}

/// Refuses an id that is not of an upload of that caller, as one that there is none of.
///
/// # Errors
/// 404.
pub(crate) fn require_own(id: &str, caller: &Caller) -> Result<(), Problem> {
    let is_own = id.split_at_checked(HALF).is_some_and(|(random, of)| of == owner(random, caller));
    if is_own { Ok(()) } else { Err(Problem::unknown_upload()) }
}

/// No name holds a NUL.
fn owner(random: &str, caller: &Caller) -> String {
    let of = TokenDigest::of(format!("{random}\0{}", caller.name().unwrap_or_default()).as_bytes());
    of.hex()[..HALF].to_owned()
}
