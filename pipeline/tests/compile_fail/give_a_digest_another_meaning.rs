//! Nothing turns one meaning into another: not a hasher, not a blob that somebody names, not a constructor.
use aisoc_manifests::digest::{ArtifactDigest, Digest, FileDigest, Hasher, TreeDigest, meaning};

fn by_a_hasher(hasher: Hasher<meaning::File>) -> TreeDigest {
    hasher.finish()
}

fn by_a_blob(blob: Digest) -> ArtifactDigest {
    ArtifactDigest::named(blob)
}

fn by_the_constructor(content: &[u8]) -> TreeDigest {
    FileDigest::of(content)
}

fn main() {}
