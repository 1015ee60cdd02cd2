//! `Coming`: where a claim comes from, and what is at hand of the artifact that it came in.

use aisoc_installation::InstallRecord;
use aisoc_signing::Origin;

use super::at_hand::AtHand;

/// Where a claim comes from, as far as anybody knows.
#[derive(Clone)]
pub(crate) struct Coming<'a> {
    pub(crate) origin: Origin,
    pub(super) at_hand: Option<&'a AtHand>,
}

impl<'a> Coming<'a> {
    /// As its install wrote it down.
    pub(crate) fn recorded(record: &InstallRecord) -> Self {
        Origin::recorded(&record.reference).into()
    }

    /// With what was gathered of its artifact, if it was.
    pub(crate) fn with(origin: Origin, at_hand: Option<&'a AtHand>) -> Self {
        Self { origin, at_hand }
    }
}

/// With nothing at hand.
impl From<Origin> for Coming<'_> {
    fn from(origin: Origin) -> Self {
        Self { origin, at_hand: None }
    }
}
