//! An OCI image layout on disk, as a directory or as one tar archive.
//!
//! The embedded default, and what an air gap carries. Source: image specification 1.1, `image-layout.md`.

mod archive;
mod catalog;
mod changes;
mod collected;
mod directory;
mod documents;
mod foreign;
pub mod index;
mod ingest;
mod kept;
mod marks;
mod one_pass;
mod opened;
mod place;
mod renewed;
mod staged;
mod stored;
mod swept;

pub use catalog::Catalog;
pub use changes::Change;
pub use collected::Collected;
pub use directory::Directory;
pub use documents::blob_directory;
pub use ingest::{Ingest, require_absent};
pub use kept::Kept;
pub use marks::Rule;
pub use one_pass::{NewArtifact, OnePass, require_replaceable};
pub use opened::Layout;
pub use place::Place;
pub use stored::StoredBlob;
