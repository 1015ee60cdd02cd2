//! The names of the digests, each with what it is of.

use super::body::DigestOf;
use super::meaning;

/// Of a blob, whatever it is: the name under which registries and layouts keep its bytes, a config, a
/// layer or a manifest. It is what a descriptor states.
pub type Digest = DigestOf<meaning::Blob>;

/// Of an artifact's OCI manifest, which names everything else: the artifact's identity, what stands
/// after the `@` of a reference, what `--require-digest` demands.
pub type ArtifactDigest = DigestOf<meaning::Artifact>;

/// Of a layer as it is stored, compressed.
pub type LayerDigest = DigestOf<meaning::Layer>;

/// Of a layer's uncompressed archive. A publisher may note it beside the layer.
pub type ContentDigest = DigestOf<meaning::Content>;

/// Of one file of a plugin.
pub type FileDigest = DigestOf<meaning::File>;

/// Over every file that is there, signatures among them ([`FileMap::tree_digest`]): what is admitted,
/// and what a record calls its tree by.
///
/// [`FileMap::tree_digest`]: crate::file_map::FileMap::tree_digest
pub type TreeDigest = DigestOf<meaning::Tree>;

/// Over the list of the files that a signature covers: what a manifest states as `tree_sha256`. Of
/// another list than [`TreeDigest`], for the signature cannot cover itself.
pub type CoveredTreeDigest = DigestOf<meaning::CoveredTree>;

/// Of the canonical JSON of manifest and code: the 32 bytes that a key signs.
pub type CanonicalDigest = DigestOf<meaning::Canonical>;

/// Of one of our own records, without it: whether the file is as it was written. It proves nothing
/// against people, who can compute it too.
pub type RecordDigest = DigestOf<meaning::Record>;

/// Of everything that a journal held when a line of its chain was written: each includes the one before it.
pub type ChainDigest = DigestOf<meaning::Chain>;

/// Of the bytes of lines, ends and all, that one line of a journal's chain binds.
pub type LinesDigest = DigestOf<meaning::Lines>;

/// Of everything that an entry of a lock says: what a journal has answered for.
pub type AcceptedDigest = DigestOf<meaning::Accepted>;

/// Of a token of the operator's API: what a host keeps of it, and looks it up by.
pub type TokenDigest = DigestOf<meaning::Token>;
