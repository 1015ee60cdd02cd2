//! Blobs: asked for and fetched in whole or in part (`end-2`), deleted (`end-10`).
//!
//! A blob is sent as it lies on the disk and is not hashed for every reader: readers hash (that is what the
//! digest is for), and a server that hashed gigabytes per question could be held up by asking.

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::layout::StoredBlob;
use aisoc_registry_client::worker::blocking;
use hyper::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use crate::problem::Problem;
use crate::registry::Registry;
use crate::response::{Answered, Body, empty, part, with_headers};

impl Registry {
    pub(crate) async fn blob(&self, head: &Parts, repository: &str, digest: Digest) -> Answered {
        match head.method {
            Method::GET | Method::HEAD => self.get_blob(head, repository, digest).await,
            Method::DELETE => self.delete_blob(repository, digest).await,
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        }
    }

    async fn get_blob(&self, head: &Parts, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        // Who asks whether it is there is about to name it, and does not send it.
        let is_question = head.method == Method::HEAD;
        let found = blocking(move || match store.repository(&name)? {
            Some(layout) if is_question => store.wanted(&layout, digest),
            Some(layout) => layout.blob(digest),
            None => Ok(None),
        });
        // Also in a repository that is not there: whoever asks before a push wants to know of the blob.
        let blob = found.await?.ok_or_else(|| Problem::unknown_blob(digest))?;
        let asked = range(head).map_or(Asked::Whole, |range| Asked::of(range, blob.size));
        Ok(sent(blob, digest, asked))
    }

    /// Takes the blob away, for this repository only: others have links of their own to the same bytes.
    async fn delete_blob(&self, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let removed = self.on_documents(move || {
            let Some(repository) = store.indexed(&name)? else { return Ok(false) };
            // A manifest is a file among the blobs, but it is deleted as a manifest: the entry in the index would name
            // a file that is gone. While the index is held, so that no manifest is stored that names it.
            repository.change(|catalog| {
                let is_manifest = catalog.lists(digest);
                Ok((vec![], !is_manifest && repository.layout().remove_blob(digest)?))
            })
        });
        if removed.await? {
            return Ok(with_headers(StatusCode::ACCEPTED, &[], empty()));
        }
        Err(Problem::unknown_blob(digest))
    }
}

/// The range that is asked for. It is defined for GET alone, and one that is good for a certain version only
/// (`If-Range`) is good for none here: blobs have a digest and no version (RFC 9110, 14.2 and 13.1.5).
fn range(head: &Parts) -> Option<&str> {
    let range = head.headers.get(RANGE).filter(|_| head.method == Method::GET)?;
    range.to_str().ok().filter(|_| !head.headers.contains_key(IF_RANGE))
}

/// The answer with the blob, or with the part of it that was asked for.
fn sent(blob: StoredBlob, digest: Digest, asked: Asked) -> Response<Body> {
    let size = blob.size;
    let mut headers = vec![
        // Never the type that a manifest gives it, which whoever pushed chose: a browser would act on it.
        (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
        ("docker-content-digest", digest.to_string()),
        (ACCEPT_RANGES.as_str(), "bytes".to_owned()),
    ];
    let (status, start, length) = match asked {
        Asked::Whole => (StatusCode::OK, 0, size),
        Asked::Part { start, length } => {
            headers.push((CONTENT_RANGE.as_str(), format!("bytes {start}-{}/{size}", start + length - 1)));
            (StatusCode::PARTIAL_CONTENT, start, length)
        }
        Asked::Nothing => {
            // How long it is, so that a client that resumes sees that it has all (RFC 9110, 15.5.17).
            headers.push((CONTENT_RANGE.as_str(), format!("bytes */{size}")));
            return with_headers(StatusCode::RANGE_NOT_SATISFIABLE, &headers, empty());
        }
    };
    // Said aloud because the answer to HEAD has no body to count.
    headers.push((CONTENT_LENGTH.as_str(), length.to_string()));
    with_headers(status, &headers, part(blob, start, length))
}

/// What a `Range` header asks for (RFC 9110, 14.1.2). Read to the last character: a form that is not
/// known is no range, and the whole is always a right answer to one (14.2).
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Everything; also for what we do not support, such as several ranges.
    Whole,
    Part {
        start: u64,
        length: u64,
    },
    /// Bytes that are not there.
    Nothing,
}

impl Asked {
    fn of(range: &str, size: u64) -> Self {
        let asked = range.split_once('=').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
        let Some((first, last)) = asked.and_then(|(_, range)| range.split_once('-')) else {
            return Self::Whole;
        };
        // `parse` would take a sign.
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let (start, end) = match (number(first), number(last)) {
            // No such range, which may be refused as well as passed over (RFC 9110, 14.2): who asks for it has
            // miscounted, and is not sent gigabytes for that.
            (Some(start), Some(end)) if start > end => return Self::Nothing,
            (Some(start), Some(end)) => (start, end.min(size.saturating_sub(1))),
            (Some(start), None) if last.is_empty() => (start, size.saturating_sub(1)),
            // The last so many bytes; more than there are is the whole.
            (None, Some(suffix)) if first.is_empty() => {
                (size - suffix.min(size), if suffix == 0 { 0 } else { size.saturating_sub(1) })
            }
            _ => return Self::Whole,
        };
        if start >= size || (first.is_empty() && last == "0") {
            return Self::Nothing;
        }
        Self::Part { start, length: end - start + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        let part = |start, length| Asked::Part { start, length };
        for (text, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-", part(2, 8)),
            ("Bytes=2-", part(2, 8)),
            ("bytes=2-100", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-100", part(0, 10)),
            ("bytes=-0", Asked::Nothing),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-20", Asked::Nothing),
            ("bytes=5-2", Asked::Nothing),
            ("bytes=1-0", Asked::Nothing),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=99999999999999999999-", Asked::Whole),
        ] {
            assert_eq!(Asked::of(text, 10), expected, "{text}");
        }
        assert_eq!(Asked::of("bytes=0-0", 0), Asked::Nothing);
        assert_eq!(Asked::of("bytes=-1", 0), Asked::Nothing);
    }
}
