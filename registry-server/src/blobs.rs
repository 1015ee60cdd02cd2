//! Blobs: asked for, fetched in whole or in part, deleted.

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::worker::blocking;
use hyper::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::problem::Problem;
use crate::registry::Registry;
use crate::response::{Answered, empty, part, with_headers};

impl Registry {
    pub(crate) async fn blob(&self, head: &Parts, repository: &str, digest: Digest) -> Answered {
        match head.method {
            Method::GET | Method::HEAD => self.get_blob(head, repository, digest).await,
            Method::DELETE => self.delete_blob(repository, digest).await,
            _ => Err(Problem::method()),
        }
    }

    async fn get_blob(&self, head: &Parts, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let found = blocking(move || match store.repository(&name)? {
            Some(layout) => layout.blob(digest),
            None => Ok(None),
        });
        let blob = found.await?.ok_or_else(|| Problem::unknown_blob(digest))?;
        let size = blob.size;
        let mut headers = vec![
            (CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()),
            ("docker-content-digest", digest.to_string()),
            (ACCEPT_RANGES.as_str(), "bytes".to_owned()),
        ];
        let asked = head.headers.get(RANGE).and_then(|range| range.to_str().ok());
        let (status, start, length) = match asked.map_or(Asked::Whole, |range| Asked::of(range, size)) {
            Asked::Whole => (StatusCode::OK, 0, size),
            Asked::Part { start, length } => {
                let end = start + length - 1;
                headers.push((CONTENT_RANGE.as_str(), format!("bytes {start}-{end}/{size}")));
                (StatusCode::PARTIAL_CONTENT, start, length)
            }
            Asked::Nothing => {
                headers.push((CONTENT_RANGE.as_str(), format!("bytes */{size}")));
                return Ok(with_headers(StatusCode::RANGE_NOT_SATISFIABLE, &headers, empty()));
            }
        };
        headers.push((CONTENT_LENGTH.as_str(), length.to_string()));
        Ok(with_headers(status, &headers, part(blob, start, length)))
    }

    async fn delete_blob(&self, repository: &str, digest: Digest) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let removed = self.on_documents(move || match store.repository(&name)? {
            // A manifest is a file among the blobs, but it is deleted as a manifest.
            Some(layout) if layout.index()?.manifests.iter().any(|entry| entry.digest == digest) => Ok(false),
            Some(layout) => layout.remove_blob(digest),
            None => Ok(false),
        });
        if removed.await? {
            return Ok(with_headers(StatusCode::ACCEPTED, &[], empty()));
        }
        Err(Problem::unknown_blob(digest))
    }
}

/// What a `Range` header asks for (RFC 9110, 14.1.2).
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
        let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let (start, end) = match (number(first), number(last)) {
            (Some(start), Some(end)) if start <= end => (start, end.min(size.saturating_sub(1))),
            (Some(start), None) if last.is_empty() => (start, size.saturating_sub(1)),
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
            ("bytes=2-100", part(2, 8)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-100", part(0, 10)),
            ("bytes=-0", Asked::Nothing),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-20", Asked::Nothing),
            ("bytes=5-2", Asked::Whole),
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
