//! `AtHand`: what is at hand of the proofs of one artifact.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;

use aisoc_signing::Origin;

use super::offered::{Offered, offered};
use super::rule::OfferedFile;
use crate::fetch::Fetched;
use crate::judge::Judge;

/// What is at hand of the proofs of one artifact, and the manifest that they have to be of.
#[derive(Clone)]
pub(crate) struct AtHand {
    pub(super) artifact: ArtifactDigest,
    pub(super) manifest: Vec<u8>,
    pub(super) offered: Vec<Offered>,
}

impl AtHand {
    /// What is in files; where there is none, what refers to the artifact. `most` is how large one may be.
    ///
    /// # Errors
    /// What keeps the list of what refers to it from being read.
    async fn gather(fetched: &Fetched, files: &[OfferedFile], most: u64) -> Result<Self> {
        let mut at_hand: Vec<Offered> = files.iter().cloned().map(Offered::file).collect();
        // Whoever has brought all that is needed asks nobody: a file works where there is no network.
        if at_hand.is_empty() {
            at_hand = Box::pin(offered(fetched, most)).await?;
        }
        let (artifact, manifest) = (fetched.artifact.digest(), fetched.artifact.bytes().to_vec());
        Ok(Self { artifact, manifest, offered: at_hand })
    }
}

impl Fetched {
    /// What is at hand of its proofs, where any has to be looked for of what comes from there.
    ///
    /// # Errors
    /// What keeps the list of what refers to it from being read.
    pub(crate) async fn proofs(
        &self,
        judge: &Judge<'_>,
        origin: &Origin,
        files: &[OfferedFile],
    ) -> Result<Option<AtHand>> {
        match judge.largest_proof_of(origin) {
            Some(most) => Box::pin(AtHand::gather(self, files, most)).await.map(Some),
            None => Ok(None),
        }
    }
}
