//! Which thing a path names. Everything is parsed into the types whose grammar keeps `..`, `%` and
//! the like out before a file name is made of it.

use aisoc_manifests::digest::meaning::Meaning;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest, DigestOf};
use aisoc_manifests::fault::Fault;
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::storage::ManifestName;

use crate::problem::Problem;

/// A path of the specification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Version,
    Catalog,
    Manifest { repository: String, name: ManifestName },
    Blob { repository: String, digest: Digest },
    BeginUpload { repository: String },
    Upload { repository: String, id: String },
    Tags { repository: String },
    Referrers { repository: String, digest: ArtifactDigest },
}

impl Route {
    /// The thing of that path.
    ///
    /// # Errors
    /// 404 for a path that the specification does not have, 400 for a name or a digest that is none.
    pub(crate) fn of(path: &str) -> Result<Self, Problem> {
        if matches!(path, "/v2" | "/v2/") {
            return Ok(Self::Version);
        }
        // No component of a repository's name begins with `_`.
        if path == "/v2/_catalog" {
            return Ok(Self::Catalog);
        }
        let segments: Vec<&str> = path.strip_prefix("/v2/").ok_or_else(Problem::no_such_path)?.split('/').collect();
        // Read from the end: a repository may be called `blobs` or `manifests` too. Not percent-decoded: no
        // name of the grammar needs it, and `%2e%2e` must not become `..` after it was looked at.
        match segments.as_slice() {
            [repository @ .., "blobs", "uploads", ""] | [repository @ .., "blobs", "uploads"] => {
                Ok(Self::BeginUpload { repository: name(repository)? })
            }
            [repository @ .., "blobs", "uploads", id] => {
                Ok(Self::Upload { repository: name(repository)?, id: (*id).to_owned() })
            }
            [repository @ .., "blobs", digest] => {
                Ok(Self::Blob { repository: name(repository)?, digest: read_digest(digest)? })
            }
            [repository @ .., "manifests", manifest] => {
                Ok(Self::Manifest { repository: name(repository)?, name: read_name(manifest)? })
            }
            [repository @ .., "tags", "list"] => Ok(Self::Tags { repository: name(repository)? }),
            [repository @ .., "referrers", digest] => {
                Ok(Self::Referrers { repository: name(repository)?, digest: read_digest(digest)? })
            }
            _ => Err(Problem::no_such_path()),
        }
    }
}

impl Route {
    /// The repository that it is in.
    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Version | Self::Catalog => None,
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::BeginUpload { repository }
            | Self::Upload { repository, .. }
            | Self::Tags { repository }
            | Self::Referrers { repository, .. } => Some(repository),
        }
    }
}

/// The repository's name, when the reference grammar takes it.
fn name(segments: &[&str]) -> Result<String, Problem> {
    let name = segments.join("/");
    if is_repository(&name) {
        return Ok(name);
    }
    Err(Problem::bad_name("the repository's name is not one"))
}

/// Whether the reference grammar takes the name, and it alone. The same grammar as for references: what can
/// be pushed here can be named there.
pub(crate) fn is_repository(name: &str) -> bool {
    // The port keeps a name with a dot from being read as a host.
    match format!("localhost:1/{name}").parse() {
        Ok(Reference::Registry(reference)) => {
            reference.repository() == name && reference.tag().is_none() && reference.digest().is_none()
        }
        _ => false,
    }
}

/// Of an algorithm that is known; another one is refused and not taken for a file name ("Pushing blobs": 400).
pub(crate) fn read_digest<M: Meaning>(text: &str) -> Result<DigestOf<M>, Problem> {
    text.parse().map_err(|fault: Fault| Problem::bad_digest(fault.next_step()))
}

/// The algorithm that an upload says its digest will be of (`end-4c`).
pub(crate) fn read_algorithm(text: &str) -> Result<Algorithm, Problem> {
    text.parse().map_err(|fault: Fault| {
        Problem::bad_digest(format!("this registry has no such algorithm: {}", fault.next_step()))
    })
}

/// No tag holds a colon and every digest does, so a broken digest is not taken for a tag that is missing.
fn read_name(text: &str) -> Result<ManifestName, Problem> {
    if text.contains(':') {
        return read_digest(text).map(ManifestName::Digest);
    }
    // The specification has no code for a tag that cannot exist; there is none, so it is unknown.
    text.parse().map(ManifestName::Tag).map_err(|_| Problem::unknown_manifest("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_from_the_end() {
        let (digest, artifact) = (Digest::of(b"x"), ArtifactDigest::of(b"x"));
        for (path, expected) in [
            ("/v2/".to_owned(), Route::Version),
            ("/v2/_catalog".into(), Route::Catalog),
            (
                "/v2/a/b/manifests/1".into(),
                Route::Manifest { repository: "a/b".into(), name: ManifestName::Tag("1".parse().expect("tag")) },
            ),
            (
                format!("/v2/blobs/manifests/manifests/{digest}"),
                Route::Manifest { repository: "blobs/manifests".into(), name: ManifestName::Digest(artifact) },
            ),
            (format!("/v2/a/blobs/{digest}"), Route::Blob { repository: "a".into(), digest }),
            ("/v2/a/blobs/uploads/".into(), Route::BeginUpload { repository: "a".into() }),
            ("/v2/a/blobs/uploads/7".into(), Route::Upload { repository: "a".into(), id: "7".into() }),
            ("/v2/tags/list/tags/list".into(), Route::Tags { repository: "tags/list".into() }),
            (format!("/v2/a/referrers/{digest}"), Route::Referrers { repository: "a".into(), digest: artifact }),
        ] {
            assert_eq!(Route::of(&path).expect(&path), expected);
        }
    }

    #[test]
    fn refuses_what_could_leave_the_store() {
        for path in [
            "/",
            "/v1/x",
            "/v2/../etc/manifests/1",
            "/v2/a/../b/manifests/1",
            "/v2/%2e%2e/manifests/1",
            "/v2/A/manifests/1",
            "/v2//manifests/1",
            "/v2/manifests/1",
            "/v2/_layout/manifests/1",
            "/v2/a/_layout/manifests/1",
            "/v2/_catalog/",
            "/v2/_catalog/tags/list",
            "/v2/a/manifests/..",
            "/v2/a/manifests/sha256:../../x",
            "/v2/a/blobs/sha256:xyz",
            "/v2/a/blobs/sha512:00",
            "/v2/a:1/tags/list",
        ] {
            assert!(Route::of(path).is_err(), "{path}");
        }
    }
}
