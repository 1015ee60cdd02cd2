//! `Content`: the bytes of a small file that is judged, or why they are not held.

/// The content of a file that is held in memory to be judged. What is not held whole is not judged: a
/// prefix says nothing about the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Every byte.
    Whole(Vec<u8>),
    /// More than a file of that name may have.
    TooLarge {
        /// What it may have.
        max_bytes: u64,
    },
    /// What is there is no file: a FIFO or a device in its place.
    NotAFile,
}

impl Content {
    /// Every byte; `None` when they are not held.
    pub fn whole(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::TooLarge { .. } | Self::NotAFile => None,
        }
    }
}
