//! A file that is not what it was when it was hashed.

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::Fault;
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::path::RelPath;

use crate::search::forbidden;

pub(crate) fn changed(path: &RelPath, entry: &FileEntry, found: FileDigest) -> Fault {
    forbidden(format!("`{path}` changed while it was read"))
        .expected(entry.digest.to_string(), found.to_string())
        .hint("run the command again when nothing else writes to the directory")
}

/// One that has grown: of what has come it is not known what it is.
pub(crate) fn grown(path: &RelPath, entry: &FileEntry) -> Fault {
    forbidden(format!("`{path}` changed while it was read"))
        .expected(format!("{} bytes", entry.size), "more")
        .hint("run the command again when nothing else writes to the directory")
}
