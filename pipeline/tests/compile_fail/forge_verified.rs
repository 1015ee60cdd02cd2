//! Evidence of a signature is made by the verifier alone.
use aisoc_manifests::digest::Digest;
use aisoc_signing::{Coverage, Verified};

fn shortcut(digest: Digest) -> Verified {
    Verified { subject: digest, digest, signers: vec![], coverage: Coverage::Full, uncovered: vec![] }
}

fn main() {}
