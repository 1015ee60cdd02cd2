//! What a file among the trusted keys is by its name: a key, the note on a key, or what may have been meant
//! for one. A note that nobody reads revokes nothing, so what may be one is never passed over.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use aisoc_manifests::name::folded;
use aisoc_manifests::text::without_hidden;

const NOTE_SUFFIX: &str = ".json";
/// How a note begins that is written as JSON, or as YAML.
const NOTE_BEGINNINGS: [&str; 6] = ["{", "schema_version", "not_before", "not_after", "revoked_at", "revoked"];

/// The file name without its last suffix, if that is `.pem` or `.pub` in any case. `.pem` alone is a
/// hidden file without a suffix, as in Python's `pathlib`.
pub(super) fn key_stem(file: &str) -> Option<&str> {
    let (stem, suffix) = file.rsplit_once('.')?;
    let is_key = suffix.eq_ignore_ascii_case("pem") || suffix.eq_ignore_ascii_case("pub");
    (is_key && !stem.is_empty()).then_some(stem)
}

/// Whether a file of that name is a key.
pub(super) fn is_key_name(file: &OsStr) -> bool {
    key_stem(&file.to_string_lossy()).is_some()
}

/// Whether what stands beside one key file, in a directory that is not for keys alone, may have been meant for its
/// note: it is named after the key, and speaks of JSON or begins as a note does. What else an author keeps there
/// under that name, an archive or the plugin's own directory, takes nothing away.
pub(super) fn may_be_note_beside(key: &OsStr, name: &OsStr, begins_as_note: impl FnOnce() -> bool) -> bool {
    let own = stems(key);
    let is_named_after = || stems(name).iter().any(|stem| own.contains(stem));
    let is_no_key = !is_key_name(name) && !is_private_half(name);
    name == note_of(key) || (is_no_key && is_named_after() && (resembles_json(name) || begins_as_note()))
}

/// The name of the note on a key file.
pub fn note_of(key: &OsStr) -> OsString {
    let name = key.as_bytes();
    let stem = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    OsString::from_vec([&name[..stem], NOTE_SUFFIX.as_bytes()].concat())
}

/// The key files of a directory, by what other names have in common with theirs.
pub(super) struct KeyNames<'a> {
    files: Vec<&'a OsStr>,
    stems: BTreeSet<String>,
}

impl<'a> KeyNames<'a> {
    pub(super) fn new(files: impl Iterator<Item = &'a OsStr>) -> Self {
        let files: Vec<&OsStr> = files.collect();
        let stems = files.iter().flat_map(|file| stems(file)).collect();
        Self { files, stems }
    }

    /// Whether a name that is neither a key's nor a note's may have been meant for a note: it speaks of JSON,
    /// with a slip too, or stands beside a key as a note does. `ops.key` is the private half that `keygen` writes
    /// beside `ops.pem`: known by its suffix, as a key is.
    pub(super) fn resemble(&self, name: &OsStr) -> bool {
        let stands_beside = || stems(name).iter().any(|stem| self.stems.contains(stem));
        resembles_json(name) || (!is_private_half(name) && stands_beside())
    }

    /// The key file that a note of that name may have been meant for.
    pub(super) fn nearest(&self, name: &OsStr) -> Option<&'a OsStr> {
        let note = folded_name(name);
        let distance = |key: &OsStr| {
            let appended = format!("{}{NOTE_SUFFIX}", folded_name(key));
            strsim::osa_distance(&note, &folded_name(&note_of(key))).min(strsim::osa_distance(&note, &appended))
        };
        let near = self.files.iter().map(|key| (distance(key), *key)).filter(|(distance, _)| *distance <= 2).min();
        let own = stems(name);
        let beside = || self.files.iter().copied().find(|key| stems(key).iter().any(|stem| own.contains(stem)));
        near.map(|(_, key)| key).or_else(beside)
    }
}

/// Whether a file begins as a note does, after blanks, a byte order mark and quotes.
pub(super) fn begins_as_note(content: &[u8]) -> bool {
    let start = visible_start(content);
    NOTE_BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

/// Whether nothing has begun in `content`: when the file goes on, a note may follow.
pub(super) fn has_not_begun(content: &[u8]) -> bool {
    visible_start(content).is_empty()
}

fn visible_start(content: &[u8]) -> String {
    let is_between = |c: char| c.is_whitespace() || "\u{fffd}\"'-".contains(c);
    without_hidden(&String::from_utf8_lossy(content)).trim_start_matches(is_between).to_owned()
}

fn is_private_half(name: &OsStr) -> bool {
    folded_name(name).ends_with(".key")
}

fn resembles_json(name: &OsStr) -> bool {
    let name = folded_name(name);
    let suffix = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).rsplit_once('.');
    name.contains("json") || suffix.is_some_and(|(_, suffix)| strsim::osa_distance(suffix, "json") <= 1)
}

