//! Changes of an index that are not in its `index.json` yet: one line each, in a file beside it.
//!
//! Whoever changes a large index often appends what changed, and writes the document now and then. What the index
//! says is the document *and then* the lines: a line is synced before anybody is told that it holds, and applying
//! one again changes nothing, so it does not matter where a kill falls between the document and the removal
//! of its lines.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::oci::Descriptor;
use serde::{Deserialize, Serialize};

/// The file of the changes. It is no part of a layout, and not there when there are none.
pub(super) const CHANGES: &str = ".aisoc-changes";
/// Ends what a power cut or a full disk has left of a line, which nobody was told of.
pub(super) const CUT: u8 = b'~';
/// Largest file of changes that is read: what writes them makes them a document long before.
pub(super) const MAX_CHANGES_BYTES: u64 = 32 << 20;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// The index lists the manifest, under that tag and no other manifest with it.
    Put {
        /// What is listed.
        manifest: Descriptor,
        /// The tag, when it gets one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
    },
    /// The tag is gone, and what it named stays.
    Untag {
        /// The tag.
        tag: String,
    },
    /// The manifest is gone with its tags.
    Remove {
        /// Which.
        digest: ArtifactDigest,
    },
}

/// The changes of a file. Its last line, without an end, is one that was never finished.
///
/// # Errors
/// The first line that is no change, as the parser words it.
pub(super) fn read_changes(bytes: &[u8]) -> serde_json::Result<Vec<Change>> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = bytes[..whole].split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty() && line.last() != Some(&CUT)).map(serde_json::from_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_no_change_and_what_is_broken_is_an_error() {
        let untag = |tag: &str| Change::Untag { tag: tag.to_owned() };
        let line = r#"{"change":"untag","tag":"a"}"#;
        assert_eq!(serde_json::to_string(&untag("a")).expect("written"), line);
        for (bytes, expected) in [
            (String::new(), vec![]),
            (line.to_owned(), vec![]),
            (format!("{line}\n"), vec![untag("a")]),
            (format!("{line}\n{line}"), vec![untag("a")]),
            (format!("{{\"chan~\n{line}\n"), vec![untag("a")]),
            (format!("{line}~\n"), vec![]),
        ] {
            assert_eq!(read_changes(bytes.as_bytes()).expect(&bytes), expected, "{bytes}");
        }
        for broken in ["{\n", "x\n", "{\"change\":\"other\"}\n", "{\"change\":\"untag\",\"tag\":\"a\",\"more\":1}\n"] {
            assert!(read_changes(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
