//! The hash by which a lock knows an installed distribution.

use std::fmt;

use aisoc_manifests::digest::FileDigest;

/// A file that is hashed as text, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// `METADATA` or `RECORD`.
    pub file: &'static str,
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its {} is not UTF-8", self.file)
    }
}

impl std::error::Error for NotUtf8 {}

/// `sha256:` and the SHA-256 over `METADATA`, then `RECORD`: of each that is there the name, a zero byte, the text and
/// a zero byte. Text is what Python reads of a file in text mode: CRLF and CR are LF, and a byte order mark stays.
///
/// It tells one installed wheel from another, and an edited `RECORD`; the code itself is in it only as far as `RECORD`
/// states digests.
///
/// # Errors
/// [`NotUtf8`], which fails the read in Python as well.
pub fn distribution_hash(metadata: Option<&[u8]>, record: Option<&[u8]>) -> Result<String, NotUtf8> {
    let mut hasher = FileDigest::hasher();
    for (file, content) in [("METADATA", metadata), ("RECORD", record)] {
        let Some(content) = content else { continue };
        let text = std::str::from_utf8(content).map_err(|_| NotUtf8 { file })?;
        hasher.update(file);
        hasher.update([0]);
        hasher.update(text.replace("\r\n", "\n").replace('\r', "\n"));
        hasher.update([0]);
    }
    Ok(format!("sha256:{}", hasher.finish().hex()))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!("../../../testdata/vectors/dist_hash.json");

    #[test]
    fn every_vector_of_the_reference_comes_out() {
        let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
        let vectors = vectors["vectors"].as_array().expect("a list");
        assert_eq!(vectors.len(), 9);
        for vector in vectors {
            let file = |name: &str| {
                let content = vector["files"].get(name)?;
                Some(STANDARD.decode(content.as_str().expect("text")).expect("base64"))
            };
            let (metadata, record) = (file("METADATA"), file("RECORD"));
            let hash = distribution_hash(metadata.as_deref(), record.as_deref());
            match vector["expect"]["hash"].as_str() {
                Some(expected) => assert_eq!(hash.as_deref(), Ok(expected), "{}", vector["name"]),
                None => {
                    assert_eq!(vector["expect"]["error"], "UnicodeDecodeError");
                    assert_eq!(hash, Err(NotUtf8 { file: "METADATA" }), "{}", vector["name"]);
                }
            }
        }
    }
}