/// The name up to its first dot and up to its last one, as people take the two for one: without case, and
/// without the dot of a hidden file and the marks of an editor around it. Clusters begin the names of their
/// own directories with two dots, and those stand beside no key.
fn stems(name: &OsStr) -> Vec<String> {
    let name = folded_name(name);
    if name.starts_with("..") {
        return Vec::new();
    }
    let name = name.trim_matches(|c: char| !c.is_alphanumeric());
    let first = name.split('.').next().unwrap_or(name);
    let last = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain = |stem: &str| stem.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    [first, last].map(plain).into_iter().filter(|stem| !stem.is_empty()).collect()
}

fn folded_name(name: &OsStr) -> String {
    folded(name.to_string_lossy().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_hosts_suffix() {
        for (file, stem) in [
            ("ops.pem", Some("ops")),
            ("ops.PUB", Some("ops")),
            (".pem", None),
            (".ops.pem", Some(".ops")),
            ("ops", None),
            ("ops.pem.bak", None),
            ("a.b.pem", Some("a.b")),
        ] {
            assert_eq!(key_stem(file), stem, "{file}");
        }
    }

    #[test]
    fn a_note_is_known_by_its_beginning() {
        for note in ["{", " \r\n\t{}", "\u{feff}{", "\u{200b}\u{a0}{", "---\nrevoked_at: x", "\"not_after\": 1"] {
            assert!(begins_as_note(note.as_bytes()), "{note:?}");
        }
        for note in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"\xef\xbb\xbf\n{"] {
            assert!(begins_as_note(note), "{note:?}");
        }
        for other in ["", "Keys of the team. A note is {\"revoked_at\": …}", "-----BEGIN CERTIFICATE-----", "[]"] {
            assert!(!begins_as_note(other.as_bytes()), "{other:?}");
        }
    }

    fn os(name: &str) -> &OsStr {
        OsStr::new(name)
    }

    #[test]
    fn the_note_on_a_key_has_its_name_up_to_the_last_dot() {
        for (key, note) in
            [("ops.pem", "ops.json"), ("a.b.PUB", "a.b.json"), (".ops.pem", ".ops.json"), ("ops", "ops.json")]
        {
            assert_eq!(note_of(os(key)), os(note), "{key}");
        }
    }

    #[test]
    fn what_speaks_of_json_or_stands_beside_a_key_may_be_meant_for_a_note() {
        let names = KeyNames::new([os("ops.pem")].into_iter());
        // One slip in the suffix, and the suffix anywhere; beside a key everything but its private half.
        for name in [
            "x.jsn",
            "x.jsno",
            "x.JSON",
            "x.json~",
            "json",
            "x.json.bak",
            "x.json. ",
            "ops.txt",
            "ops",
            ".ops.swp",
            "OPS.yaml",
        ] {
            assert!(names.resemble(os(name)), "{name}");
        }
        for name in ["x.js", "x.jn", "README.md", "ops.key", "OPS.KEY", "..ops", "other.txt", "opsx.txt"] {
            assert!(!names.resemble(os(name)), "{name}");
        }
    }

    #[test]
    fn a_stray_note_means_the_key_whose_note_is_at_most_two_slips_away() {
        let names = KeyNames::new([os("alice.pem"), os("robert.pem")].into_iter());
        for (name, key) in [
            ("alice.jso", Some("alice.pem")),
            ("alcie.json", Some("alice.pem")),
            ("alixx.json", Some("alice.pem")),
            ("axxxe.json", None),
            ("alice.pem.json", Some("alice.pem")),
            ("Robert.JSON", Some("robert.pem")),
            ("robert.notes-of-the-key", Some("robert.pem")),
            ("somebody.json", None),
        ] {
            assert_eq!(names.nearest(os(name)), key.map(os), "{name}");
        }
    }

    #[test]
    fn blanks_and_quotes_are_no_beginning() {
        for content in ["", " \r\n\t", "\u{feff}\u{200b}", "---\n", "\"'"] {
            assert!(has_not_begun(content.as_bytes()), "{content:?}");
        }
        for content in ["x", " {", "---\n#", "\0"] {
            assert_eq!(has_not_begun(content.as_bytes()), content == "\0", "{content:?}");
        }
    }
}
