//! `Limits`: how much of an untrusted artifact is read before it is refused.

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::plugin::{MAX_MANIFEST_BYTES, ManifestFile};
use aisoc_manifests::tar::MAX_EXTENSION_BYTES;
use aisoc_signing::{FILE_LIST, MAX_SIGNATURE_FILE_BYTES, is_signature_file};

/// Upper bounds on what one plugin may hold. Each bound stops one way to exhaust the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most files and directories together: stops inode exhaustion (a 1 MiB layer can name 50,000 empty files).
    pub max_entries: usize,
    /// Most entries of a directory that are looked at, those that rules leave out among them: stops a walk
    /// that never comes to what it judges.
    pub max_seen_entries: usize,
    /// Most bytes of all names together: stops memory exhaustion by long names, which headers make cheap.
    pub max_name_bytes: usize,
    /// Largest single file: stops one entry from taking the disk.
    pub max_file_bytes: u64,
    /// Most unpacked bytes of one layer, padding and headers included, and of the files of all layers
    /// together: stops a bomb below the ratio, and one that comes in many layers.
    pub max_total_bytes: u64,
    /// Most unpacked bytes per received byte: stops a decompression bomb while it is still small.
    /// Judged after the first MiB of output, since small text archives compress far better.
    pub max_ratio: u64,
    /// Largest manifest: it is held in memory and parsed.
    pub max_manifest_bytes: u64,
    /// Largest signature file: stops a payload behind the blanks that the host's reader strips.
    pub max_signature_bytes: u64,
    /// Most of `plugin.sig.d/files` that is held in memory, to name the file that differs; a longer list
    /// is not read, and verification does not need it.
    pub max_file_list_bytes: u64,
    /// Largest PAX or long-name record: they are held in memory.
    pub max_extension_bytes: u64,
    /// What ends the work before any bound does.
    pub cancellation: Cancellation,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 50_000,
            max_seen_entries: 1_000_000,
            max_name_bytes: 8 << 20,
            max_file_bytes: 4 << 30,
            max_total_bytes: 4 << 30,
            max_ratio: 100,
            max_manifest_bytes: MAX_MANIFEST_BYTES as u64,
            max_signature_bytes: MAX_SIGNATURE_FILE_BYTES,
            max_file_list_bytes: 8 << 20,
            max_extension_bytes: MAX_EXTENSION_BYTES,
            cancellation: Cancellation::default(),
        }
    }
}

impl Limits {
    /// The default bounds, for work that `cancellation` ends.
    pub fn until(cancellation: &Cancellation) -> Self {
        Self { cancellation: cancellation.clone(), ..Self::default() }
    }

    /// The most that a file of that name, relative to the plugin, may have to be held in memory; `None` for
    /// files that do not describe it.
    pub(crate) fn bytes_to_keep(&self, name: &[u8]) -> Option<u64> {
        match std::str::from_utf8(name).ok()? {
            FILE_LIST => Some(self.max_file_list_bytes),
            name if is_signature_file(name) => Some(self.max_signature_bytes),
            name if ManifestFile::ALL.iter().any(|file| file.name() == name) => Some(self.max_manifest_bytes),
            _ => None,
        }
    }
}

/// Output below which [`Limits::max_ratio`] is not judged.
pub(crate) const RATIO_FREE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_the_plugin_is_held_each_up_to_its_own_bound() {
        let limits =
            Limits { max_manifest_bytes: 1, max_signature_bytes: 2, max_file_list_bytes: 3, ..Limits::default() };
        let fingerprint = format!("plugin.sig.d/{}.sig", "a".repeat(64));
        for (name, expected) in [
            (&b"plugin.yaml"[..], Some(1)),
            (b"aisoc-plugin.json", Some(1)),
            (b"plugin.sig", Some(2)),
            (fingerprint.as_bytes(), Some(2)),
            (b"plugin.sig.d/files", Some(3)),
            (b"plugin.sig.d", None),
            (b"plugin.sig.d/files/", None),
            (b"plugin.sig.d/short.sig", None),
            (b"sub/plugin.yaml", None),
            (b"PLUGIN.YAML", None),
            (b"plugin.yaml\xff", None),
            (b"", None),
        ] {
            assert_eq!(limits.bytes_to_keep(name), expected, "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn bounds_until_a_stop_are_the_bounds_without_one() {
        let cancellation = Cancellation::default();
        let limits = Limits::until(&cancellation);
        assert!(!limits.cancellation.is_cancelled());
        cancellation.cancel();
        assert!(limits.cancellation.is_cancelled() && !Limits::default().cancellation.is_cancelled());
        assert_eq!(Limits { cancellation: limits.cancellation.clone(), ..Limits::default() }, limits);
    }
}
