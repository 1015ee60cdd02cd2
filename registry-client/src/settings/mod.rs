//! `RegistrySettings`: what an operator has written down of each registry, and what of it counts for one.
//!
//! Read `setting` for what can be said, `file` for how what is named is read, `written` for the file, `mirrors` for who holds the same, `certs_d` for directories of certificates as Docker has them. What is said on the command
//! line counts before all of it: whoever makes [`ClientOptions`](crate::ClientOptions) puts it there.

mod certs_d;
mod file;
mod mirrors;
mod setting;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::registry_host::RegistryHost;
use zeroize::Zeroizing;

pub use file::SettingFile;
use setting::key;
pub use setting::{ClientCertificate, LoginSources, RegistryMirror, RegistrySetting};
pub use written::MAX_SETTINGS_BYTES;

/// What was written down of registries. Empty, nothing was.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// The file, as messages name it.
    file: String,
    /// Directories that have one of certificates for each registry.
    certs_d: Option<PathBuf>,
    /// By the host, as [`key`] has it.
    registries: BTreeMap<String, RegistrySetting>,
    /// Whether an authority was named elsewhere, in place of all that are named here.
    other_authority: bool,
    /// Whether a login was named elsewhere, whatever is written here of where they come from.
    other_login: bool,
}

/// What counts for one registry, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSetting {
    /// The file, as messages name it.
    pub file: String,
    /// The directory of certificates that has some for the registry.
    pub certs_d: Option<PathBuf>,
    /// What both say.
    pub setting: RegistrySetting,
}

impl RegistrySettings {
    /// What that text says. Relative paths in it are below `directory`; `file` is how messages name it.
    ///
    /// # Errors
    /// `registry_settings_invalid`, with line and column.
    pub fn read(text: &str, file: impl Into<String>, directory: &Path) -> Result<Self> {
        let file = file.into();
        let written::Read { certs_d, registries } = written::read(text, &file, directory)?;
        Ok(Self { file, certs_d, registries, other_authority: false, other_login: false })
    }

    /// The same where an authority was named on the command line, which stands in place of those that are written here.
    #[must_use]
    pub fn with_other_authority(self) -> Self {
        Self { other_authority: true, ..self }
    }

    /// Whether an authority was named in place of those that are written here.
    pub fn has_other_authority(&self) -> bool {
        self.other_authority
    }

    /// The same where a login was handed in, which is the one that is meant.
    #[must_use]
    pub fn with_other_login(self) -> Self {
        Self { other_login: true, ..self }
    }

    /// Who holds the same as that registry, in the order in which they are asked, and whether they alone are. No file is read.
    pub(crate) fn mirrors_of(&self, registry: &RegistryHost) -> (&[RegistryMirror], bool) {
        self.registries.get(&key(registry)).map_or((&[], false), |said| (&said.mirrors, said.mirrors_only))
    }

    /// What is written of that registry; none where nothing is. What its own table says counts before a directory of
    /// certificates.
    ///
    /// # Errors
    /// `directory_insecure` for a directory of certificates that others can change, `registry_settings_invalid` for what
    /// is in it, `io_` reasons.
    pub fn of(&self, registry: &RegistryHost) -> Result<Option<HeldSetting>> {
        let listed = match &self.certs_d {
            Some(directory) => certs_d::read(directory, registry)?,
            None => None,
        };
        let written = self.registries.get(&key(registry));
        if written.is_none() && listed.is_none() {
            return Ok(None);
        }
        let mut setting = written.cloned().unwrap_or_default();
        if self.other_login {
            setting.credentials = LoginSources::All;
            setting.credentials_at = None;
        }
        let mut certs_d = None;
        if let Some(certs_d::Listed { directory, authorities, client_certificate }) = listed
            && setting.plain_http != Some(true)
        {
            if setting.authorities.is_empty() {
                setting.authorities = authorities;
            }
            setting.client_certificate = setting.client_certificate.or(client_certificate);
            certs_d = Some(directory);
        }
        Ok(Some(HeldSetting { file: self.file.clone(), certs_d, setting }))
    }
}

/// How the file of a private key is read by whoever knows who else may read it: the one of that path, or where it is open
/// already the open one, of which the path is what messages name.
type ReadKey = dyn Fn(&Path, Option<&File>) -> Result<Zeroizing<Vec<u8>>> + Send + Sync;

/// Reads private keys, and refuses those that others can read.
#[derive(Clone, Default)]
pub struct KeyReader(Option<Arc<ReadKey>>);

impl KeyReader {
    /// By that function, which is given the path, and the file where it is open already.
    pub fn by(read: impl Fn(&Path, Option<&File>) -> Result<Zeroizing<Vec<u8>>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read)))
    }

    pub(crate) fn read(&self, key: &SettingFile) -> Result<Zeroizing<Vec<u8>>> {
        match &self.0 {
            Some(read) => read(key.path(), key.open()),
            None => Err(Fault::new(Reason::Internal, "a private key is to be read, and nobody has said how")),
        }
    }
}

impl fmt::Debug for KeyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyReader({})", if self.0.is_some() { "somebody" } else { "nobody" })
    }
}
