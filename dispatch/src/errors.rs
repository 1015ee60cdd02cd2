//! Errors of plugins, which are code of plugins as well: how they are shown and what they came of is asked behind the line.

use std::error::Error as StdError;
use std::iter::successors;

use aisoc_platform::Error;

use crate::guard::guarded;

/// How deep the sources of an error are looked at: a plugin may have made them a circle.
pub const MAX_SOURCES: usize = 64;

/// What an error says.
pub fn text_of(error: &Error) -> String {
    shown(error.as_error())
}

pub(crate) fn shown(error: &(dyn StdError + 'static)) -> String {
    guarded(|| error.to_string()).unwrap_or_else(|panicked| format!("an error that cannot be shown: {panicked}"))
}

/// The error itself, or the nearest of those that it came of, as what it is.
pub fn find_source<T: StdError + Clone + 'static>(error: &Error) -> Option<T> {
    let found = guarded(|| {
        let mut sources = successors(Some(error.as_error()), source).take(MAX_SOURCES);
        sources.find_map(|error| error.downcast_ref::<T>().cloned())
    });
    found.ok().flatten()
}

fn source<'error>(error: &&'error (dyn StdError + 'static)) -> Option<&'error (dyn StdError + 'static)> {
    (*error).source()
}
