//! Tar headers: read so strictly that no two readers can see two things in them, and written so that
//! every reader sees the same. Layers and layout archives go through the same reader.

mod header;
pub mod pax;
mod write;

pub use header::{BLOCK, Flag, Header, Mode, refuse, shown};
pub use write::{Written, pad, write};

/// Largest extension header, PAX or GNU, that is held in memory: no name that we take is longer.
pub const MAX_EXTENSION_BYTES: u64 = 16 << 10;
