//! Evidence that a signature fits is made by whoever has compared or verified.
use aisoc_manifests::digest::TreeDigest;
use aisoc_signing::{Proof, SignedStatement};

fn shortcut(digest: TreeDigest) -> SignedStatement {
    SignedStatement { subject: digest, proof: Proof::Key }
}

fn main() {}
