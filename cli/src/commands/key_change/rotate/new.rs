//! Which key comes: a file, or one that is in the directory already.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::{HeldKey, Keyring, PublicKey};

use super::super::pem;
use crate::context::Context;

/// The new key, and how it is called.
pub(super) struct NewKey {
    pub(super) key: PublicKey,
    /// Its name in the directory: the one that it has there, else the one that it gets.
    pub(super) id: String,
    /// Where its publisher would look for the private half of it.
    pub(super) private_key: String,
}

/// The key that `word` names. A file that was moved by an earlier run is found where it stands now, so that the same
/// line can be run again.
///
/// # Errors
/// As [`pem::read`], and `usage` for a key that has no name yet, or another one.
pub(super) fn named(word: &str, id: Option<String>, keyring: &Keyring, context: &Context) -> Result<NewKey> {
    let held = || held(word, keyring);
    let is_missing = |path: &Path| matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound);
    let key = match (word != "-" && is_missing(Path::new(word))).then(held).flatten() {
        Some(held) => held.key,
        None => pem::read(word, context)?,
    };
    let known: Vec<&HeldKey> = keyring.all_keys().iter().filter(|held| held.fingerprint == key.fingerprint()).collect();
    let id = match (known.first(), id) {
        (None, Some(id)) => id,
        (None, None) => pem::id_of(word)?,
        (Some(known), None) => known.id.to_string(),
        (Some(_), Some(id)) if known.iter().any(|held| held.id.as_str() == id) => id,
        (Some(known), Some(id)) => return Err(other_name(known, &id)),
    };
    let private_key = private_key(word, &id, keyring);
    Ok(NewKey { key, id, private_key })
}

fn other_name(known: &HeldKey, asked: &str) -> Fault {
    let id = |id: &str| format!("`--id {}`", shell_word(id));
    Fault::new(Reason::Usage, format!("the new key is here already, as `{}`, and keeps its name", known.file))
        .expected(format!("{}, or none", id(known.id.as_str())), id(&shown(asked, 80)))
        .hint("leave `--id` out")
}

/// Beside the public half, as `keygen` leaves it; a key of the directory has none there.
fn private_key(word: &str, id: &str, keyring: &Keyring) -> String {
    let path = Path::new(word);
    let is_beside = word.ends_with(".pem") && below(path, keyring).is_none();
    let path = if is_beside { path.with_extension("key") } else { format!("{id}.key").into() };
    // What begins as an option does is none.
    let path = if word.starts_with('-') && is_beside { Path::new(".").join(path) } else { path };
    path.display().to_string()
}

/// A key of the directory, by its name or by a path into the directory.
fn held<'a>(word: &str, keyring: &'a Keyring) -> Option<&'a HeldKey> {
    let below = below(Path::new(word), keyring);
    let id = below.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
    keyring.named(word).or_else(|fault| id.map_or(Err(fault), |id| keyring.named(id))).ok()
}

/// The path from the directory of keys on, however either of them was spelled.
fn below(path: &Path, keyring: &Keyring) -> Option<PathBuf> {
    let (path, directory) = (std::path::absolute(path).ok()?, std::path::absolute(keyring.directory()).ok()?);
    path.strip_prefix(directory).ok().map(Path::to_path_buf)
}
