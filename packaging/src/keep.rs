//! `Keep`: the bytes of a file that describes the plugin, held while the file streams by.

use aisoc_signing::Content;

/// Holds a file's bytes up to a bound, and lets go of all of them when there are more.
#[derive(Debug)]
pub(crate) struct Keep {
    max_bytes: u64,
    bytes: Option<Vec<u8>>,
}

impl Keep {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self { max_bytes, bytes: Some(Vec::new()) }
    }

    /// Takes the next bytes of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let fits = |held: &Vec<u8>| (held.len() + bytes.len()) as u64 <= self.max_bytes;
        self.bytes = self.bytes.take().filter(fits);
        if let Some(held) = &mut self.bytes {
            held.extend_from_slice(bytes);
        }
    }

    /// The file, after its last byte.
    pub(crate) fn finish(self) -> Content {
        match self.bytes {
            Some(bytes) => Content::Whole(bytes),
            None => Content::TooLarge { max_bytes: self.max_bytes },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_whole_or_not_at_all() {
        for (pieces, expected) in [
            (&[][..], Content::Whole(Vec::new())),
            (&["ab", "cd"][..], Content::Whole(b"abcd".to_vec())),
            (&["ab", "cde"][..], Content::Whole(b"abcde".to_vec())),
            (&["ab", "cdef"][..], Content::TooLarge { max_bytes: 5 }),
            (&["abcdef"][..], Content::TooLarge { max_bytes: 5 }),
            (&["abcdef", ""][..], Content::TooLarge { max_bytes: 5 }),
        ] {
            let mut keep = Keep::new(5);
            pieces.iter().for_each(|piece| keep.push(piece.as_bytes()));
            assert_eq!(keep.finish(), expected, "{pieces:?}");
        }
    }
}
