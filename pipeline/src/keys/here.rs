//! The keys of a site, and what they verify on it.

use aisoc_installation::Site;
use aisoc_manifests::fault::Result;
use aisoc_signing::Keyring;

use crate::at_rest::{AtRest, AtRestOptions, verify_at_rest};

/// A directory of keys, and what is installed beside it.
#[derive(Debug)]
pub struct KeysHere {
    /// The keys.
    pub keyring: Keyring,
    /// What is installed, judged by them; nothing where there is no plugins directory.
    pub installed: Option<AtRest>,
}

/// Reads the keys, and every installed plugin, which they judge.
///
/// # Errors
/// `io_not_found` when there is nothing where keys should be; as [`Keyring::read`] and [`verify_at_rest`].
pub fn keys_here(options: &AtRestOptions) -> Result<KeysHere> {
    let keyring = Keyring::read(&options.trust.keys_dir)?.require_there()?;
    let installed = (!is_without_plugins(&options.site)).then(|| verify_at_rest(options)).transpose()?;
    Ok(KeysHere { keyring, installed })
}

/// Reads the keys, where nobody can judge what is installed.
///
/// # Errors
/// As [`keys_here`].
pub fn keys_alone(options: &AtRestOptions) -> Result<KeysHere> {
    Ok(KeysHere { keyring: Keyring::read(&options.trust.keys_dir)?.require_there()?, installed: None })
}

/// Whether nothing at all stands where plugins would be. What cannot be looked at is no such answer.
pub(super) fn is_without_plugins(site: &Site) -> bool {
    matches!(site.path().symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}
