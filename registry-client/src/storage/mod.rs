//! What movement is made of, at the bottom of the crate: what one can ask of a place that holds artifacts,
//! and the blobs and manifests that pass. No kind of place is known here.

mod ending;
mod manifest;
mod operations;
mod referrers;
mod source;
mod stream;

pub(crate) use ending::Ending;
pub use manifest::{Manifest, ManifestName};
pub(crate) use operations::require_named;
pub use operations::{Delete, Fetch, Push, Pushed, ReplaceTag, Resolve, Tagging};
pub use referrers::Referrers;
pub use source::{BlobOrigin, BlobSource, Count, file_stream};
pub use stream::BlobStream;
