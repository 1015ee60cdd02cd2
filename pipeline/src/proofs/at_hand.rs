//! `AtHand`: what is at hand of the proofs of one artifact.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;

use super::offered::{Offered, offered};
use super::rule::OfferedFile;
use crate::fetch::Fetched;

/// What is at hand of the proofs of one artifact, and the manifest that they have to be of.
#[derive(Clone)]
pub(crate) struct AtHand {
    pub(super) artifact: ArtifactDigest,
    pub(super) manifest: Vec<u8>,
    pub(super) offered: Vec<Offered>,
}

impl AtHand {
    /// What is in files; where there is none, what refers to the artifact. `most` is how large one may be; without it none is
    /// looked for.
    ///
    /// # Errors
    /// What keeps the list of what refers to it from being read.
    pub(crate) async fn gather(fetched: &Fetched, files: &[OfferedFile], most: Option<u64>) -> Result<Option<Self>> {
        let Some(most) = most else { return Ok(None) };
        let mut at_hand: Vec<Offered> = files.iter().cloned().map(Offered::file).collect();
        // Whoever has brought all that is needed asks nobody: a file works where there is no network.
        if at_hand.is_empty() {
            at_hand = Box::pin(offered(fetched, most)).await?;
        }
        let (artifact, manifest) = (fetched.artifact.digest(), fetched.artifact.bytes().to_vec());
        Ok(Some(Self { artifact, manifest, offered: at_hand }))
    }
}
