//! `given`: how an optional member of a note is read.

use serde::{Deserialize, Deserializer};

/// A member that is there has a value: a `null` would read as no limit where somebody meant one.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
