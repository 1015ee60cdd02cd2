//! Evidence of a signature is made by the verifier alone.
use aisoc_manifests::digest::{CanonicalDigest, TreeDigest};
use aisoc_signing::{Coverage, Verified};

fn shortcut(subject: TreeDigest, digest: CanonicalDigest) -> Verified {
    Verified { subject, digest, signers: vec![], coverage: Coverage::Full, uncovered: vec![] }
}

fn main() {}
