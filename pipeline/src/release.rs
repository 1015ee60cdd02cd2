//! `release`: a checkout is read once, signed as a private copy, and published from that.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Manifest, ManifestFile};
use aisoc_packaging::{FoundSecret, PluginDir, default_threads};
use aisoc_signing::{Fingerprint, KeyHolder};

use crate::publication::{PackageOptions, Publication, SignatureRule, read_manifest};
use crate::sign::{WholeTree, sweep_checkout};
use crate::timestamps::Timestamper;

/// What becomes of the checkout that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkout {
    /// It stays as it is, byte by byte: it may be read-only, and a second release begins where this one did.
    Unchanged,
    /// It gets the signature, as `sign` would write it.
    Updated,
}

/// A checkout whose files were read, each once, into a private copy.
#[derive(Debug)]
pub struct ReleaseCopy(PluginDir);

/// A release that is signed and not published yet.
#[derive(Debug)]
pub struct SignedRelease {
    /// The signed copy.
    pub publication: Publication,
    /// Whose signatures it has, the first signer first.
    pub signers: Vec<Fingerprint>,
    /// The files of others who had signed exactly this, and whose signatures it does not have.
    pub removed_signatures: Vec<String>,
}

impl ReleaseCopy {
    /// Reads a directory.
    ///
    /// # Errors
    /// `forbidden_entry`, `manifest_missing`, I/O reasons.
    pub fn read(directory: &Path, options: &PackageOptions, checkout: Checkout) -> Result<Self> {
        if checkout == Checkout::Updated {
            sweep_checkout(directory);
        }
        PluginDir::copied(directory, &options.secrets, default_threads(), &options.limits).map(Self)
    }

    /// Which file is the manifest, and its bytes.
    pub fn manifest(&self) -> (ManifestFile, &[u8]) {
        (self.0.manifest_file(), self.0.manifest_bytes())
    }

    /// What the manifest states.
    ///
    /// # Errors
    /// What a host's manager refuses in it.
    pub fn plugin(&self) -> Result<Manifest> {
        read_manifest(&self.0)
    }

    /// Whether a path is in what is released; with a `/` at the end, as a directory.
    pub fn has(&self, path: &str) -> bool {
        let below = |directory: &str| self.0.files().iter().any(|(file, _)| file.as_str().starts_with(directory));
        path.ends_with('/') && below(path) || RelPath::parse(path).is_ok_and(|path| self.0.files().get(&path).is_some())
    }

    pub(crate) fn tree(&self) -> &PluginDir {
        &self.0
    }

    /// What looks like a secret and is released because its path was allowed.
    pub fn allowed_secrets(&self) -> &[FoundSecret] {
        self.0.allowed_secrets()
    }

    /// Signs the copy, every file, with `key` and with every one of `others`: nobody else has signed it then. With a
    /// `timestamper` each signature has its timestamp beside it.
    ///
    /// # Errors
    /// As [`crate::sign_directory_knowing`]; `internal` when the copy is not what was signed.
    pub fn sign(
        self,
        key: &dyn KeyHolder,
        others: &[Box<dyn KeyHolder>],
        timestamper: Option<Timestamper<'_>>,
        checkout: Checkout,
    ) -> Result<SignedRelease> {
        let Self(plugin) = self;
        let whole = WholeTree::sign(&plugin, key, others, timestamper)?;
        let removed_signatures = whole.replaced(&plugin);
        if checkout == Checkout::Updated {
            whole.write(&plugin, None)?;
        }
        let (signed, signers) = (whole.signed().statement().digest(), whole.signers());
        let plugin = plugin.signed_with(whole.into_files()?)?;
        // Read as a host reads it: what goes out has to be what the signature is over.
        let found = plugin.claim().statement()?.digest();
        if signed != found {
            return Err(Fault::new(Reason::Internal, "the private copy is not what was signed")
                .expected(signed.to_string(), found.to_string()));
        }
        let publication = Publication::judged(plugin, &SignatureRule::Compared)?;
        Ok(SignedRelease { publication, signers, removed_signatures })
    }
}
