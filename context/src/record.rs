//! A file that a host keeps what it knows in, written whole.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use aisoc_files::{Draft, Existing};
use serde::Serialize;

/// Puts that, as JSON, into the place of what stands there.
///
/// # Errors
/// `FileTooLarge` for more than whoever reads it next would read; those of writing. Then what stands there stays.
pub(crate) fn write_record(path: &Path, draft: &str, record: &impl Serialize, most: u64) -> io::Result<()> {
    let text = serde_json::to_string(record)?;
    if text.len() as u64 > most {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let mut draft = Draft::create(aisoc_files::parent(path), draft, 0o600)?;
    draft.write_all(text.as_bytes())?;
    draft.publish(path, Existing::Replace)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn no_more_is_written_than_is_read() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("record.json");
        for (length, is_written) in [(8, true), (9, false)] {
            let written = write_record(&path, ".aisoc-x-", &"a".repeat(length - 2), 8);
            assert_eq!(written.is_ok(), is_written, "{length}");
            assert_eq!(fs::read_to_string(&path).expect("read"), "\"aaaaaa\"");
        }
    }
}
