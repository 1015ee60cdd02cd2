//! What a file is that is no layout archive: said by name, with the way to what was meant.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::plugin::ManifestFile;

use super::documents::{MARKER, invalid};

/// How files begin that hold something else in another form, and what takes it out.
const FORMS: [(&[u8], &str, &str); 6] = [
    (b"\x1f\x8b", "gzip", "tar -xf"),
    (b"\x28\xb5\x2f\xfd", "zstd", "tar -xf"),
    (b"\xfd7zXZ\0", "xz", "tar -xf"),
    (b"BZh", "bzip2", "tar -xf"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
];
/// The longest of those beginnings.
const MAGIC_BYTES: usize = 6;
/// What `docker save` writes at the top of an archive that is no layout.
const DOCKER_LIST: &str = "manifest.json";

/// Refuses a file that is compressed: a layout archive is read by offsets, and a plugin's archive is no artifact.
///
/// # Errors
/// `layout_invalid`, naming the form and the command that unpacks it; I/O reasons.
pub(super) fn require_uncompressed(path: &Path, file: &File) -> Result<()> {
    let mut begin = [0; MAGIC_BYTES];
    match file.read_exact_at(&mut begin, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        read => read.map_err(|error| Fault::io("read", path, error))?,
    }
    match FORMS.iter().find(|(magic, ..)| begin.starts_with(magic)) {
        None => Ok(()),
        Some((_, form, command)) => Err(invalid(path, &format!("it is compressed ({form})"))
            .expected("an uncompressed tar", *form)
            .hint(format!(
                "unpack it with `{command} {}`, then name the plugin's directory, or `oci:DIR` for a layout",
                shell_word(path)
            ))),
    }
}

/// The fault of a tar that is no layout, by the names that it holds.
pub(super) fn without_marker<'a>(path: &Path, mut names: impl Iterator<Item = &'a str>) -> Fault {
    let missing = invalid(path, &format!("`{MARKER}` is missing"));
    let unpack = || format!("unpack it with `tar -xf {}`, then name the plugin's directory", shell_word(path));
    match names.find(|name| is_of_a_plugin(name) || *name == DOCKER_LIST) {
        None => missing,
        Some(DOCKER_LIST) => invalid(path, "it is an archive of Docker images"),
        Some(_) => invalid(path, "it is an archive of a plugin's directory").hint(unpack()),
    }
}

/// A manifest at the top or in a directory there.
fn is_of_a_plugin(name: &str) -> bool {
    let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
    ManifestFile::ALL.iter().any(|file| [name, inner].contains(&file.name()))
}
