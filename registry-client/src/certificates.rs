//! `Certificates`: whose word is taken for who a registry is.

use std::path::PathBuf;

use crate::settings::{ClientCertificate, KeyReader, SettingFile};

/// Whose word is taken for who a registry is. Empty, it is the machine's own authorities; every file here was
/// named by whoever runs the command, and one that cannot be used is refused and never passed over.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Trusted beside the others: a private authority, or the certificate of one registry.
    pub added: Option<CertificateFile>,
    /// In place of all that the machine trusts: `SSL_CERT_FILE`.
    pub file: Option<CertificateFile>,
    /// The same, as `SSL_CERT_DIR` lists them. Those that are not there are passed over, as everybody does:
    /// distributions list the places of other distributions.
    pub directories: Vec<PathBuf>,
    /// Trusted for one registry beside the others, as its settings say.
    pub of_registry: Vec<SettingFile>,
    /// Who we are to that registry.
    pub own: Option<ClientCertificate>,
    /// How its key is read.
    pub key_reader: KeyReader,
}

/// A file of certificates in PEM, of at most 4 MiB. What else stands in it is not looked at: files that hold a
/// server's key beside its certificate are common.
#[derive(Debug, Clone)]
pub struct CertificateFile {
    /// The flag or variable that named it, for messages.
    pub named_by: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

impl Certificates {
    /// The same for whoever is not the registry: we are nobody there.
    pub(crate) fn without_own(&self) -> Self {
        Self { own: None, ..self.clone() }
    }

    /// Whether the machine's own authorities are not asked.
    pub(crate) fn replace_those_of_the_machine(&self) -> bool {
        self.file.is_some() || !self.directories.is_empty()
    }
}
