//! Evidence that a signature fits is made by whoever has compared or verified.
use aisoc_manifests::digest::Digest;
use aisoc_signing::{Proof, SignedStatement};

fn shortcut(digest: Digest) -> SignedStatement {
    SignedStatement { subject: digest, proof: Proof::Key }
}

fn main() {}
