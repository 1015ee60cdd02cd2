//! `Certificates`: whose word is taken for who a registry is.

use std::path::PathBuf;

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
    /// Whether the machine's own authorities are not asked.
    pub(crate) fn replace_those_of_the_machine(&self) -> bool {
        self.file.is_some() || !self.directories.is_empty()
    }
}
