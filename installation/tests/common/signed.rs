//! Versions of one plugin that a publisher has signed, as the gates judge them in trust mode `warn`.

use std::fs;
use std::path::Path;

use aisoc_installation::{Access, InstallRecord, Installed, StagingDirectory};
use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_packaging::{PluginDir, Staged};
use aisoc_signing::{Claim, Coverage, Keyring, Overwrite, SigningKey, sign, stamp, write_key_pair};
use aisoc_testkit::archive::TarBuilder;
use aisoc_trust::{Examined, Policy, TrustMode, examine};
use jiff::Timestamp;
use tempfile::TempDir;

use super::versions::source;
use super::{MANIFEST, TAR, activate, record, stage_into, untitled};

/// Whose key is trusted.
pub(crate) struct Publisher {
    key: SigningKey,
    keys: TempDir,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        let (key, keys) = (SigningKey::generate().expect("random numbers"), tempfile::tempdir().expect("a directory"));
        write_key_pair(&keys.path().join("release"), &key, Overwrite::Refuse).expect("written");
        Self { key, keys }
    }

    /// The plugin `demo` of that version, of which the signature covers so much.
    pub(crate) fn source(&self, version: &str, coverage: Coverage) -> TempDir {
        let source = source(version);
        let claim = || PluginDir::open(source.path()).expect("a plugin").claim();
        if coverage == Coverage::Full {
            let stamped = stamp(ManifestFile::Yaml, MANIFEST.as_bytes(), &claim().tree().files).expect("stamped");
            fs::write(source.path().join("plugin.yaml"), stamped.manifest).expect("written");
        }
        if coverage != Coverage::None {
            let signed = sign(claim().statement().expect("a statement"), &self.key).expect("signed");
            fs::write(source.path().join("plugin.sig"), signed.signature().to_hex()).expect("written");
        }
        source
    }

    /// What the gates about proof say.
    pub(crate) fn examined(&self, claim: &Claim) -> Examined {
        let keyring = Keyring::read(self.keys.path()).expect("readable");
        examine(&Policy::of(TrustMode::Warn), claim, |claim, findings| {
            aisoc_signing::examine(claim, &keyring, &Timestamp::UNIX_EPOCH.into(), findings)
        })
    }

    /// Stages that version, with what the gates about proof say of it and the record of its install.
    pub(crate) fn staged(
        &self,
        plugins: &Path,
        version: &str,
        coverage: Coverage,
    ) -> (Examined, Staged<StagingDirectory>, InstallRecord) {
        let source = self.source(version, coverage);
        let mut tar = TarBuilder::new();
        for name in ["plugin.sig", "plugin.yaml", "version.py"] {
            if let Ok(content) = fs::read_to_string(source.path().join(name)) {
                tar = tar.file(name, &content);
            }
        }
        let staged = stage_into(plugins, &untitled(), TAR, tar.end().as_slice()).expect("staged");
        let examined = self.examined(&staged.claim().expect("a claim"));
        assert_eq!(examined.verdict().expect("let pass").coverage(), coverage);
        let record = InstallRecord { coverage: Some(coverage.as_str().to_owned()), ..record(&staged, version) };
        (examined, staged, record)
    }

    pub(crate) fn install(
        &self,
        plugins: &Path,
        version: &str,
        coverage: Coverage,
        access: &Access,
    ) -> Result<Installed> {
        let (examined, staged, record) = self.staged(plugins, version, coverage);
        activate(examined, staged, &record, 1, access)
    }
}
