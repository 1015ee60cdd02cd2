//! `DryRun`: everything but the change.

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DryRun {
    /// It is.
    #[default]
    No,
    /// Nothing is: it is read, judged and asked for whatever it takes to say what would be.
    Yes,
}

impl DryRun {
    /// Whether nothing is changed.
    pub fn is_on(self) -> bool {
        self == Self::Yes
    }
}

impl From<bool> for DryRun {
    fn from(is_on: bool) -> Self {
        if is_on { Self::Yes } else { Self::No }
    }
}
