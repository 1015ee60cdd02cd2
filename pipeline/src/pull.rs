//! `pull`: fetch and unpack to look at. Nothing is verified, and nothing is installed.
#![expect(clippy::disallowed_methods, reason = "nothing is pulled over what is there already")]

use std::path::Path;

use aisoc_files::may_write_in;
use aisoc_installation::{Site, release_unverified};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_registry_client::ClientOptions;

use crate::events::{Event, Reporter};
use crate::fetch::{Fetched, fetch};

/// What was pulled.
#[derive(Debug)]
pub struct Pulled {
    /// Digest of the artifact's manifest.
    pub digest: ArtifactDigest,
    /// The index that the reference names, when it names one that this was taken of.
    pub index: Option<ArtifactDigest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub platform: Option<PlatformName>,
    /// How many files were written.
    pub files: usize,
    /// The directories that were left out, because no file is in them.
    pub empty_directories: Vec<String>,
}

/// Fetches an artifact and unpacks its plugin into `out`, which must not exist or be empty. The same
/// walk and limits as an install; the directory appears whole or not at all.
///
/// # Errors
/// `already_exists` when `out` holds something; every refusal of fetching and staging.
pub async fn pull(
    reference: &Reference,
    out: &Path,
    options: &ClientOptions,
    dry_run: DryRun,
    reporter: &dyn Reporter,
) -> Result<Pulled> {
    let occupied = match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    if occupied {
        return Err(Fault::new(Reason::AlreadyExists, format!("`{}` exists and is not empty", out.display())));
    }
    reporter.event(&Event::Resolving { reference });
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let keeping = ClientOptions {
        // A dry run writes nothing.
        partials: (!dry_run.is_on()).then(|| Site::at(parent).partials()),
        ..options.clone()
    };
    let fetched = fetch(reference, None, &keeping, reporter).await?;
    if dry_run.is_on() {
        may_write_in(parent).map_err(|error| Fault::io("write", out, error))?;
        let staged = fetched.stage(Staging::hash_only(Limits::until(&options.cancellation)), reporter).await?;
        return Ok(pulled(&fetched, &staged));
    }
    let staging = Staging::into_place(Site::at(parent).staging()?, Limits::default())?;
    let staged = fetched.stage(staging, reporter).await?;
    let pulled = pulled(&fetched, &staged);
    release_unverified(staged, out)?;
    Ok(pulled)
}

fn pulled<P>(fetched: &Fetched, staged: &Staged<P>) -> Pulled {
    let (files, empty_directories) = (staged.files().len(), staged.empty_directories().to_vec());
    let (digest, index, platform) = (fetched.artifact.digest(), fetched.index, fetched.platform.clone());
    Pulled { digest, index, platform, files, empty_directories }
}
