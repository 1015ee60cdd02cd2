//! A digest is computed or read, never put together from bytes of another.
use aisoc_manifests::digest::{CanonicalDigest, DigestOf, TreeDigest};

fn forged(signed: CanonicalDigest) -> TreeDigest {
    DigestOf(*signed.as_bytes())
}

fn main() {}
