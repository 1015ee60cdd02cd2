//! `Coming`: where a claim comes from, and where the proofs are of the artifact that it came in.

use std::borrow::Cow;

use aisoc_installation::{InstallRecord, Site};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_signing::{Claim, Origin};

use super::at_hand::AtHand;

/// Where a claim comes from, as far as anybody knows.
#[derive(Clone)]
pub(crate) struct Coming<'a> {
    pub(crate) origin: Origin,
    proofs: Whereabouts<'a>,
}

/// Where the proofs of its artifact are.
#[derive(Clone, Copy)]
enum Whereabouts<'a> {
    Nowhere,
    AtHand(&'a AtHand),
    /// Kept on the site that it is installed on.
    Kept(&'a Site, ArtifactDigest),
}

impl<'a> Coming<'a> {
    /// As its install wrote it down on that site.
    pub(crate) fn recorded(record: &InstallRecord, site: &'a Site) -> Self {
        Self { origin: Origin::recorded(&record.reference), proofs: Whereabouts::Kept(site, record.digest) }
    }

    /// With what was gathered of its artifact, if it was.
    pub(crate) fn with(origin: Origin, at_hand: Option<&'a AtHand>) -> Self {
        Self { origin, proofs: at_hand.map_or(Whereabouts::Nowhere, Whereabouts::AtHand) }
    }

    /// What was gathered of its artifact.
    pub(crate) fn gathered(&self) -> Option<&'a AtHand> {
        match self.proofs {
            Whereabouts::AtHand(at_hand) => Some(at_hand),
            Whereabouts::Nowhere | Whereabouts::Kept(..) => None,
        }
    }

    /// What is at hand of the proofs of the artifact that the claim came in. What is kept is of a tree by all its files,
    /// however they were read: what a claim is about has another name where a host reads it.
    ///
    /// # Errors
    /// As [`AtHand::kept`].
    pub(super) fn at_hand(&self, claim: &Claim) -> Result<Option<Cow<'a, AtHand>>> {
        match self.proofs {
            Whereabouts::Nowhere => Ok(None),
            Whereabouts::AtHand(at_hand) => Ok(Some(Cow::Borrowed(at_hand))),
            Whereabouts::Kept(site, artifact) => {
                let tree = claim.tree().files.tree_digest();
                Ok(AtHand::kept(site, artifact, tree)?.map(Cow::Owned))
            }
        }
    }
}

/// With nothing at hand.
impl From<Origin> for Coming<'_> {
    fn from(origin: Origin) -> Self {
        Self { origin, proofs: Whereabouts::Nowhere }
    }
}
