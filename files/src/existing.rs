//! `Existing`: what becomes of a file whose name is taken.

/// What to do about a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with `AlreadyExists`.
    Keep,
    /// Put the draft in its place.
    Replace,
}
