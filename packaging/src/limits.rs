//! `Limits`: how much of an untrusted artifact is read before it is refused.

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::plugin::{MAX_MANIFEST_BYTES, ManifestFile};
use aisoc_manifests::tar::MAX_EXTENSION_BYTES;
use aisoc_signing::{FILE_LIST, MAX_SIGNATURE_FILE_BYTES, MAX_TIMESTAMP_BYTES, is_signature_file, is_timestamp_file};

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
    /// Most bytes of all files of all layers together: stops a bomb below the ratio, and one that comes in many
    /// layers. Headers and padding are bounded beside them, by the number of entries and the length of names.
    pub max_total_bytes: u64,
    /// Most unpacked bytes per received byte, beyond the first [`Limits::max_unrated_bytes`]: stops a
    /// decompression bomb long before it has taken the disk. Tables of records, which compress best of what
    /// people write, come to 240; a repeated byte comes to 1,030 in gzip and to tens of thousands in zstd.
    pub max_ratio: u64,
    /// Most unpacked bytes of all layers together for which no ratio is judged: so much is no harm to whoever
    /// has room for a plugin, whatever it was made of.
    pub max_unrated_bytes: u64,
    /// Largest manifest: it is held in memory and parsed.
    pub max_manifest_bytes: u64,
    /// Largest signature file: stops a payload behind the blanks that the host's reader strips.
    pub max_signature_bytes: u64,
    /// Largest timestamp of a signature: what is larger is something else that nobody has signed.
    pub max_timestamp_bytes: u64,
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
            max_ratio: 300,
            max_unrated_bytes: 16 << 20,
            max_manifest_bytes: MAX_MANIFEST_BYTES as u64,
            max_signature_bytes: MAX_SIGNATURE_FILE_BYTES,
            max_timestamp_bytes: MAX_TIMESTAMP_BYTES,
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

    /// The most that a layer may come to, headers and padding included: of the files themselves
    /// [`Limits::max_total_bytes`] is the bound, here as where they are packed.
    pub(crate) fn max_unpacked_bytes(&self) -> u64 {
        // A header and a block that is begun, the same for a long name, and what is said beside it; the names.
        let headers = (self.max_entries as u64).saturating_mul(5 * 512) + 2 * self.max_name_bytes as u64;
        self.max_total_bytes.saturating_add(headers)
    }

    /// Whether so much may not come out of so little. The one rule of those who pack and those who unpack.
    pub(crate) fn is_bomb(&self, unpacked: u64, packed: u64) -> bool {
        unpacked.saturating_sub(self.max_unrated_bytes) / self.max_ratio > packed
    }

    /// The most that a file of that name, relative to the plugin, may have to be held in memory; `None` for
    /// files that do not describe it.
    pub(crate) fn bytes_to_keep(&self, name: &[u8]) -> Option<u64> {
        match std::str::from_utf8(name).ok()? {
            FILE_LIST => Some(self.max_file_list_bytes),
            name if is_timestamp_file(name) => Some(self.max_timestamp_bytes),
            name if is_signature_file(name) => Some(self.max_signature_bytes),
            name if ManifestFile::ALL.iter().any(|file| file.name() == name) => Some(self.max_manifest_bytes),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_the_plugin_is_held_each_up_to_its_own_bound() {
        let (max_manifest_bytes, max_signature_bytes, max_file_list_bytes, max_timestamp_bytes) = (1, 2, 3, 4);
        let limits = Limits {
            max_manifest_bytes,
            max_signature_bytes,
            max_file_list_bytes,
            max_timestamp_bytes,
            ..Limits::default()
        };
        let fingerprint = format!("plugin.sig.d/{}.sig", "a".repeat(64));
        let timestamp = format!("plugin.sig.d/{}.tsr", "a".repeat(64));
        for (name, expected) in [
            (&b"plugin.yaml"[..], Some(1)),
            (b"aisoc-plugin.json", Some(1)),
            (b"plugin.sig", Some(2)),
            (fingerprint.as_bytes(), Some(2)),
            (timestamp.as_bytes(), Some(4)),
            (b"plugin.sig.tsr", None),
            (b"plugin.sig.d/short.tsr", None),
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
    fn a_ratio_is_judged_beyond_what_is_free_of_it_to_the_byte() {
        let limits = Limits { max_ratio: 100, max_unrated_bytes: 1000, ..Limits::default() };
        for (unpacked, packed, is_bomb) in [
            (0, 0, false),
            (1000, 0, false),
            (1099, 0, false),
            (1100, 0, true),
            (1000 + 100 * 7 + 99, 7, false),
            (1000 + 100 * 7 + 100, 7, true),
        ] {
            assert_eq!(limits.is_bomb(unpacked, packed), is_bomb, "{unpacked} of {packed}");
        }
        let (json, gzipped) = (13_200_000, 54_930);
        assert!(!Limits::default().is_bomb(json, gzipped), "a table of detections");
        assert!(!Limits::default().is_bomb(100 * json, 100 * gzipped), "a hundred of them");
        assert!(Limits::default().is_bomb(32 << 20, 32_700), "zeros");
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
