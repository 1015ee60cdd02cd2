//! `registries.toml`: what a user has written down of each registry.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::RegistrySettings;
use aisoc_registry_client::settings::MAX_SETTINGS_BYTES;

use super::directory::ConfigDirectory;

/// Its name.
const FILE: &str = "registries.toml";

impl ConfigDirectory {
    /// What is written down of registries; nothing where there is no such file.
    ///
    /// # Errors
    /// `registry_settings_invalid`, and as [`ConfigDirectory::read`]: what cannot be read may say what must not be passed
    /// over.
    pub(crate) fn registry_settings(&self) -> Result<RegistrySettings> {
        let Some(bytes) = self.read(FILE, MAX_SETTINGS_BYTES)? else { return Ok(RegistrySettings::default()) };
        let file = self.shown(FILE);
        let text = String::from_utf8(bytes).map_err(|error| {
            let message = format!("`{file}` is no text in UTF-8, from byte {} on", error.utf8_error().valid_up_to());
            Fault::new(Reason::RegistrySettingsInvalid, message)
        })?;
        RegistrySettings::read(&text, file, self.path())
    }
}
