//! The certificate that a host shows, and its private key: two files, which are read again when they have changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_host::ServerTls;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_registry_client::tls_provider;

use crate::context::Context;
use crate::output::Output;
use crate::secret_file::Secret;

/// Larger than any chain of certificates.
const MAX_CERTIFICATE_BYTES: u64 = 1 << 20;
const KEY: Secret = Secret {
    name: "private key",
    reason: Reason::KeyInvalid,
    max_bytes: 64 << 10,
    ways: "name the file of the certificate's private key with `--tls-private-key FILE`",
};
/// How often it is asked whether the files have changed.
const ROUND: Duration = Duration::from_secs(2);

/// The two files, and what was last read of them.
pub(super) struct TlsFiles {
    certificate: PathBuf,
    private_key: PathBuf,
    shown: Arc<ServerTls>,
    output: Output,
    cancellation: Cancellation,
}

impl TlsFiles {
    /// Reads both.
    ///
    /// # Errors
    /// As [`ServerTls::new`], `private_key_exposed` for a key that others can read, and I/O reasons.
    pub(super) fn begin(certificate: PathBuf, private_key: PathBuf, context: &Context) -> Result<Self> {
        let cancellation = context.cancellation()?.clone();
        let (chain, key) = (chain(&certificate)?, key(&private_key, &cancellation)?);
        let shown = ServerTls::new(tls_provider()?, &chain, &key).map_err(|fault| named(fault, &certificate))?;
        Ok(Self { certificate, private_key, shown: Arc::new(shown), output: context.output.clone(), cancellation })
    }

    pub(super) fn shown(&self) -> Arc<ServerTls> {
        Arc::clone(&self.shown)
    }

    /// Shows what is in the files now, again and again. What cannot be used leaves in place what was shown before, and is
    /// said once.
    pub(super) async fn reread_for_ever(self) {
        let (files, mut said) = (Arc::new(self), None);
        loop {
            tokio::time::sleep(ROUND).await;
            let reading = Arc::clone(&files);
            let Ok(read) = tokio::task::spawn_blocking(move || reading.reread()).await else { return };
            said = match read {
                Ok(false) => None,
                Ok(true) => {
                    files.output.status("Shown", format!("the certificate of `{}`, anew", files.certificate.display()));
                    None
                }
                Err(fault) => {
                    let why = fault.to_string();
                    if said.as_ref() != Some(&why) {
                        files.output.warning(Warning::CertificateKept, why.clone());
                    }
                    Some(why)
                }
            };
        }
    }

    fn reread(&self) -> Result<bool> {
        let (chain, key) = (chain(&self.certificate)?, key(&self.private_key, &self.cancellation)?);
        self.shown.replace(&chain, &key).map_err(|fault| named(fault, &self.certificate))
    }
}

fn named(fault: Fault, certificate: &Path) -> Fault {
    fault.about(format!("`{}`", certificate.display())).hint(
        "name a certificate in PEM with `--tls-certificate FILE`, and its private key with `--tls-private-key FILE`",
    )
}

fn chain(path: &Path) -> Result<Vec<u8>> {
    let read = read_small(path, MAX_CERTIFICATE_BYTES, Links::Followed);
    read.map(|file| file.content).map_err(|error| match error {
        SmallFileError::Io(error) => Fault::io("read", path, error),
        error => Fault::new(Reason::Usage, format!("`{}` is no certificate", path.display())).caused_by(error),
    })
}

fn key(path: &Path, cancellation: &Cancellation) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let shown = path.display().to_string();
    let unreadable = |error| Fault::io("read", path, error);
    KEY.file(&shown, cancellation, unreadable)?.refuse_exposed()
}
