//! `Rotation`: which key comes, which one goes, and how.

use aisoc_signing::Fingerprint;

use super::overlap::Overlap;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The key that comes.
    pub new: Fingerprint,
    /// The key that goes.
    pub old: Fingerprint,
    /// How long both count at least.
    pub overlap: Overlap,
    /// What the note on the new key says of its owner, where somebody has said so.
    pub owner: Option<String>,
    /// Whether the old key is revoked once it is retired.
    pub revokes: bool,
}
