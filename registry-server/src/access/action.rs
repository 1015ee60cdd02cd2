//! `Action`: what somebody does to a repository.

/// What somebody does to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Reads what is in it.
    Pull,
    /// Adds to it, and moves its tags.
    Push,
    /// Takes away from it.
    Delete,
}

impl Action {
    /// As the file of rights writes it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}
