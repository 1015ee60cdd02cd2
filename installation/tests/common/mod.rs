//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod commands;
pub(crate) mod signed;
pub(crate) mod versions;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_installation::{InstallRecord, StagingDirectory};
use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_testkit::archive::TarBuilder;
pub(crate) use aisoc_testkit::layers::*;
pub(crate) use commands::*;

/// Makes `.aisoc-staging-killed` in `plugins` what a killed process leaves: ours, private, held by nobody.
pub(crate) fn abandon_staging(plugins: &Path) {
    let staging = plugins.join(".aisoc-staging-killed");
    write(&staging, &[(aisoc_files::MARKER, aisoc_files::MARKER_TEXT)]);
    fs::set_permissions(&staging, fs::Permissions::from_mode(0o700)).expect("mode");
}

/// Stages one layer into `plugins`.
pub(crate) fn stage_into(
    plugins: &Path,
    form: &LayerForm,
    media_type: &str,
    reader: impl Read,
) -> Result<Staged<StagingDirectory>> {
    let mut staging = Staging::into_place(StagingDirectory::create(plugins)?, Limits::default())?;
    staging.layer(form, media_type, reader)?;
    staging.finish()
}

pub(crate) fn record(staged: &Staged<StagingDirectory>, version: &str) -> InstallRecord {
    InstallRecord {
        schema_version: InstallRecord::SCHEMA_VERSION,
        id: "demo".parse().expect("an id"),
        version: version.to_owned(),
        reference: "localhost:5000/demo:1".to_owned(),
        digest: ArtifactDigest::of(version.as_bytes()),
        index_digest: None,
        platform: None,
        tree_digest: staged.subject(),
        canonical_digest: None,
        signature_status: "skipped".to_owned(),
        signing_key_id: None,
        signers: Vec::new(),
        coverage: None,
        installed_at: "2026-01-01T00:00:00Z".to_owned(),
        capabilities: None,
        rolled_back_at: None,
        rolled_back_from: None,
    }
}

pub(crate) fn good() -> TarBuilder {
    TarBuilder::new().directory("demo/").file("demo/plugin.yaml", MANIFEST).file("demo/plugin.py", "pass\n")
}
